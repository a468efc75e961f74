"""VLAN, bridge and spanning tree on the wire, with Linux on the other side.

Where this kernel has no VLAN device, the tags are put on and taken off between Skiff's wire and a tap of Linux's by the
test itself, so that Linux's TCP speaks to Skiff's through them all the same.
"""
import contextlib
import fcntl
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from conftest import GUEST, GUEST_MAC, HOST, add_tap, digest, get, sh

VLAN_HOST, VLAN_GUEST = "10.79.10.1", "10.79.10.2"
VLAN_WORDS = f"vlan=eth0.10 ip={GUEST}:::255.255.255.0::eth0:off ip={VLAN_GUEST}:::255.255.255.0::eth0.10:off mdns=0"
FAR = "10.79.0.3"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000


def ping(address, count=3, timeout=30, prefix=()):
    """(answers, duplicates); -w, since without it the last answer may take no longer than twice the time of those before"""
    out = sh(*prefix, "ping", "-c", count, "-i", "0.2", "-w", timeout, address, check=False).stdout
    return int(re.search(r"(\d+) received", out).group(1)), len(re.findall("DUP!", out))


def wait_ping(address, timeout=90, prefix=()):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if ping(address, 1, 2, prefix)[0]:
            return
    raise AssertionError(f"{address} does not answer within {timeout} s")


def until(condition, timeout=90):
    """Whether it comes to be so."""
    end = time.monotonic() + timeout
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(found)


def listens(address):
    with contextlib.suppress(OSError), socket.create_connection((address, 80), 5):
        return True


class Tagger:
    """Skiff's wire is a UDP socket; behind the tag `vlan` of it lies a tap of Linux's."""

    def __init__(self, tap, address, vlan):
        self.tag = struct.pack(">HH", 0x8100, vlan)
        self.tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack("16sH", tap.encode(), IFF_TAP | IFF_NO_PI))
        sh("ip", "addr", "add", address, "dev", tap)
        sh("ip", "link", "set", tap, "up")
        self.wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.wire.bind(("127.0.0.1", 0))
        free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        free.bind(("127.0.0.1", 0))
        self.guest = free.getsockname()
        free.close()
        self.untagged, self.tagged, self.longest = [], 0, 0
        self.stopped = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def options(self, nic="e1000"):
        port = self.wire.getsockname()[1]
        return ("-netdev", f"socket,id=w,udp=127.0.0.1:{port},localaddr=127.0.0.1:{self.guest[1]}",
                "-device", f"{nic},netdev=w,mac={GUEST_MAC},romfile=")

    def send(self, frame):
        self.wire.sendto(frame, self.guest)

    def run(self):
        while not self.stopped:
            for fd in select.select([self.tap, self.wire], [], [], 0.1)[0]:
                if fd is self.tap:
                    frame = os.read(self.tap, 2048)
                    self.send(frame[:12] + self.tag + frame[12:])
                else:
                    self.from_guest(self.wire.recv(65536))

    def from_guest(self, frame):
        if frame[12:16] == self.tag:
            self.tagged += 1
            self.longest = max(self.longest, len(frame))
            os.write(self.tap, frame[:12] + frame[16:])
        else:
            self.untagged.append(frame)

    def stop(self):
        self.stopped = True
        self.thread.join()
        os.close(self.tap)
        self.wire.close()


def test_http_through_a_vlan_carries_its_tag_on_every_frame(boot, site):
    tagger = Tagger("tagged0", f"{VLAN_HOST}/24", 10)
    try:
        machine = boot(append=VLAN_WORDS, site=site.archive, taps=(), extra=tagger.options())
        machine.wait_http(VLAN_GUEST)
        for name in ("f3000001.bin", "f1460.bin"):
            status, _, body = get("/" + name, address=VLAN_GUEST)
            assert status == 200 and digest(body) == digest(site.files[name])
        assert tagger.tagged > 2000 and tagger.longest == 1518
        assert not [f for f in tagger.untagged if f[12:14] == b"\x08\x00"]  # ARP for eth0's own address, and nothing else
        assert ping(VLAN_GUEST) == (3, 0)
    finally:
        tagger.stop()


def test_frames_of_an_unknown_vlan_are_not_answered_and_priority_tags_are(boot, small_site):
    from scapy.all import ARP, Dot1Q, Ether

    tagger = Tagger("tagged1", f"{VLAN_HOST}/24", 10)
    try:
        machine = boot(append=VLAN_WORDS, site=small_site.archive, taps=(), extra=tagger.options())
        machine.wait_http(VLAN_GUEST)
        tagger.untagged.clear()

        def question(vlan, address, asker):
            ether = Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:99")
            tagger.send(bytes(ether / Dot1Q(vlan=vlan, prio=5) / ARP(pdst=address, psrc=asker, hwsrc="02:00:00:00:00:99")
                              ).ljust(60, b"\0"))

        def answered():
            """Who got an answer, in order."""
            arp = [Ether(f)[ARP] for f in list(tagger.untagged) if Ether(f).type == 0x806]
            return [a.pdst for a in arp if a.op == 2]

        question(11, GUEST, "10.79.0.91")
        question(11, VLAN_GUEST, "10.79.10.92")
        question(0, GUEST, "10.79.0.99")
        until(answered)  # in order: whoever got none before this one gets none
        assert answered() == ["10.79.0.99"]
    finally:
        tagger.stop()


def test_http_through_linux_vlan_device(boot, site):
    if sh("ip", "link", "add", "link", "tap0", "name", "tap0.10", "type", "vlan", "id", "10", check=False).returncode:
        pytest.skip("this kernel has no VLAN devices")
    try:
        sh("ip", "addr", "add", f"{VLAN_HOST}/24", "dev", "tap0.10")
        sh("ip", "link", "set", "tap0.10", "up")
        machine = boot(append=VLAN_WORDS, site=site.archive)
        machine.wait_http(VLAN_GUEST)
        status, _, body = get("/f3000001.bin", address=VLAN_GUEST)
        assert status == 200 and digest(body) == digest(site.files["f3000001.bin"])
        assert ping(GUEST) == (3, 0)  # and the network without tags is beside it
    finally:
        sh("ip", "link", "del", "tap0.10")


def test_a_wrong_word_is_said_and_the_machine_serves(boot, small_site):
    machine = boot(append=f"vlan=eth0.5000 vlan=eth9.1 bridge=br0 ip={GUEST}:::255.255.255.0::eth0:off", site=small_site.archive)
    machine.wait_http()
    machine.wait_log("vlan=eth0.5000: a VLAN's number is 1 to 4094")
    machine.wait_log("vlan=eth9.1: there is no such device")
    machine.wait_log("bridge=br0: bridge= needs a name and ports")


class Namespace:
    """A network namespace with the second tap in it, once QEMU holds its other end."""

    def __init__(self, tap, address):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "1000"])
        self.enter = ("nsenter", "-t", str(self.process.pid), "-n")
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.process.pid}/ns/net") == own:
            time.sleep(0.01)
        sh("ip", "link", "set", tap, "netns", self.process.pid)
        for command in (f"addr add {address} dev {tap}", f"link set {tap} up", "link set lo up"):
            sh(*self.enter, "ip", *command.split())

    def stop(self):
        self.process.kill()  # the tap goes with the namespace
        self.process.wait()


@pytest.fixture
def second_tap():
    add_tap("tap1")
    yield "tap1"
    sh("ip", "link", "del", "tap1", check=False)


def test_a_bridge_joins_two_networks_and_serves_both(boot, site, second_tap, tmp_path):
    machine = boot(append=f"bridge=br0:eth0,eth1 ip={GUEST}:::255.255.255.0::br0:off", site=site.archive, taps=("tap0", "tap1"))
    machine.wait_http()
    far = Namespace("tap1", f"{FAR}/24")
    server = None
    try:
        wait_ping(FAR)
        assert ping(FAR) == (3, 0)
        assert ping(GUEST) == (3, 0) and ping(GUEST, prefix=far.enter) == (3, 0)
        assert get("/f100.bin")[0] == 200
        fetched = sh(*far.enter, "curl", "-s", f"http://{GUEST}/f1048576.bin", "-o", tmp_path / "fetched", "-w", "%{http_code}")
        assert fetched.stdout == "200" and digest((tmp_path / "fetched").read_bytes()) == digest(site.files["f1048576.bin"])
        server = subprocess.Popen([*far.enter, sys.executable, "-m", "http.server", "80", "--directory", tmp_path],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert until(lambda: listens(FAR))
        status, _, body = get("/fetched", address=FAR)  # Linux to Linux, through the bridge
        assert status == 200 and digest(body) == digest(site.files["f1048576.bin"])
    finally:
        if server:
            server.kill()
            server.wait()
        far.stop()


@pytest.fixture
def linux_bridge(second_tap):
    """Linux's own bridge, with the spanning tree and short times; it has the host's address."""
    sh("ip", "link", "add", "lb0", "type", "bridge", "stp_state", "1", "forward_delay", "200", "hello_time", "100",
       "max_age", "600", "priority", "4096")
    sh("ip", "addr", "del", f"{HOST}/24", "dev", "tap0")
    for tap in ("tap0", "tap1"):
        sh("ip", "link", "set", tap, "master", "lb0")
    sh("ip", "addr", "add", f"{HOST}/24", "dev", "lb0")
    sh("ip", "link", "set", "lb0", "up")
    yield "lb0"
    sh("ip", "link", "del", "lb0", check=False)
    sh("ip", "link", "set", "tap0", "up")
    sh("ip", "addr", "add", f"{HOST}/24", "dev", "tap0")


def frames_of(tap):
    return json.loads(sh("ip", "-s", "-j", "link", "show", tap).stdout)[0]["stats64"]["rx"]["packets"]


def states(machine):
    """Skiff's ports as its log last said."""
    found = {}
    for port, state in re.findall(r"port (eth\d) is (\w+)", machine.log()):
        found[port] = state
    return found


def test_a_loop_with_linux_bridge_is_cut_and_heals(boot, small_site, linux_bridge):
    machine = boot(append=f"bridge=br0:eth0,eth1:stp=2 ip={GUEST}:::255.255.255.0::br0:off", site=small_site.archive,
                   taps=("tap0", "tap1"))
    machine.wait_log(r"port eth\d is forwarding")
    wait_ping(GUEST)
    assert until(lambda: sorted(states(machine).values()) == ["blocking", "forwarding"])
    before, start = frames_of("tap0") + frames_of("tap1"), time.monotonic()
    assert ping(GUEST, 5) == (5, 0)
    sh("ping", "-c", "3", "-i", "0.2", "-W", "1", "-b", "10.79.0.255", check=False)
    # Nothing goes round: what does, comes thousands of times a second.
    assert frames_of("tap0") + frames_of("tap1") - before < 200 + 20 * (time.monotonic() - start)
    root = next(port for port, state in states(machine).items() if state == "forwarding")
    sh("ip", "link", "set", f"tap{root[3]}", "nomaster")
    wait_ping(GUEST)
    other = "eth1" if root == "eth0" else "eth0"
    assert until(lambda: states(machine)[other] == "forwarding")
    assert ping(GUEST) == (3, 0)
