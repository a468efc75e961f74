"""Skiff's TCP as a library on a tap device, against this machine's Linux, in both roles: who connects is as likely to lose a
SYN as who listens.

The wire between them is here, in both directions alike: it loses, doubles, delays and damages datagrams. Both ends send and
receive at once, each byte is compared, and what goes wrong names the seed. Time is the machine's own; the library's clock
follows it. No guest is booted.
"""
import errno
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import sys
import time

import pytest

from conftest import ROOT, sh
from test_tcp_linux import ALL, SACK, TIMESTAMPS, WSCALE, linux_set

sys.path.append(str(ROOT / "tests/script"))
from skiff import LOCAL, LOCAL_MAC, PEER, PEER_MAC, Failed, Stack  # noqa: E402

TAP = "library0"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
PORT = 5001
LIMIT_S = 120  # for one conversation; half a second is usual
EVIL = dict(loss=2, twice=2, late=4, damage=1)

# name: sysctls of Linux, of Skiff, options both then use, MTU of both, the wire in percent, bytes up and down
CASES = {
    "losses": ({}, {}, ALL, 1500, dict(loss=4), 300000, 300000),
    "copies": ({}, {}, ALL, 1500, dict(twice=25), 300000, 300000),
    "overtaking": ({}, {}, ALL, 1500, dict(late=10), 300000, 300000),
    "damage": ({}, {}, ALL, 1500, dict(damage=4), 300000, 300000),
    "one way up": ({}, {}, ALL, 1500, EVIL, 300000, 0),
    "one way down": ({}, {}, ALL, 1500, EVIL, 0, 300000),
    "Linux without SACK": ({"tcp_sack": 0}, {}, TIMESTAMPS | WSCALE, 1500, EVIL, 50000, 50000),
    "Skiff without SACK": ({}, {"tcp_sack": 0}, TIMESTAMPS | WSCALE, 1500, EVIL, 50000, 50000),
    "Linux without timestamps": ({"tcp_timestamps": 0}, {}, SACK | WSCALE, 1500, EVIL, 50000, 50000),
    "Skiff without timestamps": ({}, {"tcp_timestamps": 0}, SACK | WSCALE, 1500, EVIL, 50000, 50000),
    "Linux without window scaling": ({"tcp_window_scaling": 0}, {}, TIMESTAMPS | SACK, 1500, EVIL, 50000, 50000),
    "no option at all": ({"tcp_sack": 0, "tcp_timestamps": 0, "tcp_window_scaling": 0}, {}, 0, 1500, EVIL, 30000, 30000),
    "ECN": ({"tcp_ecn": 1}, {"tcp_ecn": 1}, ALL, 1500, EVIL, 50000, 50000),
    "an MTU of 576": ({}, {}, ALL, 576, EVIL, 50000, 50000),
    "an MTU of 9000": ({}, {}, ALL, 9000, EVIL, 300000, 300000),
}


class Ended(Exception):
    pass


class Wire:
    """A tap device: its frames to the library and back, each by the fate that the seed gives it."""

    def __init__(self, stack, mtu, seed, fates):
        self.stack, self.fates, self.random, self.count = stack, fates, random.Random(seed), 0
        self.under_way = []  # (when due, number, to Linux?, datagram)
        self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack("16sH22x", TAP.encode(), IFF_TAP | IFF_NO_PI))
        sh("ip", "link", "set", TAP, "address", PEER_MAC.hex(":"), "mtu", mtu)
        sh("ip", "addr", "add", f"{PEER}/24", "dev", TAP)
        sh("ip", "link", "set", TAP, "up")
        sh("ip", "neigh", "replace", LOCAL, "lladdr", LOCAL_MAC.hex(":"), "dev", TAP, "nud", "permanent")
        self.start = time.monotonic()

    def close(self):
        os.close(self.tap)

    def befalls(self, fate):
        return self.random.random() * 100 < self.fates.get(fate, 0)

    def send(self, to_linux, datagram):
        lost, twice, late, damaged = (self.befalls(fate) for fate in ("loss", "twice", "late", "damage"))
        if lost:
            return
        if damaged:
            at = self.random.randrange(len(datagram))
            datagram = datagram[:at] + bytes([datagram[at] ^ 1 << self.random.randrange(8)]) + datagram[at + 1:]
        for _ in range(1 + twice):
            self.count += 1
            heapq.heappush(self.under_way, (time.monotonic() + (0.004 if late else 0.0005), self.count, to_linux, datagram))

    def collect(self):
        """What both sides have sent is under way from now on."""
        try:
            while True:
                frame = os.read(self.tap, 65536)
                if frame[12:14] == b"\x08\x00":
                    self.send(False, frame[14:])
        except BlockingIOError:
            pass
        sent, self.stack.sent = self.stack.sent, []
        for _, datagram in sent:
            self.send(True, datagram)

    def deliver(self):
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            _, _, to_linux, datagram = heapq.heappop(self.under_way)
            if to_linux:
                os.write(self.tap, PEER_MAC + LOCAL_MAC + b"\x08\x00" + datagram)
            else:
                self.stack.receive(datagram)

    def turn(self, linux):
        """Waits until there is something to do, for some ms at most, and does it."""
        select.select([self.tap, linux], [], [], 0.001 if self.under_way else 0.003)
        self.stack.advance_to(int((time.monotonic() - self.start) * 1e6))
        self.collect()
        self.deliver()
        self.collect()


class End:
    """One end of a conversation: sends `content`, then FIN; receives until the other's."""

    def __init__(self, content):
        self.content, self.sent, self.got, self.shut, self.done = content, 0, bytearray(), False, False

    def step(self):
        try:
            while self.sent < len(self.content):
                self.sent += self.write(self.content[self.sent:self.sent + 20000])
            if not self.shut:
                self.shut = True
                self.finish()
        except BlockingIOError:
            pass
        try:
            while not self.done:
                chunk = self.read()
                self.got += chunk
                self.done = not chunk
        except BlockingIOError:
            pass


class LinuxEnd(End):
    def __init__(self, content, sock):
        super().__init__(content)
        self.socket = sock

    def write(self, data):
        return self.socket.send(data)

    def read(self):
        return self.socket.recv(1 << 16)

    def finish(self):
        self.socket.shutdown(socket.SHUT_WR)


class SkiffEnd(End):
    def __init__(self, content, stack, fd):
        super().__init__(content)
        self.stack, self.fd = stack, fd

    def blocking(self, call, *arguments):
        try:
            return call(*arguments)
        except Failed as e:
            if e.errno == errno.EAGAIN:
                raise BlockingIOError from None
            raise

    def write(self, data):
        return self.blocking(self.stack.call, "send", self.fd, data, len(data), 0)

    def read(self):
        return self.blocking(self.stack.recv, self.fd, 1 << 16)

    def finish(self):
        self.stack.call("shutdown", self.fd, socket.SHUT_WR)


def until(wire, linux, what, attempt):
    """Turns until attempt() gives something."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        wire.turn(linux)
        try:
            if (result := attempt()) is not None:
                return result
        except BlockingIOError:
            pass
        except Failed as e:
            if e.errno != errno.EAGAIN:
                raise
    raise Ended(f"{what}: not within {LIMIT_S} s")


def skiff_connects(wire, stack):
    with socket.socket() as listener:
        listener.bind((PEER, 0))
        listener.listen()
        listener.setblocking(False)
        fd = stack.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
        try:
            stack.call("connect", fd, *stack.address(PEER, listener.getsockname()[1]))
        except Failed as e:
            assert e.errno == errno.EINPROGRESS
        return until(wire, listener, "connect", lambda: listener.accept()[0]), fd


def skiff_listens(wire, stack):
    listener = stack.call("socket", socket.AF_INET, socket.SOCK_STREAM, 0)
    stack.call("bind", listener, *stack.address("0.0.0.0", PORT))
    stack.call("listen", listener, 5)
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((LOCAL, PORT))
    fd = until(wire, sock, "accept", lambda: stack.call("accept", listener, None, None))
    stack.call("close", listener)
    return sock, fd


def converse(wire, stack, role, up, down, options):
    """Up is what the connecting side sends."""
    sock, fd = role(wire, stack)
    with sock:
        sock.setblocking(False)
        linux = LinuxEnd(up if role is skiff_listens else down, sock)
        skiff = SkiffEnd(down if role is skiff_listens else up, stack, fd)

        def both_done():
            linux.step()
            skiff.step()
            return True if linux.done and skiff.done else None

        until(wire, sock, "the conversation", both_done)
        agreed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & ALL
        stack.call("close", fd)
    assert linux.got == skiff.content, "Linux received something else than Skiff sent"
    assert skiff.got == linux.content, "Skiff received something else than Linux sent"
    assert agreed == options, f"options {agreed:03b} (wscale, SACK, timestamps) instead of {options:03b}"


@pytest.mark.parametrize("role", [skiff_connects, skiff_listens], ids=["Skiff connects", "Skiff listens"])
@pytest.mark.parametrize("name", CASES)
def test_every_byte_survives_in_both_roles(name, role):
    linux, skiff, options, mtu, fates, up, down = CASES[name]
    seed = f"{name}/{role.__name__}"  # of the wire and of the bytes: the run's name says it
    chance = random.Random(seed)
    stack = Stack(mtu=mtu)
    try:
        for setting, value in skiff.items():
            stack.sysctl(f"net.ipv4.{setting}", value)
        with linux_set(linux):
            wire = Wire(stack, mtu, seed, fates)
            try:
                converse(wire, stack, role, chance.randbytes(up), chance.randbytes(down), options)
            finally:
                wire.close()
    except (Ended, Failed, OSError, AssertionError) as e:
        pytest.fail(f"seed {seed!r}: {e!r}")
    finally:
        stack.close()
