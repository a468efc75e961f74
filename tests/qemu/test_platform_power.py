"""The board: power button, restart, watchdogs, the log of a crash, clocks, and much or little memory."""
import mmap
import os
import re
import socket
import struct
import time

import pytest

from conftest import GUEST, HOST, IP, KERNEL, ROOT, get, sh

UP = r"httpd: serving"


class Boots:
    """The log of a machine that starts several times, one start after the other."""

    def __init__(self, machine):
        self.machine, self.seen = machine, 0

    def wait(self, pattern, timeout=60):
        """The match of `pattern` in what was logged since the last one."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            log = self.machine.log()
            match = re.compile(pattern).search(log, self.seen)
            if match:
                self.seen = match.end()
                return match
            if self.machine.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is not in the log since its {self.seen}th character:\n{self.machine.log()}")


def ends(machine, timeout=60):
    """Whether QEMU ends by itself; its status."""
    return machine.process.wait(timeout)


RESTARTS = ["-action", "reboot=reset"]


@pytest.mark.parametrize("board", ["pc", "q35"])
def test_the_power_button_switches_the_machine_off(boot, board):
    m = boot(board=board)
    m.wait_log(UP)
    m.monitor("system_powerdown")
    assert ends(m) == 0
    assert "The power button was pressed" in m.log()


@pytest.mark.parametrize("way", ["system_powerdown", "sendkey ctrl-alt-delete"])
def test_connections_end_in_order_before_the_machine_goes(boot, way):
    """An idle connection gets its FIN, and the name is taken back (RFC 6762 10.1): nobody is left waiting."""
    m = boot().wait_http()
    m.wait_log(r"http://skiff\.local/ leads to")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as group, socket.create_connection((GUEST, 80), 60) as idle:
        group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        group.bind(("224.0.0.251", 5353))
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.251") + socket.inet_aton(HOST))
        group.settimeout(60)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: skiff\r\n\r\n")
        while b"</html>" not in idle.recv(1 << 16, socket.MSG_PEEK)[-20:]:
            time.sleep(0.05)
        idle.recv(1 << 20)
        m.monitor(way)
        assert idle.recv(1) == b""  # not ECONNRESET, and not silence
        goodbye = struct.pack("!HHIH", 1, 0x8001, 0, 4) + socket.inet_aton(GUEST)  # A, IN, TTL 0
        while goodbye not in group.recv(1500):
            pass
    assert ends(m) == 0


def test_a_machine_without_acpi_says_that_it_cannot_switch_itself_off(boot):
    m = boot(board="pc,acpi=off", append=f"{IP} crash=off")
    m.wait_log("cannot switch itself off")
    assert "ACPI: this machine has no tables" in m.log()


@pytest.mark.parametrize("board", ["pc", "q35"])
def test_a_restart_is_one_and_leaves_no_crash_log(boot, board):
    m = boot(board=board, append=f"{IP} crash=restart", extra=RESTARTS)
    boots = Boots(m)
    for _ in range(3):
        boots.wait("Skiff, started by")
        boots.wait("crash_test: restart")
    assert "The machine" not in m.log()


@pytest.mark.parametrize("board", ["pc", "q35"])
def test_a_panic_is_told_after_the_restart(boot, board):
    boots = Boots(boot(board=board, append=f"{IP} crash=panic panic=-1", extra=RESTARTS))
    boots.wait("Kernel panic: asked for by crash=panic")
    boots.wait("Skiff, started by")
    boots.wait(r"The machine crashed before, at uptime \d+ s:")
    boots.wait(r"\| \[ +\d+\.\d+\] Kernel panic: asked for by crash=panic")
    boots.wait(r"\| .* crash_panic\+")


def test_the_log_of_a_machine_that_was_reset_is_told_by_the_next_start(boot):
    m = boot(extra=RESTARTS)
    boots = Boots(m)
    boots.wait(UP)
    m.monitor("system_reset")
    boots.wait("The machine was reset before, without having been asked to")
    boots.wait(r"\| .*" + UP)
    boots.wait(UP)


@pytest.mark.parametrize("way", ["CD", "hard disk"])
def test_the_crash_log_outlives_bios_and_grub(boot, tmp_path, way):
    iso = tmp_path / "skiff.iso"
    sh(ROOT / "boot/usb.sh", KERNEL, iso, timeout=120, env=dict(os.environ, APPEND=f"{IP} crash=ud panic=-1"), cwd=ROOT)
    medium = {"CD": ["-cdrom", iso], "hard disk": ["-drive", f"file={iso},format=raw,if=ide"]}[way]
    boots = Boots(boot(boot=medium, mem="128M", extra=RESTARTS))
    boots.wait("Kernel panic: invalid opcode", timeout=120)
    boots.wait("The machine crashed before", timeout=120)
    boots.wait(r"\| .*Kernel panic: invalid opcode")


WATCHDOGS = {
    "i6300esb": dict(board="pc", extra=["-device", "i6300esb"]),
    "iTCO": dict(board="q35", extra=["-global", "ICH9-LPC.noreboot=false"]),
}


@pytest.mark.parametrize("name", WATCHDOGS)
def test_a_watchdog_resets_a_hung_machine_which_then_tells_its_last_lines(boot, name):
    options = WATCHDOGS[name]
    boots = Boots(boot(board=options["board"], extra=options["extra"] + RESTARTS, append=f"{IP} crash=hang watchdog=5"))
    boots.wait(f"watchdog: {name} resets the machine if it hangs for 5 seconds")
    boots.wait("crash_test: hang")
    boots.wait("Skiff, started by", timeout=120)
    boots.wait("The machine was reset before, without having been asked to")
    boots.wait(r"\| .*crash_test: hang")


@pytest.mark.parametrize("name", WATCHDOGS)
def test_a_watchdog_leaves_a_machine_alone_that_runs(boot, name):
    options = WATCHDOGS[name]
    m = boot(board=options["board"], extra=options["extra"], append=f"{IP} watchdog=5")
    m.wait_http()
    end = time.monotonic() + 12
    while time.monotonic() < end:
        assert get("/")[0] == 200
        time.sleep(1)
    assert m.process.poll() is None
    assert m.log().count("Skiff, started by") == 1


def test_a_panic_that_halts_is_not_ended_by_the_watchdog(boot):
    m = boot(extra=["-device", "i6300esb"], append=f"{IP} crash=panic watchdog=2")
    m.wait_log("Halted")
    time.sleep(6)
    assert m.process.poll() is None


def test_the_watchdog_qemu_was_given_runs_unasked_and_that_of_the_chipset_does_not(boot):
    m = boot(extra=["-device", "i6300esb"])
    m.wait_log("watchdog: i6300esb resets the machine if it hangs for 30 seconds")
    m.stop()
    boot(board="q35").wait_log("watchdog: iTCO found, not used")


def test_a_non_maskable_interrupt_is_a_panic_with_a_name(boot):
    m = boot()
    m.wait_log(UP)
    m.monitor("nmi")
    m.wait_log("Kernel panic: non-maskable interrupt")


def test_a_machine_check_is_a_panic_that_tells_the_bank(boot):
    m = boot()
    m.wait_log(UP)
    m.monitor("mce 0 1 0xbe00000000000135 0x5 0x12345000 0x0")
    m.wait_log("Kernel panic: machine check")
    m.wait_log(r"machine check: bank 1, status be00000000000135, address 0*12345000")


# --- memory ---

@pytest.mark.parametrize("board, mem", [("pc", "4M"), ("pc", "5M"), ("pc", "16M"), ("q35", "64M"), ("pc", "2G"), ("q35", "4G"),
                                        ("pc", "16G"), ("q35", "16G")])
def test_boots_and_answers_with_little_and_much_memory(boot, board, mem):
    m = boot(board=board, mem=mem)
    m.wait_http(timeout=60)
    assert get("/")[0] == 200
    mib = int(mem[:-1]) * (1024 if mem[-1] == "G" else 1)
    have = int(re.search(r"Memory: (\d+) KiB", m.log())[1]) // 1024
    assert mib - 4 <= have <= mib


# --- clocks ---

@pytest.mark.parametrize("board, by", [("pc", "hpet"), ("q35", "hpet"), ("pc,hpet=off", "acpi_pm"), ("pc,hpet=off,acpi=off", "pit")])
def test_time_is_measured_by_the_best_clock_there_is(boot, board, by):
    m = boot(board=board)
    m.wait_log(rf"clock: time stamp counter, \d+ kHz by {by}")
    m.wait_http()


@pytest.mark.parametrize("source", ["hpet", "acpi_pm", "pit"])
def test_time_goes_by_each_clock(boot, source):
    """A panic waits two seconds by its clock before it restarts: less than one by ours would be wrong, ten might be."""
    start = time.monotonic()
    m = boot(append=f"{IP} clocksource={source} crash=panic panic=2")
    m.wait_log(f"clock: {source}, ")
    m.wait_log("Restarting in 2 seconds", timeout=60)
    panicked = time.monotonic()
    assert ends(m) == 0
    assert 1.5 < time.monotonic() - panicked < 60 and time.monotonic() - start > 1.5


def test_a_clocksource_that_is_not_there_is_named_with_those_that_are(boot):
    m = boot(board="pc,hpet=off", append=f"{IP} clocksource=hpet")
    m.wait_log("clocksource=hpet is not on this machine; there are tsc acpi_pm pit")
    m.wait_http()


def symbol(name):
    """Address and size of a variable of the kernel."""
    for line in sh("nm", "-S", ROOT / "build/skiff64.elf").stdout.splitlines():
        fields = line.split()
        if len(fields) == 4 and re.fullmatch(name + r"(\.\d+|\.lto_priv\.\d+)?", fields[3]):
            yield int(fields[0], 16), int(fields[1], 16)


def test_a_time_stamp_counter_that_drifts_is_given_up_for_a_steady_clock(boot, tmp_path):
    """Its scale is doubled in the machine's memory, as if it ticked at twice its speed from now on."""
    ram = tmp_path / "ram"
    m = boot(extra=["-object", f"memory-backend-file,id=ram,size=64M,mem-path={ram},share=on"], board="pc,memory-backend=ram")
    khz = int(m.wait_log(r"clock: time stamp counter, (\d+) kHz")[1])
    m.wait_http()
    m.monitor("stop")
    with open(ram, "r+b") as f, mmap.mmap(f.fileno(), 64 << 20) as memory:
        changed = 0
        for address, size in symbol("clock"):
            for at in range(address, address + size, 8):
                value = struct.unpack_from("<Q", memory, at)[0]
                if value and abs((10**6 << 32) // khz - value) < value // 1000:
                    struct.pack_into("<Q", memory, at, value * 2)
                    changed += 1
        assert changed == 1
    m.monitor("cont")
    m.wait_log("the time stamp counter is not steady: .* by hpet, which is used from now on", timeout=120)
    assert get("/", timeout=30)[0] == 200


def test_acpi_can_be_switched_off(boot):
    m = boot(append=f"{IP} acpi=off")
    m.wait_log("ACPI: off, as the command line says")
    m.wait_log("kHz by pit")
    m.wait_http()
