"""Strangers by the thousand who want nothing but the machine's memory: 64 MiB of it last, and it answers meanwhile and afterwards.

They come from addresses of their own, with a TCP of a few lines: what it does not do is the attack.
"""
import json
import socket
import struct
import time

import pytest

from conftest import GUEST, GUEST_MAC, IP, Machine, get

IFACE, CROWD, MAC = "tap0", 2000, b"\x02\0\0\0\x79\x99"
FIN, SYN, RST, ACK = 1, 2, 4, 16
GUEST_BYTES, ISS = socket.inet_aton(GUEST), 2**32 - 100


def total(data):
    words = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while words >> 16:
        words = (words & 0xffff) + (words >> 16)
    return words


class Strangers:
    """A crowd on 200 addresses. What it answers to SYN-ACKs, and whether to anything else, is the attack."""

    def __init__(self, port=80, request=b"", window=65535, acks=True):
        self.port, self.request, self.window, self.acks = port, request, window, acks
        self.at, self.heard = {}, {}  # (address, port): the next number of ours, and of theirs
        self.greeted = set()  # who has got a SYN-ACK
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.wire.bind((IFACE, 0))
        self.wire.setblocking(False)

    def who(self):
        return [(socket.inet_aton(f"10.79.0.{20 + i % 200}"), 20000 + i // 200) for i in range(CROWD)]

    def send(self, who, flags, ack=0, data=b"", window=None, seq=None):
        address, port = who
        window = self.window if window is None else window
        seq = self.at.get(who, ISS) if seq is None else seq
        tcp = struct.pack("!HHIIBBHHH", port, self.port, seq % 2**32, ack, 0x50, flags, window, 0, 0) + data
        pseudo = address + GUEST_BYTES + struct.pack("!HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", 0xffff - total(pseudo + tcp)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + address + GUEST_BYTES
        ip = ip[:10] + struct.pack("!H", 0xffff - total(ip)) + ip[12:]
        self.put(bytes.fromhex(GUEST_MAC.replace(":", "")) + MAC + b"\x08\0" + ip + tcp)

    def put(self, frame):
        end = time.monotonic() + 60
        while True:
            try:
                return self.wire.send(frame)
            except OSError:  # the queue of a tap device holds a thousand frames
                assert time.monotonic() < end, "the machine takes no frames any more"
                time.sleep(0.001)

    def connect(self):
        for i, who in enumerate(self.who()):
            self.send(who, SYN)
            if i % 32 == 31:
                self.listen(0.005)
        self.listen(1)

    def listen(self, seconds):
        """Answers what comes until nothing has come for so long, or for a minute: retransmissions may never end."""
        quiet, end = time.monotonic() + seconds, time.monotonic() + 60
        while time.monotonic() < min(quiet, end):
            try:
                frame = self.wire.recv(65536)
            except BlockingIOError:
                time.sleep(0.0005)
                continue
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:41] == bytes([10, 79, 0]) and 20 <= frame[41] < 220:
                self.put(frame[6:12] + MAC + b"\x08\x06" + frame[14:20] + b"\0\2" + MAC + frame[38:42] + frame[22:32])
            elif frame[:6] == MAC and frame[12:14] == b"\x08\0" and frame[23] == 6:
                self.answer(frame)
                quiet = max(quiet, time.monotonic() + 0.2)

    def answer(self, frame):
        who = frame[30:34], struct.unpack("!H", frame[36:38])[0]
        seq, ack = struct.unpack("!II", frame[38:46])
        length = struct.unpack("!H", frame[16:18])[0] - 20 - (frame[46] >> 4 << 2)
        flags = frame[47]
        if flags & SYN:
            self.greeted.add(who)
        if flags & RST:
            self.at.pop(who, None)
        elif flags & SYN and self.acks is not None:
            self.heard[who] = (seq + 1) % 2**32
            self.at[who] = (ISS + 1) % 2**32
            self.send(who, ACK, self.heard[who], self.request)
            self.at[who] = (ISS + 1 + len(self.request)) % 2**32
        elif self.acks and who in self.at:
            if self.window and seq == self.heard[who]:
                self.heard[who] = (seq + length + (flags & FIN)) % 2**32
            if length or flags & FIN or not self.window:
                self.send(who, ACK, self.heard[who])

    def leave(self):
        """All of them are reset, so that what they have cost can be seen to come back."""
        for i, who in enumerate(self.who()):
            self.send(who, RST, seq=self.at.get(who, (ISS + 1) % 2**32))
            if i % 32 == 31:
                time.sleep(0.002)
        self.wire.close()


def figures():
    return json.loads(get("/status.json")[2])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    m = Machine(tmp_path_factory.mktemp("floods"), append=f"{IP} inetd=chargen", mem="64M")
    try:
        m.wait_http()
        yield m
        assert m.process.poll() is None, f"the machine died:\n{m.log()}"
        assert "panic" not in m.log().lower() and "out of memory" not in m.log().lower(), m.log()
    finally:
        m.stop()


CHARGEN, ONCE = 19, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("name, how", [
    ("half-open: a SYN and never again", {"acks": None}),
    ("Naptha: connected, and silent", {"request": b""}),
    ("sockstress: no window for what is sent", {"port": CHARGEN, "window": 0}),
    ("never-ACK: what is sent is not acknowledged", {"port": CHARGEN, "acks": False}),
    ("netkill: an answer is taken, the end is not", {"request": ONCE}),
    ("orphans: the end of a short answer is not even acknowledged", {"request": ONCE, "acks": False})])
def test_a_crowd_that_only_costs_memory_is_bounded_and_others_are_served(small, name, how):
    assert get("/")[0] == 200
    before = figures()
    crowd = Strangers(**how)
    crowd.connect()
    for _ in range(3):
        assert get("/")[0] == 200
        crowd.listen(0.3)
    during = figures()
    assert len(crowd.greeted) > CROWD / 20, "the crowd has not come through: nothing is seen"
    assert during["mem_free_kb"] > before["mem_free_kb"] / 4
    crowd.leave()
    end = time.monotonic() + 120
    while (after := figures())["mem_free_kb"] < before["mem_free_kb"] - 4096 and time.monotonic() < end:
        time.sleep(0.2)
    assert after["mem_free_kb"] >= before["mem_free_kb"] - 4096, (before, during, after)
    assert get("/")[0] == 200
