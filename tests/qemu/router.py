"""Skiff between two networks: a namespace on either side, each with a tap device of the machine's.

    left 10.81.1.2/24 --- left0 [eth0 10.81.1.1  Skiff  eth1 10.81.2.1] right0 --- 10.81.2.2/24 right

Tests take the fixture `router`, which has one .machine for all tests of a file, or `networks` and start their own with
networks.boot(boot, append=...). In `with router.left:` sockets, scapy and subprocesses of this thread live on the left.
"""
import contextlib
import ctypes
import fcntl
import hashlib
import os
import pathlib
import random
import socket
import struct
import subprocess
import threading

from conftest import Machine, sh

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
LEFT, RIGHT, LEFT_GW, RIGHT_GW = "10.81.1.2", "10.81.2.2", "10.81.1.1", "10.81.2.1"
LEFT_MAC, RIGHT_MAC = "52:54:00:79:00:02", "52:54:00:79:01:02"  # of the machine's cards
APPEND = (f"ip={LEFT_GW}:::255.255.255.0::eth0:off ip={RIGHT_GW}:::255.255.255.0::eth1:off "
          "sysctl.net.ipv4.ip_forward=1")

libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace that lives as long as a sleeping process in it."""

    def __init__(self, name):
        self.name = name
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        path = pathlib.Path(f"/proc/{self.holder.pid}/ns/net")
        while os.readlink(path) == own:
            assert self.holder.poll() is None, "no second network namespace"
        self.fd = os.open(path, os.O_RDONLY)
        self.taps, self.entered = [], threading.local()
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        """This thread, and what it starts, is in the namespace now."""
        self.entered.back = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        self.enter()
        return self

    def __exit__(self, *exc):
        assert libc.setns(self.entered.back, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(self.entered.back)

    def enter(self):
        """For a thread that stays."""
        assert libc.setns(self.fd, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def run(self, *command, **kwargs):
        return sh("nsenter", "-t", self.holder.pid, "-n", *command, **kwargs)

    def add_tap(self, name, address=None):
        """A tap device and its descriptor, which is what Machine(taps=...) takes."""
        with self:
            tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        if address:
            self.run("ip", "addr", "add", address, "dev", name)
        self.run("ip", "link", "set", name, "up")
        self.taps.append(tap)
        return tap

    def close(self):
        for tap in self.taps:
            os.close(tap)
        os.close(self.fd)
        self.holder.kill()
        self.holder.wait()


class Networks:
    """Both sides."""

    def __init__(self):
        self.left, self.right = Namespace("left"), Namespace("right")

    def taps(self):
        taps = (self.left.add_tap("left0", f"{LEFT}/24"), self.right.add_tap("right0", f"{RIGHT}/24"))
        self.left.run("ip", "route", "replace", "default", "via", LEFT_GW)
        self.right.run("ip", "route", "replace", "default", "via", RIGHT_GW)
        return taps

    def boot(self, boot, append=APPEND, wait=True, **options):
        """A machine by the fixture `boot`, ready to forward; once for each Networks."""
        machine = self.machine = boot(append=append, taps=self.taps(), **options)
        return self.ready(machine) if wait else machine

    def ready(self, machine):
        with self.left:
            machine.wait_http(LEFT_GW)
        return machine

    def close(self):
        self.left.close()
        self.right.close()


@contextlib.contextmanager
def third_network(right):
    """10.81.3.2 behind the host on the right and a link of 1300 bytes; the machine needs a route to it."""
    third = Namespace("third")
    try:
        right.run("ip", "link", "add", "inner", "mtu", 1300, "type", "veth", "peer", "name", "outer")
        with right:
            pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        right.run("ip", "link", "set", "outer", "netns", third.holder.pid)
        right.run("ip", "addr", "add", "10.81.3.1/24", "dev", "inner")
        right.run("ip", "link", "set", "inner", "up")
        third.run("ip", "addr", "add", "10.81.3.2/24", "dev", "outer")
        third.run("ip", "link", "set", "outer", "up")
        third.run("ip", "route", "add", "default", "via", "10.81.3.1")
        yield third
    finally:
        third.close()
        right.run("ip", "link", "del", "inner", check=False)


@contextlib.contextmanager
def serving(ns, handler, address=("0.0.0.0", 0)):
    """A TCP server in a namespace: handler(connection) for each connection, one after the other. -> its port"""
    with ns:
        listener = socket.create_server(address)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                handler(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def connect(ns, address, timeout=60):
    with ns:
        return socket.create_connection(address, timeout)


def exchange(client, address, server, size, at=None):
    """`size` bytes each way between a client and a server that sends them back; every byte is compared."""
    payload = random.Random(size).randbytes(size)

    def echo(connection):
        data = read_all(connection)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    with serving(server, echo, at or ("0.0.0.0", 0)) as port:
        with connect(client, (address, port)) as s:
            s.sendall(payload)
            s.shutdown(socket.SHUT_WR)
            answer = read_all(s)
    assert len(answer) == len(payload)
    assert hashlib.sha256(answer).digest() == hashlib.sha256(payload).digest()


def read_all(connection):
    chunks = []
    while chunk := connection.recv(1 << 16):
        chunks.append(chunk)
    return b"".join(chunks)
