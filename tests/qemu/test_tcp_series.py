"""How TCP's timers sound on the wire: when it sends again what nobody answers, and how often it answers a blind attacker.

The peer is a raw socket with an address of its own, which says what the test wants and no more. The expected times are what
Linux does on a quiet wire of no length. To the millisecond they are tested in virtual time (tests/script); the machine that
runs these tests is not quiet, which the first timeout is measured from: here no gap is too short, and each is about twice
the one before.
"""
import random
import select
import socket
import struct
import time

import pytest

from conftest import GUEST, GUEST_MAC

MAC = bytes.fromhex("520000790063")
ADDRESS = "10.79.0.99"
FIN, SYN, RST, ACK = 1, 2, 4, 16
ISN = 2**32 - 50


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Segment:
    def __init__(self, frame, at):
        header = 14 + (frame[14] & 15) * 4
        self.at, total = at, struct.unpack_from("!H", frame, 16)[0]
        self.sport, self.dport, self.seq, self.ack, offset, self.flags = struct.unpack_from("!HHIIBB", frame, header)
        self.data = frame[header + (offset >> 4) * 4:14 + total]


class Peer:
    """A TCP without timers: one connection to a port of the guest."""

    def __init__(self, port):
        self.port, self.sport = port, random.randrange(20000, 60000)
        self.source, self.target = socket.inet_aton(ADDRESS), socket.inet_aton(GUEST)
        self.guest_mac = bytes.fromhex(GUEST_MAC.replace(":", ""))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("tap0", 0))
        self.seq = self.ack = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.send(RST, self.seq)
        self.socket.close()

    def arp(self, frame):
        """Answers the guest's question for our address."""
        if struct.unpack_from("!H", frame, 20)[0] == 1 and frame[38:42] == self.source:
            self.socket.send(frame[6:12] + MAC + b"\x08\x06" + frame[14:20] + b"\0\2" + MAC + self.source + frame[22:32])

    def send(self, flags, seq, data=b"", window=65535, options=b""):
        tcp = struct.pack("!HHIIBBHHH", self.sport, self.port, seq % 2**32, self.ack if flags & ACK else 0,
                          (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options + data
        pseudo = self.source + self.target + struct.pack("!HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + self.source + self.target
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        self.socket.send(self.guest_mac + MAC + b"\x08\x00" + ip + tcp)

    def next(self, timeout=60):
        """The next segment of ours, or None."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0 and select.select([self.socket], [], [], left)[0]:
            frame, at = self.socket.recv(65536), time.monotonic()
            if frame[12:14] == b"\x08\x06":
                self.arp(frame)
            elif frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[30:34] == self.source:
                segment = Segment(frame, at)
                if (segment.sport, segment.dport) == (self.port, self.sport):
                    return segment
        return None

    def open(self):
        self.send(SYN, ISN, options=struct.pack("!BBH", 2, 4, 1460))
        answer = self.next()
        assert answer.flags == SYN | ACK
        self.seq, self.ack = (ISN + 1) % 2**32, (answer.seq + 1) % 2**32
        self.send(ACK, self.seq)

    def hear(self, count, seconds=60, answer=None):
        """So many segments, or those of so many seconds; answer(segment) says something to each."""
        heard, end = [], time.monotonic() + seconds
        while len(heard) < count and (segment := self.next(end - time.monotonic())):
            heard.append(segment)
            if answer:
                answer(segment)
        return heard


def gaps(segments):
    return [later.at - earlier.at for earlier, later in zip(segments, segments[1:])]


def assert_like(found, expected):
    assert len(found) == len(expected), found
    before = None
    for got, want in zip(found, expected):
        assert want * 0.7 - 0.1 <= got, f"{found} instead of {expected}"
        if before:
            assert 1.3 * before - 0.5 <= got <= 3 * before + 1, f"{found} instead of {expected}"
        before = got
    assert 0.7 * sum(expected) < sum(found)


def test_data_without_an_answer_goes_again_with_doubled_time(machine):  # RFC 6298 5.5; the first may be a tail-loss probe
    with Peer(7) as peer:
        peer.open()
        peer.send(ACK, peer.seq, b"hello")
        data = []
        while len(data) < 5:
            data += [s for s in peer.hear(1) or pytest.fail(f"no more after {len(data)}") if s.data]
        assert all(s.data == b"hello" and s.seq == data[0].seq for s in data)
        assert_like(gaps(data), [0.20, 0.40, 0.83, 1.63])


def test_a_SYN_ACK_without_an_answer_goes_again_after_1_2_and_4_seconds(machine):  # RFC 6298 2.1, 5.5
    with Peer(7) as peer:
        peer.send(SYN, ISN)
        heard = peer.hear(4)
        assert all(s.flags == SYN | ACK and s.seq == heard[0].seq for s in heard)
        assert_like(gaps(heard), [1.0, 2.0, 4.3])
        peer.seq = ISN + 1


def test_a_zero_window_is_probed_with_doubled_time(machine):  # RFC 9293 3.8.6.1
    with Peer(7) as peer:
        peer.open()
        peer.send(ACK, peer.seq, b"x" * 100, window=0)
        peer.seq += 100
        probes = []
        while len(probes) < 4:
            heard = peer.hear(1, answer=lambda s: peer.send(ACK, peer.seq, window=0))
            assert heard and not heard[0].data, "the window is shut"
            probes += [s for s in heard if s.seq == (peer.ack - 1) % 2**32]
        assert_like(gaps(probes), [0.43, 0.87, 1.7])


@pytest.mark.parametrize("flags, words", [(SYN, "SYNs"), (RST, "RSTs")])
def test_400_blind_segments_draw_one_challenge_ACK(machine, flags, words):  # RFC 5961 3.2, 4.2, 7
    rng = random.Random(5961)
    with Peer(7) as peer:
        peer.open()
        start = time.monotonic()
        for _ in range(400):
            near = peer.seq + rng.randrange(1, 60000)  # in the window, and not its first number
            peer.send(flags, near if flags == RST else rng.randrange(2**32))
        peer.send(ACK, peer.seq, b"still there")
        heard = []
        while not heard or heard[-1].data != b"still there":  # the echo: all before it has been seen to
            heard += peer.hear(1) or pytest.fail("no echo")
        challenges = [s for s in heard if not s.data and s.ack == peer.seq]
        assert all(s.flags == ACK for s in challenges), [hex(s.flags) for s in heard]
        assert 1 <= len(challenges) <= 1 + (time.monotonic() - start) / 0.5  # tcp_invalid_ratelimit
