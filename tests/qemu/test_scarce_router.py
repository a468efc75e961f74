"""A router with the least memory there is, and every table a stranger can fill full: it stays reachable and gets all back."""
import contextlib
import random
import re
import socket
import time

import pytest

from conftest import Machine, ping
from router import APPEND, LEFT, LEFT_GW, LEFT_MAC, RIGHT, Networks, connect, exchange
from sniff import Sniffer  # noqa: F401 (before scapy, which it keeps quiet)
from scapy.all import ARP, IP, UDP, Ether, Raw
from test_console import PROMPT, Line
from test_firewall import archive

RULES = """create strangers hash:ip
create nets hash:net
{adds}
*nat
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
*filter
:FORWARD DROP
-A FORWARD -m set --match-set strangers src -j DROP
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i eth0 -m hashlimit --hashlimit-above 100000/sec --hashlimit-mode srcip,dstport --hashlimit-name all -j DROP
-A FORWARD -i eth0 -j ACCEPT
COMMIT
""".format(adds="\n".join([f"add strangers 198.51.{i >> 8}.{i & 255}" for i in range(1000)] +
                          [f"add nets 203.{i >> 8}.{i & 255}.0/24" for i in range(500)]))
SOON = ("udp_timeout=2", "udp_timeout_stream=2", "icmp_timeout=2", "tcp_timeout_time_wait=2", "tcp_timeout_close=2",
        "tcp_timeout_syn_sent=2", "tcp_timeout_last_ack=2", "tcp_timeout_fin_wait=2")
WORDS = " ".join(f"sysctl.net.netfilter.nf_conntrack_{word}" for word in SOON) + (
    " sysctl.net.ipv4.ipfrag_time=2 sysctl.net.ipv4.neigh.default.gc_stale_time_ms=2000")
ROUTES = 150


@pytest.fixture
def small(tmp_path):
    machines, networks = [], Networks()

    def boot(**options):
        machines.append(Machine(tmp_path, **options))
        return machines[-1]

    try:
        networks.line = line = Line(boot, tmp_path, append=f"{APPEND} {WORDS} mdns=0", taps=networks.taps(), mem="4M",
                                    site=archive(tmp_path, **{"etc/iptables.rules": RULES}))
        line.expect("press Enter for a command line\n")
        line.type("\r")
        line.expect(PROMPT)
        networks.machine = networks.ready(machines[0])
        yield networks
    finally:
        for machine in machines:
            machine.stop()
        networks.close()


def blast(ns, interface, frames):
    with ns, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        for i, frame in enumerate(frames):
            with contextlib.suppress(BlockingIOError):
                s.send(frame)
            if i % 64 == 63:
                time.sleep(0.002)


def patched(template, *changes):
    frame = bytearray(template)
    for at, value in changes:
        frame[at:at + len(value)] = value
    return bytes(frame)


def flows(rng, count=6000):
    """Datagrams of as many connections: sources, ports, and targets that nobody has."""
    template = bytes(Ether(dst=LEFT_MAC) / IP(src=LEFT, dst=RIGHT, chksum=0) / UDP(chksum=0) / Raw(b"flood"))
    hosts = [2, *range(50, 90)]
    for _ in range(count):
        frame = patched(template, (29, rng.randbytes(1)), (33, bytes([rng.choice(hosts)])), (34, rng.randbytes(4)))
        yield patched(frame, (24, checksum(frame[14:34])))


def checksum(header):
    total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, len(header), 2))
    total = (total & 0xffff) + (total >> 16)
    return (~((total & 0xffff) + (total >> 16)) & 0xffff).to_bytes(2, "big")


def neighbours(rng, count=4000):
    """Questions from as many cards and addresses."""
    template = bytes(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, psrc="10.81.1.0", pdst=LEFT_GW))
    for _ in range(count):
        mac = b"\2" + rng.randbytes(5)
        yield patched(template, (6, mac), (22, mac), (31, bytes([rng.randrange(10, 250)])))


def pieces(rng, count=3000):
    """First fragments, half of them through the router, the others for itself; the rest never comes."""
    for to in (RIGHT, LEFT_GW):
        template = bytes(Ether(dst=LEFT_MAC) / IP(src=LEFT, dst=to, flags="MF", proto=17, chksum=0) / Raw(bytes(1400)))
        for _ in range(count // 2):
            frame = patched(template, (18, rng.randbytes(2)), (29, bytes([rng.randrange(10, 250)])))
            yield patched(frame, (24, checksum(frame[14:34])))


def flood(small, seed):
    rng = random.Random(seed)
    for frames in (flows(rng), neighbours(rng), pieces(rng), flows(rng)):
        blast(small.left, "left0", frames)
        reachable(small, 1000)


def reachable(small, size):
    # The tap's queue may still be full of the flood, and a full table refuses a newcomer now and then.
    assert any(ping(LEFT_GW, wait=3, run=small.left.run) for _ in range(10))
    exchange(small.left, RIGHT, small.right, size)
    with connect(small.left, (LEFT_GW, 80)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")


def count(small, name):
    return int(small.line.run(f"sysctl net.netfilter.nf_conntrack_{name}").split("=")[1])


def used_at_rest(small):
    """KiB in use once all connections have timed out and nothing is freed any more."""
    end = time.monotonic() + 120
    while count(small, "count") > 4:
        assert time.monotonic() < end, small.line.run("conntrack -L")[:2000]
        time.sleep(0.5)
    readings = [0]
    while len(readings) < 5 or len(set(readings[-4:])) > 1:
        assert time.monotonic() < end, readings
        readings.append(int(re.search(r"Mem: +\d+ +(\d+)", small.line.run("free"))[1]))
        time.sleep(1)
    return readings[-1]


def test_full_tables_on_4_MiB_leave_a_router_that_answers_and_all_its_memory(small):
    line = small.line
    for i in range(ROUTES):
        assert line.run(f"ip route add 172.{16 + i // 256}.{i % 256}.0/24 via {RIGHT}") == ""
    assert line.run("ip route").count("172.") == ROUTES
    flood(small, 1)
    assert count(small, "count") <= count(small, "max")
    flood(small, 2)
    before = used_at_rest(small)  # with what is made once and kept
    flood(small, 3)
    flood(small, 4)
    reachable(small, 300_000)
    figures = dict(re.findall(r"(\w+)=(\d+)", line.run("conntrack -S")))
    assert int(figures["early_drop"]) > 10_000 and int(figures["insert"]) > 20_000, figures
    # Pages that are kept half empty make some difference; one thing lost for each of 30,000 frames would make megabytes.
    assert used_at_rest(small) <= before + 192, line.run("free")
    log = line.data.decode("latin-1").lower()
    assert "panic" not in log and small.machine.process.poll() is None
