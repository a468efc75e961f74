"""From power-on to the first answer, by every way and with everything that can be wrong."""
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest

from conftest import GUEST, IP, KERNEL, ROOT, Site, add_tap, digest, get, pack, sh
from screen import Person
from test_firewall import archive


@pytest.mark.parametrize("nic", ["e1000", "e1000-82544gc", "e1000-82545em", "e1000e"])
def test_boots_and_serves_with_each_card(boot, small_site, nic):
    m = boot(site=small_site.archive, nic=nic).wait_http()
    assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]
    m.wait_log(r"eth0: .*52:54:00:79:00:02")


def test_serves_with_4_MiB_of_ram(boot, small_site):
    boot(site=small_site.archive, mem="4M").wait_http()
    for _ in range(20):
        assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]


def test_serves_a_site_of_1_MiB_with_16_MiB_of_ram(boot, tmp_path):
    site = Site(tmp_path, [1 << 20])
    boot(site=site.archive, mem="16M").wait_http()
    assert digest(get("/f1048576.bin")[2]) == digest(site.files["f1048576.bin"])


@pytest.mark.parametrize("mem", ["1G", "5G"])
def test_boots_with_much_memory(boot, small_site, mem):
    boot(site=small_site.archive, mem=mem).wait_http()
    assert get("/f1000.bin")[0] == 200


def test_two_cards_serve_at_once(boot, small_site):
    add_tap("tap1", "10.79.1.1/24")
    try:
        m = boot(site=small_site.archive, taps=("tap0", "tap1"), append=IP + " ip=10.79.1.2:::255.255.255.0::eth1:off")
        m.wait_http()
        m.wait_http("10.79.1.2")
        assert get("/f1000.bin", "10.79.1.2")[2] == get("/f1000.bin")[2]
    finally:
        sh("ip", "link", "del", "tap1")


def test_asks_dhcp_without_an_address(boot, small_site, tmp_path):
    said = tmp_path / "dnsmasq"
    with open(said, "w") as output:
        server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=tap0",
                                   "--bind-interfaces", "--dhcp-range=10.79.0.100,10.79.0.120,255.255.255.0,120",
                                   "--dhcp-option=3,10.79.0.1", f"--dhcp-leasefile={tmp_path}/leases",
                                   f"--pid-file={tmp_path}/pid", "--user=root", "--log-facility=-"], stdout=output, stderr=output)
    try:
        end = time.monotonic() + 60
        while "bound exclusively to interface tap0" not in said.read_text():
            assert server.poll() is None and time.monotonic() < end, said.read_text()
            time.sleep(0.02)
        m = boot(site=small_site.archive, append="")
        try:
            address = m.wait_log(r"eth0: (10\.79\.0\.1\d\d)/24 from DHCP", timeout=120)[1]
        except AssertionError as e:
            raise AssertionError(f"{e}\nthe server says:\n{said.read_text()}") from None
        m.wait_http(address)
        assert get("/f1000.bin", address)[0] == 200
        m.monitor("system_powerdown")  # an address that nobody needs any more is given back
        assert m.process.wait(60) == 0
        end = time.monotonic() + 60
        while not re.search(rf"DHCPRELEASE\(tap0\) {re.escape(address)} ", said.read_text()):
            assert time.monotonic() < end, said.read_text()
            time.sleep(0.1)
    finally:
        server.terminate()
        server.wait()


def test_without_a_site_shows_the_start_page(boot):
    boot().wait_http()
    status, headers, body = get("/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert b"Skiff" in body and b"make run SITE=" in body


@pytest.mark.parametrize("damage", ["garbage", "cut", "header"])
def test_a_damaged_site_is_named_and_the_machine_still_serves(boot, small_site, tmp_path, damage):
    data = bytearray(small_site.archive.read_bytes())
    if damage == "garbage":
        data = bytearray(os.urandom(5000))
    elif damage == "cut":
        data = data[:len(data) // 3]
    else:
        data[1024 + 100] ^= 0xff
    bad = tmp_path / "bad.tar"
    bad.write_bytes(data)
    m = boot(site=bad).wait_http()
    assert get("/")[0] in (200, 404)
    m.wait_log(r"site\.tar|archive")


def test_a_folder_is_packed_with_links_as_files(boot, tmp_path):
    folder = tmp_path / "a folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "page.html").write_bytes(b"<p>one file, three names")
    os.link(folder / "page.html", folder / "sub/hard.html")
    (folder / "sub/soft.html").symlink_to("../page.html")
    (tmp_path / "link").symlink_to(folder)
    sh(ROOT / "boot/pack.sh", tmp_path / "link", tmp_path / "packed.tar")
    boot(site=tmp_path / "packed.tar").wait_http()
    for path in ("/page.html", "/sub/hard.html", "/sub/soft.html"):
        assert get(path)[2] == b"<p>one file, three names"


def test_no_network_card_gets_a_sentence(boot):
    boot(taps=()).wait_log(r"(?i)no network card")


def test_a_card_without_a_driver_is_named(boot):
    boot(nic="virtio-net-pci").wait_log(r"1af4:1000 network card, virtio-net: no driver")


@pytest.mark.parametrize("mem, pattern", [
    ("1100K", r"Too little memory for Skiff itself; give the machine at least 4 MiB"),
    ("2200K", r"Too little memory: of \d+ KiB, .* Give the machine more"),
])
def test_too_little_memory_gets_a_sentence_and_stops(boot, mem, pattern):
    m = boot(mem=mem)
    m.wait_log(pattern)
    assert m.process.poll() is None, "it restarts for ever instead of saying so once"


def test_a_site_larger_than_memory_is_left_out_with_a_sentence(boot, tmp_path):
    m = boot(site=Site(tmp_path, [6_000_000]).archive, mem="6M").wait_http()
    m.wait_log(r"do not fit into this machine's memory: 1\. Give it more")
    assert get("/")[0] == 200


def test_an_empty_module_is_left_out_with_a_sentence(boot, tmp_path):
    (tmp_path / "empty").touch()
    m = boot(site=tmp_path / "empty").wait_http()
    m.wait_log(r"modules ignored because they are empty")


@pytest.mark.parametrize("word, pattern", [
    ("ip=10.79.0", r"(?i)ip=.*10\.79\.0"),
    ("ip=10.79.0.2::x:255.255.255.0::eth0:off", r"(?i)ip="),
    ("nonsense=1", r"nonsense"),
    ("panic=soon", r"panic=soon is not a whole number"),
    ("loglevel=all", r"loglevel=all is not a whole number"),
    ("console=tty7", r"no console=tty7"),
    ("e1000.rx=7", r"e1000\.rx=7: .* using 256"),
    ("sysctl.net.ipv4.nothing=1", r"net\.ipv4\.nothing"),
    ("inetd=telnet", r"telnet"),
    ("qdisc=eth0:red", r'qdisc=eth0:red: there is no queueing discipline "red"; there are fq_codel'),
    ("police=eth0:rate=much", r"rate=much is not a rate like 10mbit"),
    ("xdp=eth0:2,6_0_0_0", r"instruction 2: fewer instructions than announced"),
])
def test_a_wrong_command_line_is_named_and_never_stops_the_boot(boot, small_site, word, pattern):
    m = boot(site=small_site.archive, append=f"{IP} {word}" if not word.startswith("ip=") else word)
    m.wait_log(pattern)
    m.wait_log(r"(?i)http")


@pytest.mark.parametrize("kind, pattern", [
    ("null", r"(?i)page fault"),
    ("stack", r"stack overflow of task crash_test"),
    ("wx", r"tried to write to address 0x[0-9a-f]+, which is read-only"),
    ("nx", r"tried to execute address 0x[0-9a-f]+, which is data"),
    ("ud", r"(?i)invalid opcode"),
    ("smash", r"stack smashed"),
    ("assert", r"crash_test\.c:\d+: assertion failed"),
    ("panic", r"(?i)panic"),
])
def test_a_crash_ends_in_a_readable_dump(boot, kind, pattern):
    m = boot(append=f"{IP} crash={kind} panic=-1")
    m.wait_log(pattern)
    m.wait_log(r"Backtrace:\n(.*\n)*.*[0-9a-f]{16} \w+\+0x")
    if kind in ("null", "stack", "wx", "nx", "ud"):
        m.wait_log(r"RIP [0-9a-f]{16} ")
    m.process.wait(60)  # panic=-1: reboots at once, and QEMU was told not to


def test_panic_says_how_long_a_crash_stands(boot):
    start = time.monotonic()
    m = boot(append="crash=panic panic=2", taps=())
    m.wait_log(r"Restarting in 2 seconds")
    m.process.wait(60)
    assert time.monotonic() - start > 1.9
    m = boot(append="crash=panic panic=0", taps=())
    m.wait_log(r"Halted\.")
    assert m.comes_to_rest() and m.process.poll() is None


def test_switches_itself_off(boot):
    m = boot(append="crash=off", taps=(), extra=("-action", "reboot=reset"))
    assert m.process.wait(60) == 0


def test_restarts_itself(boot):
    m = boot(append="crash=restart", taps=(), extra=("-action", "reboot=reset"))
    m.wait_log(r"started by(.*\n)*.*started by")


def test_no_page_is_both_writable_and_executable(boot):
    """Walks the page tables: QEMU prints each page with its rights, X standing for "no execute"."""
    m = boot().wait_http()
    pages = re.findall(r"^([0-9a-f]{16}): [0-9a-f]{16} (\S+)\s*$", m.monitor("info tlb"), re.M)
    rights = {int(addr, 16): ("r" + "w" * ("W" in flags) + "x" * (flags[0] != "X")) for addr, flags in pages}
    assert rights[0x100000] == "rx" and "r" in rights.values() and "rw" in rights.values()
    assert "rwx" not in rights.values()
    assert 0 not in rights
    symbols = sh("nm", ROOT / "build/skiff64.elf").stdout
    guard = int(re.search(r"^(\w+) \w boot_stack_guard$", symbols, re.M)[1], 16)
    assert guard not in rights and guard + 0x1000 in rights


def test_the_log_is_on_the_screen_too(boot):
    person = Person(boot().wait_http())
    person.wait(rf"^  http://{re.escape(GUEST)}/   eth0$")
    person.wait(r"^\[ +\d+\.\d+\] httpd: serving ")


@pytest.mark.parametrize("console, on_serial, on_screen", [("ttyS0,115200", True, False), ("tty0", False, True)])
def test_console_chooses_where_the_log_is_shown(boot, console, on_serial, on_screen):
    m = boot(append=f"{IP} console={console}").wait_http()
    if on_screen:
        Person(m).wait("httpd: serving")
    else:
        m.wait_log("httpd: serving")
    assert ("httpd: serving" in m.log(), "httpd: serving" in "".join(m.screen())) == (on_serial, on_screen)


def test_a_serial_line_that_takes_nothing_holds_nobody_up(boot, tmp_path):
    """Its reader does not read; the log fills the line, then the kernel's buffer, and serving goes on. Lost lines are counted."""
    rules = "*filter\n-A INPUT -p udp --dport 9 -j LOG --log-prefix a-flood-of-datagrams\n-A INPUT -p udp -j DROP\nCOMMIT\n"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "line"))
        listener.listen(1)
        listener.settimeout(60)
        m = boot(serial=f"unix:{tmp_path}/line", site=archive(tmp_path, **{"etc/iptables.rules": rules}))
        reader = listener.accept()[0]
    m.wait_http()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        end = time.monotonic() + 5  # LOG writes some twenty lines a second: three times what the line and the kernel hold
        while time.monotonic() < end:
            s.sendto(b"x", (GUEST, 9))
            assert get("/")[0] == 200
    assert get("/")[0] == 200  # and all of the flood has been seen
    with reader:
        reader.settimeout(60)
        text, said = "", r"\[(\d+) lines lost on this slow console\]\r\n"
        while not re.search(said, text):
            text += (reader.recv(1 << 16) or pytest.fail("QEMU is gone")).decode("latin-1")
        m.monitor("set_link n0 off")  # and goes on where it was
        while not re.search(r"lines lost(?s:.*)eth0: link is down\r\n", text):
            text += (reader.recv(1 << 16) or pytest.fail("QEMU is gone")).decode("latin-1")
    assert sum(map(int, re.findall(said, text))) > 0
    line = r"\[ *\d+\.\d{6}\] .*|\[\d+ lines lost on this slow console\]"
    assert all(re.fullmatch(line, got) for got in text.split("\r\n")[:-1]), "a line is whole or lost"


def test_an_idle_machine_uses_next_to_no_cpu(boot):
    m = boot().wait_http()
    assert m.comes_to_rest()


@pytest.mark.parametrize("cpu", ["qemu64,-nx", "qemu64,-apic", "qemu64,-tsc", "max"])
def test_serves_on_lesser_and_better_processors(boot, small_site, cpu):
    boot(site=small_site.archive, cpu=cpu).wait_http()
    assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]


def test_a_32_bit_processor_gets_a_sentence(boot):
    boot(cpu="qemu32").wait_log(r"needs a 64-bit processor")


@pytest.mark.parametrize("board, bridges, bus", [
    ("q35", (), ""),
    ("pc", ("pci-bridge,chassis_nr=1,id=b1", "pci-bridge,chassis_nr=2,id=b2,bus=b1"), ",bus=b2,addr=3"),
    ("q35", ("pcie-root-port,id=rp,chassis=1", "pcie-pci-bridge,id=pb,bus=rp"), ",bus=pb,addr=1"),
])
def test_finds_the_card_on_other_boards_and_behind_bridges(boot, board, bridges, bus):
    boot(board=board, extra=[word for b in bridges for word in ("-device", b)], bus=bus).wait_http()


def test_the_link_s_going_and_coming_is_logged_and_serving_goes_on(boot):
    m = boot().wait_http()
    m.monitor("set_link n0 off")
    m.wait_log(r"eth0: link is down")
    m.monitor("set_link n0 on")
    m.wait_log(r"link is down\n(?s:.*)eth0: link is up")
    m.wait_http()


def test_a_machine_without_a_cable_serves_once_it_is_plugged_in(boot):
    m = boot(extra=("-S",))
    m.monitor("set_link n0 off")
    m.monitor("cont")
    m.wait_log(r"eth0: no link yet")
    m.monitor("set_link n0 on")
    m.wait_http()


def test_interrupts_that_stop_arriving_are_noticed_and_the_card_is_polled(boot):
    m = boot(cpu="qemu64,+rdrand,-apic").wait_http()  # so that the 8259 is the only way
    m.monitor("o /b 0xa1 0xff")  # masks lines 8 to 15 behind the kernel's back
    end = time.monotonic() + 60
    while "get lost" not in m.log():
        assert get("/")[0] == 200 and time.monotonic() < end, m.log()
        time.sleep(0.3)  # long enough for the card to be waited for, not polled
    m.wait_log(r"eth0: interrupts of the card \(line \d+\) get lost: polling it")
    took = []
    for _ in range(20):
        start = time.monotonic()
        assert get("/")[0] == 200
        took.append(time.monotonic() - start)
    assert min(took) < 1


def test_reaches_the_first_answer_soon(boot, small_site):
    """In time of the processor, which others have no part in."""
    assert boot(site=small_site.archive).wait_http().cpu_seconds() < 8
