"""Skiff with two cards between two networks: Linux on the left reaches Linux on the right, and hears why when it cannot."""
import contextlib
import socket
import struct
import time

import pytest

from conftest import ping
from sniff import Sniffer  # before scapy, which it keeps quiet
from scapy.all import IP, UDP, Ether, Raw, conf, sendp

from router import APPEND, LEFT, LEFT_GW, LEFT_MAC, RIGHT, RIGHT_GW, exchange, third_network

conf.verb = 0
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVERR, MSG_ERRQUEUE = 10, 2, 11, 0x2000


def send(ns, interface, packets):
    with ns:
        sendp(packets, iface=interface)


def error_of(ns, to, ttl=64, size=20, df=False, wait=60):
    """What an UDP datagram draws: (ICMP type, code, info, who says so), as Linux's error queue has it.

    Hosts tell one sender a few errors a second only: it is sent again now and then."""
    with ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO if df else 0)
        s.connect((to, 33434))
        s.setblocking(False)
        begin = again = time.monotonic()
        while (now := time.monotonic()) < begin + wait:
            if now >= again:
                with contextlib.suppress(OSError):  # the error it has drawn meanwhile
                    s.send(bytes(size))
                again = now + 4  # an address that nobody answers for is given up after 3
            try:
                _, ancillary, _, _ = s.recvmsg(2000, 512, MSG_ERRQUEUE)
            except BlockingIOError:
                time.sleep(0.01)
                continue
            _, origin, icmp_type, code, _, info, _ = struct.unpack_from("=IBBBBII", ancillary[0][2])
            assert origin == 2
            return icmp_type, code, info, socket.inet_ntoa(ancillary[0][2][20:24])
    return None


def test_ping_passes_both_ways_and_loses_one_hop(router):
    for ns, to in ((router.left, RIGHT), (router.right, LEFT)):
        for _ in range(3):
            out = ns.run("ping", "-n", "-c", "1", "-W", "30", to).stdout
            assert " 0% packet loss" in out and "ttl=63" in out, out


def test_fragments_pass_as_they_are(router):
    for size in ("3000", "20000"):
        assert ping(RIGHT, 2, "-s", size, run=router.left.run)


def test_router_answers_by_each_of_its_addresses_from_either_side(router):
    for ns in (router.left, router.right):
        for to in (LEFT_GW, RIGHT_GW):
            assert "ttl=64" in ns.run("ping", "-n", "-c", "1", "-W", "30", to).stdout


@pytest.mark.parametrize("size", [1, 1460, 100_000, 5_000_003])
def test_tcp_through_the_router_with_every_byte_checked(router, size):
    exchange(router.left, RIGHT, router.right, size)
    exchange(router.right, LEFT, router.left, size)


def test_traceroute_sees_the_router_then_the_host(router):
    assert error_of(router.left, RIGHT, ttl=1)[::3] == (11, LEFT_GW)
    assert error_of(router.right, LEFT, ttl=1)[::3] == (11, RIGHT_GW)
    assert error_of(router.left, RIGHT, ttl=2) == (3, 3, 0, RIGHT)


def test_no_route_is_network_unreachable_and_no_host_is_host_unreachable(router):
    assert error_of(router.left, "192.0.2.1") == (3, 0, 0, LEFT_GW)
    assert error_of(router.left, "10.81.2.99")[:2] == (3, 1)


def test_what_must_not_be_forwarded_is_not(router):
    sniffer = Sniffer("right0", router.right, lfilter=lambda p: UDP in p and p[UDP].dport == 7777)
    ether, payload = Ether(dst=LEFT_MAC), UDP(sport=1, dport=7777) / Raw(b"x")
    send(router.left, "left0", [
        ether / IP(src="127.0.0.1", dst=RIGHT) / payload,
        ether / IP(src="0.0.0.0", dst=RIGHT) / payload,
        ether / IP(src="224.0.0.1", dst=RIGHT) / payload,
        ether / IP(src="240.0.0.1", dst=RIGHT) / payload,
        ether / IP(src=LEFT_GW, dst=RIGHT) / payload,
        ether / IP(src=LEFT, dst="10.81.2.255") / payload,
        ether / IP(src=LEFT, dst="255.255.255.255") / payload,
        ether / IP(src=LEFT, dst="239.1.2.3") / payload,
        ether / IP(src="169.254.1.1", dst=RIGHT) / payload,
        ether / IP(src=LEFT, dst=RIGHT, ttl=1) / payload,
        Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src=LEFT, dst=RIGHT) / payload,
        ether / IP(src=LEFT, dst=RIGHT, ttl=2) / payload,
    ])
    packets = sniffer.heard()
    assert [(p[IP].src, p[IP].dst, p[IP].ttl) for p in packets] == [(LEFT, RIGHT, 1)]


def test_record_route_shows_the_way(router):
    out = router.left.run("ping", "-n", "-R", "-c", "1", "-W", "30", RIGHT).stdout
    assert RIGHT_GW in out and LEFT_GW in out, out


def test_routes_of_the_command_line(networks, boot):
    machine = networks.boot(boot, append=APPEND + f" route=10.81.3.0/24:{RIGHT} route=198.51.100.0/24:prohibit "
                            "route=203.0.113.0/24:blackhole route=192.0.2.0/24:unreachable route=10.0.0.1/8:1.2.3.4 "
                            "route=default:10.99.0.1 sysctl.net.ipv4.conf.eth0.rp_filter=1")
    assert error_of(networks.left, "198.51.100.1") == (3, 13, 0, LEFT_GW)
    assert error_of(networks.left, "192.0.2.1") == (3, 1, 0, LEFT_GW)
    assert error_of(networks.left, "203.0.113.1", wait=1) is None
    machine.wait_log("route=10.0.0.1/8:1.2.3.4: the destination has bits behind its prefix")
    machine.wait_log("route=default:10.99.0.1: the gateway is on no network of ours")
    assert "ip_forward" not in machine.log().split("started by")[1].split("\n", 1)[1]

    # Path MTU: the right host forwards to a third network by a link of 1300 bytes; its ICMP errors pass Skiff.
    with third_network(networks.right) as third:
        assert error_of(networks.left, "10.81.3.2", size=1400, df=True) == (3, 4, 1300, RIGHT)
        exchange(networks.left, "10.81.3.2", third, 300_000)

    # Reverse path: a source of the right network cannot come from the left.
    sniffer = Sniffer("right0", networks.right, lfilter=lambda p: UDP in p and p[UDP].dport == 7778)
    send(networks.left, "left0", [Ether(dst=LEFT_MAC) / IP(src="10.81.2.77", dst=RIGHT) / UDP(dport=7778) / Raw(b"x"),
                                  Ether(dst=LEFT_MAC) / IP(src="10.81.1.77", dst=RIGHT) / UDP(dport=7778) / Raw(b"y")])
    assert [p[IP].src for p in sniffer.heard()] == ["10.81.1.77"]
