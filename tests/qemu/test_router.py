"""Skiff with two cards between two networks: Linux on the left reaches Linux on the right, and hears why when it cannot."""
import logging
import socket
import struct
import threading
import time

import pytest

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import IP, UDP, Ether, Raw, AsyncSniffer, conf, sendp  # noqa: E402

from router import APPEND, LEFT, LEFT_GW, LEFT_MAC, RIGHT, RIGHT_GW, exchange  # noqa: E402

conf.verb = 0
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVERR, MSG_ERRQUEUE = 10, 2, 11, 0x2000


def listen(ns, interface, **options):
    """A sniffer in a namespace that hears from now on."""
    started = threading.Event()
    with ns:
        sniffer = AsyncSniffer(iface=interface, started_callback=started.set, **options)
        sniffer.start()
        assert started.wait(10)
    return sniffer


def heard(sniffer, wait):
    time.sleep(wait)
    sniffer.stop()
    return list(sniffer.results)


def send(ns, interface, packets):
    with ns:
        sendp(packets, iface=interface)


def error_of(ns, to, ttl=64, size=20, df=False, wait=6):
    """What an UDP datagram draws: (ICMP type, code, info, who says so), as Linux's error queue has it."""
    with ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO if df else 0)
        s.connect((to, 33434))
        s.setblocking(False)
        s.send(bytes(size))
        end = time.monotonic() + wait
        while time.monotonic() < end:
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
        out = ns.run("ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", to).stdout
        assert " 0% packet loss" in out and "ttl=63" in out, out


def test_fragments_pass_as_they_are(router):
    for size in ("3000", "20000"):
        out = router.left.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", "-s", size, RIGHT).stdout
        assert " 0% packet loss" in out, out


def test_router_answers_by_each_of_its_addresses_from_either_side(router):
    for ns in (router.left, router.right):
        for to in (LEFT_GW, RIGHT_GW):
            assert "ttl=64" in ns.run("ping", "-n", "-c", "1", "-W", "2", to).stdout


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
    sniffer = listen(router.right, "right0", lfilter=lambda p: UDP in p and p[UDP].dport == 7777)
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
    packets = heard(sniffer, 1)
    assert [(p[IP].src, p[IP].dst, p[IP].ttl) for p in packets] == [(LEFT, RIGHT, 1)]


def test_record_route_shows_the_way(router):
    out = router.left.run("ping", "-n", "-R", "-c", "1", "-W", "2", RIGHT).stdout
    assert RIGHT_GW in out and LEFT_GW in out, out


def test_routes_of_the_command_line(networks, boot):
    machine = networks.boot(boot, append=APPEND + f" route=10.81.3.0/24:{RIGHT} route=198.51.100.0/24:prohibit "
                            "route=203.0.113.0/24:blackhole route=192.0.2.0/24:unreachable route=10.0.0.1/8:1.2.3.4 "
                            "route=default:10.99.0.1 sysctl.net.ipv4.conf.eth0.rp_filter=1")
    assert error_of(networks.left, "198.51.100.1") == (3, 13, 0, LEFT_GW)
    assert error_of(networks.left, "192.0.2.1") == (3, 1, 0, LEFT_GW)
    assert error_of(networks.left, "203.0.113.1", wait=1) is None
    assert "route=10.0.0.1/8:1.2.3.4: the destination has bits behind its prefix" in machine.log()
    assert "route=default:10.99.0.1: the gateway is on no network of ours" in machine.log()
    assert "ip_forward" not in machine.log().split("started by")[1].split("\n", 1)[1]

    # Path MTU: the right host forwards to a third network by a link of 1300 bytes; its ICMP errors pass Skiff.
    right = networks.right
    right.run("ip", "link", "add", "inner", "mtu", "1300", "type", "veth", "peer", "name", "outer")
    from router import Namespace
    third = Namespace("third")
    try:
        with right:
            open("/proc/sys/net/ipv4/ip_forward", "w").write("1")
        right.run("ip", "link", "set", "outer", "netns", third.holder.pid)
        right.run("ip", "addr", "add", "10.81.3.1/24", "dev", "inner")
        right.run("ip", "link", "set", "inner", "up")
        third.run("ip", "addr", "add", "10.81.3.2/24", "dev", "outer")
        third.run("ip", "link", "set", "outer", "up")
        third.run("ip", "route", "add", "default", "via", "10.81.3.1")
        assert error_of(networks.left, "10.81.3.2", size=1400, df=True) == (3, 4, 1300, RIGHT)
        exchange(networks.left, "10.81.3.2", third, 300_000)
    finally:
        third.close()
        right.run("ip", "link", "del", "inner", check=False)

    # Reverse path: a source of the right network cannot come from the left.
    sniffer = listen(networks.right, "right0", lfilter=lambda p: UDP in p and p[UDP].dport == 7778)
    send(networks.left, "left0", [Ether(dst=LEFT_MAC) / IP(src="10.81.2.77", dst=RIGHT) / UDP(dport=7778) / Raw(b"x"),
                                  Ether(dst=LEFT_MAC) / IP(src="10.81.1.77", dst=RIGHT) / UDP(dport=7778) / Raw(b"y")])
    assert [p[IP].src for p in heard(sniffer, 1)] == ["10.81.1.77"]
