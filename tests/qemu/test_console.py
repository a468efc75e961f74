"""The console on the serial line: typed at, read from, flooded and interrupted, as a person or a program would."""
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from conftest import GUEST, HOST, IP, KERNEL, ROOT, get, sh
from router import Namespace

PROMPT = "skiff# "


def seen(data):
    """What a person sees of the bytes of a terminal: backspaces and carriage returns carried out."""
    lines = []
    for raw in data.decode("latin-1").split("\n"):
        row, at = [], 0
        for c in raw:
            if c == "\r":
                at = 0
            elif c == "\b":
                at = max(0, at - 1)
            elif c != "\a":
                row[at:at + 1] = c
                at += 1
        lines.append("".join(row))
    return "\n".join(lines)


class Line:
    """The other end of the serial line."""

    def __init__(self, boot, directory, **options):
        path = directory / "line"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            self.machine = boot(serial=f"unix:{path}", **options)
            listener.settimeout(60)
            self.socket = listener.accept()[0]
        self.data = b""

    def hear(self, seconds=0.05):
        if select.select([self.socket], [], [], seconds)[0]:
            self.data += self.socket.recv(1 << 16)

    def expect(self, pattern, timeout=60, start=0):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            match = re.search(pattern, seen(self.data[start:]))
            if match:
                return match
            self.hear()
        raise AssertionError(f"{pattern!r} does not come:\n{seen(self.data[start:])}")

    def type(self, keys):
        self.socket.sendall(keys.encode("latin-1"))

    def run(self, command, timeout=60):
        """The answer to a command, without the line itself and the next prompt.

        Where nothing in it is a key that edits, the line must be seen before: the log redraws the prompt when it likes.
        """
        start = len(self.data)
        self.type(command + "\r")
        shown = re.escape(command[-60:]) if command.isprintable() else ""
        return self.expect(rf"{shown}\n((?s:.*?\n)??){PROMPT} *$", timeout, start)[1]

    def until(self, command, pattern, timeout=60):
        """The match in the answer to a command that is repeated until it comes: packets and keys come by different ways."""
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, answer := self.run(command), re.M)):
            assert time.monotonic() < end, f"{pattern!r} does not come:\n{answer}"
        return match


@pytest.fixture
def line(boot, tmp_path):
    line = Line(boot, tmp_path, append=f"{IP} mdns=0")  # which has a word to say in the middle of an answer
    line.expect(r"httpd: serving.*\n")
    line.expect(r"ttyS0: press Enter for a command line\n")
    line.type("\r")
    line.expect(PROMPT)
    yield line
    line.socket.close()


def test_commands_are_answered(line):
    listed = line.run("help")
    for name in ("dmesg", "ethtool", "ip", "iptables", "free", "lspci", "nstat", "ping", "ps", "ss", "traceroute", "uptime", "reboot", "poweroff"):
        assert re.search(rf"^  {name} ", listed, re.M), name
    assert re.search(r"^ \d\d:\d\d:\d\d up \d+ s\n", line.run("uptime"))
    total, used, free, least = map(int, re.search(r"Mem: +(\d+) +(\d+) +(\d+) +(\d+)", line.run("free")).groups())
    assert total == used + free and 60000 < total < 65536 and least <= free
    assert re.search(r"^S .* httpd$", line.run("ps"), re.M)
    assert "Skiff, started by multiboot 1" in line.run("dmesg")
    assert re.search(r"network card: Intel 82540EM \[8086:100e\] \(rev 03\) driver: e1000", line.run("lspci"))
    get("/")
    line.until("nstat -a 'Tcp*'", r"^TcpPassiveOpens +1 +0\.0$")
    assert re.search(r"^LISTEN +0 +\d+ +0\.0\.0\.0:80 ", line.run("ss -tl"), re.M)
    with socket.create_connection((GUEST, 80)) as s:
        port = s.getsockname()[1]
        line.until("ss", rf"^tcp +ESTAB .* {GUEST}:80 +{HOST}:{port}$")
    assert int(re.search(r"rx_packets: (\d+)", line.run("ethtool -S eth0"))[1]) > 5
    assert re.search(r"^driver: e1000\nbus-info: 0000:00:0\d\.0\n", line.run("ethtool -i eth0"))
    assert "no such command" in line.run("nosuch")


def test_traceroute_through_a_router_and_ctrl_c(line):
    """Skiff --- Linux, which forwards --- Linux."""
    far, settings = Namespace("far"), pathlib.Path("/proc/sys/net/ipv4")
    try:
        sh("ip", "link", "add", "near", "type", "veth", "peer", "name", "outer")
        sh("ip", "link", "set", "outer", "netns", far.holder.pid)
        sh("ip", "addr", "add", "10.83.0.1/24", "dev", "near")
        sh("ip", "link", "set", "near", "up")
        far.run("ip", "addr", "add", "10.83.0.2/24", "dev", "outer")
        far.run("ip", "link", "set", "outer", "up")
        far.run("ip", "route", "add", "default", "via", "10.83.0.1")
        (settings / "ip_forward").write_text("1")
        (settings / "icmp_ratelimit").write_text("0")
        for options in ("", "-I"):
            out = line.run(f"traceroute {options} -q 2 10.83.0.2", timeout=60)
            ms = r"  \d+\.\d+ ms"
            assert re.search(rf"^traceroute to 10\.83\.0\.2 .*\n 1  {HOST}{ms}{ms}\n 2  10\.83\.0\.2{ms}{ms}\n$", out), out
        (settings / "ip_forward").write_text("0")
        start = len(line.data)
        line.type("traceroute 10.83.0.2\r")
        line.expect(r"hops max, 60 byte packets\n 1 ", start=start)
        line.type("\x03")
        line.expect(rf"\^C\n{PROMPT}$", start=start)
        assert " up " in line.run("uptime")
    finally:
        far.close()
        sh("ip", "link", "del", "near", check=False)


def test_history_editing_and_completion(line):
    line.run("uptime")
    assert " up " in line.run("\x1b[A")  # the line before
    assert "STAT" in line.run("XpY\x01\x1b[3~\x05\x7fs")  # "ps" in the end
    assert " up " in line.run("upt\t")
    assert line.run("not this\x15\x0b") == ""
    start = len(line.data)
    line.type("p\t\t")
    line.expect(r"ping  poweroff  ps", start=start)
    line.type("\x15")


def test_the_log_does_not_destroy_the_line_being_typed(line):
    start = len(line.data)
    line.type("ethtool -S")
    line.expect(r"ethtool -S$", start=start)
    line.machine.monitor("set_link n0 off")
    line.expect(r"\n?.*link is down[^\n]*\n" + PROMPT + "ethtool -S$", start=start)
    line.machine.monitor("set_link n0 on")
    line.expect(r"link is up[^\n]*\n" + PROMPT + "ethtool -S$", start=start)
    assert "NIC statistics" in line.run(" eth0")


def test_ctrl_c_gives_a_line_up(line):
    start = len(line.data)
    line.type("reboot")
    line.expect("reboot$", start=start)
    line.type("\x03")
    line.expect(r"^reboot\^C\n" + PROMPT, start=start)
    assert " up " in line.run("uptime")


def test_addresses_routes_and_neighbours(line):
    answer = line.run("ip addr show eth0")
    assert re.search(r"^2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP", answer)
    assert f"    inet {GUEST}/24 brd 10.79.0.255 scope global eth0\n" in answer
    assert f"default via {HOST} dev eth0\n" in line.run("ip route")
    assert line.run("ip route get 8.8.8.8") == f"8.8.8.8 via {HOST} dev eth0 src {GUEST}\n"
    get("/")
    assert re.search(rf"^{HOST} dev eth0 lladdr [0-9a-f:]+ \w+$", line.run("ip neigh"), re.M)
    assert line.run("ip addr add 10.79.0.77/24 dev eth0") == ""
    assert get("/", "10.79.0.77")[0] == 200
    assert line.run("sysctl net.ipv4.icmp_echo_ignore_all=1") == "net.ipv4.icmp_echo_ignore_all = 1\n"


def test_ping_is_answered_and_stopped_by_ctrl_c(line):
    assert "2 packets transmitted, 2 received, 0% packet loss" in line.run(f"ping -c 2 -i 0.1 {HOST}")
    start = len(line.data)
    line.type(f"ping {HOST}\r")
    line.expect(r"icmp_seq=2 ttl=64 time=\d+\.\d+ ms\n", start=start)
    line.type("\x03")
    sent, received = map(int, line.expect(r"\^C\n\n--- [\d.]+ ping statistics ---\n(\d+) packets transmitted, (\d+) received, "
                                          r"\d+% packet loss(?s:.*)" + PROMPT + "$", start=start).groups())
    assert 2 <= received <= sent <= received + 1  # one may be under way


def test_rules_are_changed_at_run_time(line):
    assert get("/")[0] == 200
    assert line.run("iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset") == ""
    with pytest.raises(ConnectionRefusedError):
        get("/")
    assert re.search(r"^\[[1-9]\d*:\d+\] -A INPUT -p tcp ", line.run("iptables-save -c"), re.M)
    start = len(line.data)
    line.type("iptables-restore\r*filter\r:INPUT ACCEPT [0:0]\rCOMMIT\r\r")
    line.expect(rf"> COMMIT\n> \n{PROMPT}$", start=start)
    assert get("/")[0] == 200


def test_a_flood_of_keys_harms_nobody(line):
    start = len(line.data)
    begin = time.monotonic()
    junk = ("x" * 3000 + "\r") * 3 + "y" * 500 + "\r"
    line.type(junk)
    while time.monotonic() < begin + 1:
        assert get("/")[0] == 200
        line.hear(0)
    line.type("\x03")  # behind the flood: prompts before it are answers to junk
    line.expect(rf"\^C[^\n]*\n{PROMPT}$", start=start)  # it overtakes the drawing of the line: some may stand behind it
    assert len(line.data) - start < len(junk) + 4000
    assert " up " in line.run("uptime")


def test_nonsense_is_not_answered_for_ever(line):
    start = len(line.data)
    line.type("login:\r" * 12)
    line.expect(r"nothing is read for 10 seconds\n", start=start)
    start = len(line.data)
    line.type("login:\r" * 50)
    line.hear(0.5)
    assert len(line.data) == start
    assert get("/")[0] == 200


def test_a_long_answer_comes_whole_over_a_slow_reader(line):
    start = len(line.data)
    line.type("nstat -az\r")
    time.sleep(0.5)  # nobody reads meanwhile
    text = line.expect(rf"#kernel\n((?s:.*)){PROMPT}$", start=start)[1]
    assert len(text) > 6000 and re.fullmatch(r"([\w.]+ +\d+ +0\.0\n)+", text)
    assert text.startswith("IpInReceives") and "\ndrop.TCP_CSUM " in text


def test_exit_leaves_and_a_key_comes_back(line):
    start = len(line.data)
    line.type("exit\r")
    line.expect("exit\n$", start=start)
    line.machine.monitor("set_link n0 off")
    line.expect(r"link is down[^\n]*\n$", start=start)
    line.type("uptime\r")
    line.expect(r" up \d", start=start)


def test_reboot_and_poweroff(boot, tmp_path):
    for command in ("reboot", "poweroff"):
        (tmp_path / command).mkdir()
        line = Line(boot, tmp_path / command)
        line.expect("press Enter for a command line\n")
        line.type("\r" + command + "\r")
        assert line.machine.process.wait(60) == 0


@pytest.mark.parametrize("word, log, shell", [("console.shell=0", True, False), ("console=off", False, False),
                                              ("console=none", False, False), ("console=ttyS0,9600", True, True)])
def test_the_console_can_be_switched_off(boot, tmp_path, word, log, shell):
    line = Line(boot, tmp_path, append=f"{IP} {word}")
    line.machine.wait_http()
    if log:
        line.expect("press Enter for a command line\n" if shell else "httpd: serving")
    line.type("\ruptime\r")
    if shell:
        line.expect(r" up \d+ s\n")
    else:
        for _ in range(10):
            line.hear()
    assert ("httpd: serving" in seen(line.data)) == log
    assert (PROMPT in seen(line.data)) == shell
    assert "nobody knows" not in seen(line.data)


def test_an_open_console_uses_no_cpu(line):
    assert line.machine.comes_to_rest()


def test_make_run_gives_a_terminal_to_the_console():
    """boot/run.sh on a pseudo-terminal: Enter, a command, Ctrl-C as a key, Ctrl-A x to leave."""
    master, slave = pty.openpty()
    env = dict(os.environ, KERNEL=str(KERNEL), ACCEL="tcg", PORT="18080")
    run = subprocess.Popen([ROOT / "boot/run.sh"], stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True)
    os.close(slave)
    data = b""
    try:
        for keys, pattern in ((b"\r", r"Ctrl-A x ends it(?s:.*)press Enter for a command line"), (b"upti\x03", PROMPT),
                              (b"uptime\r", r"\^C[^\n]*\n"), (b"\x01x", r" up \d+ s")):
            end = time.monotonic() + 60
            while not re.search(pattern, seen(data)):
                assert time.monotonic() < end, seen(data)
                if select.select([master], [], [], 0.1)[0]:
                    data += os.read(master, 1 << 16)
            os.write(master, keys)
        while run.poll() is None:  # it may have words left to say
            assert time.monotonic() < end + 60
            if select.select([master], [], [], 0.1)[0]:
                try:
                    os.read(master, 1 << 16)
                except OSError:
                    break
        assert run.wait(60) == 0
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGTERM)
            run.wait()
        os.close(master)
