"""The booted image on a tap device, in a network namespace that only this process lives in.

The namespace is unshared by the test process itself, so nothing is left behind when it ends, and no packet can
leave the machine. Without root a user namespace is tried; where that is forbidden too, everything here is
skipped, and says so.

Most tests wait most of the time. So tests/run_tests.py starts this several times side by side, as lanes: each has a
namespace of its own, and takes tests that no other has taken (SKIFF_LANE names the folder where they agree on that).
"""
import contextlib
import ctypes
import hashlib
import itertools
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tarfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNEL = ROOT / "build/skiff.elf"
GUEST, HOST, PREFIX = "10.79.0.2", "10.79.0.1", 24
GUEST_MAC = "52:54:00:79:00:02"
IP = f"ip={GUEST}::{HOST}:255.255.255.0::eth0:off"
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def sh(*command, check=True, timeout=60, **kwargs):
    return subprocess.run([str(c) for c in command], check=check, timeout=timeout, capture_output=True, text=True, **kwargs)


def ping(address, count=1, *options, wait=30, run=sh):
    """Are all of so many echo requests answered? One after the other, since `ping -c 5` waits for the last of its answers no
    longer than twice the time the slowest before it took."""
    return all(run("ping", "-n", "-c", 1, "-W", wait, *options, address, check=False).returncode == 0 for _ in range(count))


def enter_namespace():
    """None, or why it cannot be done."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNET if uid == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags):
        return f"no network namespace: {os.strerror(ctypes.get_errno())}"
    if uid:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    try:
        sh("ip", "link", "set", "lo", "up")
        add_tap("tap0", f"{HOST}/{PREFIX}")
    except (OSError, subprocess.CalledProcessError) as e:
        return f"no tap device: {getattr(e, 'stderr', e)}"
    return None


def add_tap(name, address=None):
    sh("ip", "tuntap", "add", name, "mode", "tap")
    if address:
        sh("ip", "addr", "add", address, "dev", name)
    sh("ip", "link", "set", name, "up")


def pytest_sessionstart(session):
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    session.config.skiff_skip = enter_namespace()


def pytest_runtest_setup(item):
    why = item.config.skiff_skip
    if why and "library" not in item.nodeid:
        pytest.skip(f"NOT RUN, NEEDS ROOT OR USER NAMESPACES: {why}")


def shares(item):
    """Has the test something that is made once for its file, as the machine most of them have?"""
    return any(definition.scope == "module" for definitions in item._fixtureinfo.name2fixturedefs.values() for definition in definitions)


def groups(items):
    """What a lane takes at a time, under a name: a single test, or a file in which tests share something."""
    for path, tests in itertools.groupby(items, lambda item: item.path):
        tests = list(tests)
        if any(map(shares, tests)):
            yield path.stem, tests
        else:
            yield from ((f"{path.stem}-{number}", [test]) for number, test in enumerate(tests))


def taken_here(items, folder):
    """Those tests whose group no other lane has taken before."""
    for name, group in groups(items):
        try:
            (folder / name).touch(exist_ok=False)
        except FileExistsError:
            continue
        yield from group


def pytest_runtestloop(session):
    folder = os.environ.get("SKIFF_LANE")
    if not folder or session.testsfailed:
        return None  # pytest's own loop runs them, or says what cannot even be collected
    own = taken_here(session.items, pathlib.Path(folder))
    item = next(own, None)
    while item:
        following = next(own, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
    return True


class Machine:
    """One QEMU with Skiff in it. Everything on the serial line is in .log()."""

    def __init__(self, directory, append=IP, site=None, nic="e1000", mem="64M", taps=("tap0",), kernel=KERNEL, boot=None,
                 extra=(), cpu="qemu64,+rdrand", board="pc", serial=None, bus=""):
        name = f"{random.randrange(1 << 30):08x}"
        self.serial = pathlib.Path(directory) / f"serial-{name}"
        self.serial.touch()
        self.monitor_path = pathlib.Path(directory) / f"monitor-{name}"
        args = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-M", board, "-m", mem, "-nodefaults",
                "-display", "none", "-no-reboot", "-serial", serial or f"file:{self.serial}",
                "-monitor", f"unix:{self.monitor_path},server=on,wait=off", *extra]
        args += boot if boot else ["-kernel", kernel, "-append", append]
        if site and not boot:
            args += ["-initrd", site]
        for i, tap in enumerate(taps):
            mac = GUEST_MAC if i == 0 else f"52:54:00:79:{i:02x}:02"
            device = f"fd={tap}" if isinstance(tap, int) else f"ifname={tap},script=no,downscript=no"
            args += ["-netdev", f"tap,id=n{i},{device}",
                     "-device", f"{nic},netdev=n{i},mac={mac},romfile={bus}"]
        self.process = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL,
                                        pass_fds=[tap for tap in taps if isinstance(tap, int)])

    def log(self):
        return self.serial.read_text(errors="replace")

    def wait_log(self, pattern, timeout=60):
        """The match of a regular expression, once it stands in the log."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            match = re.search(pattern, self.log())
            if match:
                return match
            if self.process.poll() is not None and not re.search(pattern, self.log()):
                break
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} is not in the log:\n{self.log()}")

    def wait_http(self, address=GUEST, timeout=60):
        end, patience = time.monotonic() + timeout, 0.3
        while time.monotonic() < end:
            try:
                with socket.create_connection((address, 80), patience):
                    return self
            except OSError:
                time.sleep(0.02)
                patience = min(patience * 1.2, 5)  # on a busy machine an answer may take longer
        raise AssertionError(f"nobody answers on {address}:80; the log:\n{self.log()}")

    def monitor(self, command):
        """What QEMU's monitor answers to a line, without the line itself."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            while True:
                try:
                    s.connect(str(self.monitor_path))
                    break
                except (FileNotFoundError, ConnectionRefusedError):  # QEMU is just starting
                    assert self.process.poll() is None, "QEMU has ended"
                    time.sleep(0.01)
            prompt, answers = b"(qemu) ", []
            for line in ("", command):
                s.sendall(line.encode() + b"\n") if line else None
                answers.append(b"")
                while not answers[-1].endswith(prompt):
                    answers[-1] += s.recv(1 << 16)
            return answers[1].partition(b"\r\n")[2].removesuffix(prompt).decode()

    def screen(self):
        """The lines of the VGA text screen; a full block as U+2588."""
        dump = self.monitor("xp /2000hx 0xb8000")
        cells = [int(word, 16) for line in dump.splitlines() for word in line.split(":")[1].split()]
        text = "".join(chr(cell & 0xff) for cell in cells).replace("\xdb", "\u2588")
        return [text[i:i + 80].rstrip() for i in range(0, len(text), 80)]

    def wait_screen(self, text, timeout=60):
        """The screen, once this stands on it."""
        end = time.monotonic() + timeout
        while text not in "".join(screen := self.screen()):
            assert time.monotonic() < end, screen
            time.sleep(0.1)
        return screen

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def comes_to_rest(self, timeout=60):
        """Whether a time comes in which it uses less than a tenth of a processor: it may still be busy with what was before."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            before = self.cpu_seconds()
            time.sleep(3)
            if self.cpu_seconds() - before < 0.3:
                return True
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def boot(tmp_path):
    """boot(**options) -> Machine; stopped at the end of the test."""
    machines = []

    def start(**options):
        sh("ip", "neigh", "flush", "all")
        machines.append(Machine(tmp_path, **options))
        return machines[-1]

    yield start
    for machine in machines:
        machine.stop()


@contextlib.contextmanager
def lasting(directory, **options):
    """A machine for many tests, which must have outlived them."""
    sh("ip", "neigh", "flush", "all")
    m = Machine(directory, **options)
    try:
        yield m
        assert m.process.poll() is None, f"the machine died:\n{m.log()}"
        assert "panic" not in m.log().lower(), m.log()
    finally:
        m.stop()


@pytest.fixture(scope="module")
def machine(site, tmp_path_factory):
    """One machine with the test site, shared by the tests of a file."""
    with lasting(tmp_path_factory.mktemp("machine"), append=f"{IP} inetd=echo,discard,chargen", site=site.archive) as m:
        yield m.wait_http()


@pytest.fixture
def networks():
    """Two networks of a test's own for a machine with two cards to stand between: tests/qemu/router.py."""
    from router import Networks  # it needs this module
    networks = Networks()
    yield networks
    networks.close()


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    """Two networks and a .machine that forwards between them, shared by the tests of a file."""
    from router import APPEND, Networks
    networks = Networks()
    try:
        with lasting(tmp_path_factory.mktemp("router"), append=APPEND, taps=networks.taps()) as networks.machine:
            networks.ready(networks.machine)
            yield networks
    finally:
        networks.close()


class Site:
    """A folder of files with known content, and its archive."""

    def __init__(self, directory, sizes, text=None):
        rng = random.Random(1)
        self.files = {f"f{size}.bin": rng.randbytes(size) for size in sizes}
        self.files["index.html"] = (text or "<!doctype html><title>Skiff test</title><p>hello\n").encode()
        self.files["deep/er/page.html"] = b"<p>deep"
        self.files["deep/index.html"] = b"<p>index of deep"
        self.files["name with spaces.txt"] = b"spaces"
        self.archive = pack(directory, self.files)


def pack(directory, files, name="site.tar"):
    root = pathlib.Path(directory) / "root"
    shutil.rmtree(root, ignore_errors=True)
    for path, content in files.items():
        target = root / "www" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    archive = pathlib.Path(directory) / name
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(root / "www", "www")
    return archive


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    sizes = [0, 1, 2, 100, 511, 512, 513, 1023, 1024, 1459, 1460, 1461, 2919, 2920, 2921, 4096, 10000, 65535, 65536, 65537,
             100000, 1 << 20, 3_000_001]
    return Site(tmp_path_factory.mktemp("site"), sizes)


@pytest.fixture(scope="session")
def small_site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("small"), [1000])


def get(path, address=GUEST, timeout=30, headers="", method="GET"):
    """(status, header dictionary with lower-case names, body) of one request on its own connection."""
    with socket.create_connection((address, 80), timeout) as s:
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n".encode())
        data = b""
        while chunk := s.recv(1 << 16):
            data += chunk
    return parse_response(data)


def parse_response(data):
    head, _, body = data.partition(b"\r\n\r\n")
    status_line, *fields = head.decode("latin-1").split("\r\n")
    return int(status_line.split()[1]), {k.lower(): v.strip() for k, v in (f.split(":", 1) for f in fields)}, body


def digest(data):
    return hashlib.sha256(data).hexdigest()
