"""Fragments on the wire: what Linux sends in pieces is answered in pieces, and floods of them take nothing away."""
import random

import pytest

from conftest import GUEST, HOST, ping, sh
from test_wire import Ether, ICMP, IP, Raw, UDP, alive, answers, blast, datagram, ether  # noqa: F401


@pytest.mark.parametrize("size", [1472, 1473, 2952, 8000, 60000, 65507])
def test_ping_of_any_size_is_answered(machine, size):  # RFC 1122 3.2.2.6
    for _ in range(5):
        out = sh("ping", "-c", "1", "-W", "30", "-s", size, GUEST).stdout
        assert "1 packets transmitted, 1 received" in out and "wrong" not in out, out


def test_pings_in_pieces_of_another_size_are_answered(machine):
    sh("ip", "link", "set", "tap0", "mtu", "700")
    try:
        answered = ping(GUEST, 3, "-s", "5000")
    finally:
        sh("ip", "link", "set", "tap0", "mtu", "1500")
    assert answered


def pieces(packet, size=1480, **fields):
    """The fragments of an IP packet, in order."""
    data, ip = bytes(packet[IP].payload), packet[IP]
    return [ether() / IP(src=ip.src, dst=ip.dst, proto=ip.proto, id=ip.id, frag=at // 8, **fields,
                         flags="MF" if at + size < len(data) else 0) / Raw(data[at:at + size])
            for at in range(0, len(data), size)]


def big_echo(**fields):
    return ether() / IP(bytes(IP(src=HOST, dst=GUEST, proto=1, **fields) / ICMP(id=9) / Raw(bytes(range(256)) * 20)))


def answered(packets):
    return {p[IP].frag for p in answers(packets) if p[IP].proto == 1} != set()


def test_fragments_in_any_order_and_twice_are_put_together(machine):
    rng = random.Random(815)
    for n in range(10):
        packets = pieces(big_echo(id=100 + n), size=8 * rng.randrange(1, 100))
        packets += rng.sample(packets[:-1], min(len(packets) - 1, 3))
        rng.shuffle(packets)
        assert answered(packets)


def test_any_overlap_refuses_the_datagram_for_good(machine):  # RFC 5722's rule
    for n in range(5):
        packets = pieces(big_echo(id=200 + n), size=1024)
        shifted = packets[n].copy()
        shifted[IP].frag += -1 if n else 1
        shifted[IP].flags = "MF"
        shifted[Raw].load = shifted[Raw].load[:64]
        assert not answered([packets[n], shifted] + packets)


def test_rose_and_fragmentsmack(machine):  # CVE-2018-5391
    first = [bytes(p) for p in pieces(big_echo(id=1), size=1480)[:2]]

    def of(frame, source, ident):
        p = Ether(frame)
        p[IP].src, p[IP].id = source, ident
        del p[IP].chksum
        return bytes(p)

    blast(of(first[n % 2], f"10.79.0.{20 + n % 200}", n // 2) for n in range(3000))
    tiny = pieces(big_echo(id=77), size=8)
    random.Random(2).shuffle(tiny)
    blast([bytes(p) for p in tiny[:-1]] * 4)
    alive()
    assert answered(pieces(big_echo(id=4000)))
