"""Queueing, policing and the early hook, set on the command line and felt on the wire."""
import json

from conftest import GUEST, GUEST_MAC, HOST, IP, get, sh
from sniff import Sniffer  # before scapy, which it keeps quiet
from scapy.all import ICMP, IP as Ip, UDP, Ether, Raw, conf, sendp, srp1

conf.verb = 0
RATE = 8_000_000
LOW, HIGH = 0.3, 1.6  # a busy machine has its pauses; without a limit it is fifty times as much

# Frames of EtherType 0x88b5 bounce, UDP is dropped, all else passes.
BOUNCE_AND_DROP = "8,40_0_0_12,21_4_0_34997,21_0_4_2048,48_0_0_23,21_0_2_17,6_0_0_0,6_0_0_2,6_0_0_1"


def received_bits(*options, seconds=3):
    run = sh("iperf3", "-c", GUEST, "--json", "-t", str(seconds), *options, check=False, timeout=90)
    end = json.loads(run.stdout)["end"]
    return end["sum_received"]["bytes"] * 8 / end["sum_received"]["seconds"]


def test_tbf_with_fq_codel_in_it_holds_its_rate(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} inetd=iperf3 qdisc=eth0:tbf,rate=8mbit,burst=20k,child=fq_codel")
    m.wait_http()
    assert LOW * RATE < received_bits("-R") < HIGH * RATE
    assert get("/")[0] == 200


def test_policing_keeps_what_comes_in_below_its_rate(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} inetd=iperf3 police=eth0:rate=8mbit,burst=70k")
    m.wait_http()
    assert 0.01 * RATE < received_bits() < HIGH * RATE  # TCP fares badly where nothing waits
    assert get("/")[0] == 200


def test_the_early_hook_drops_udp_bounces_one_type_and_lets_the_rest_in(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} xdp=eth0:{BOUNCE_AND_DROP}")
    m.wait_http()
    ether = Ether(dst=GUEST_MAC)
    assert srp1(ether / Ip(src=HOST, dst=GUEST) / ICMP() / Raw(b"x" * 40), iface="tap0", timeout=30)
    assert not srp1(ether / Ip(src=HOST, dst=GUEST) / UDP(dport=9) / Raw(b"x" * 40), iface="tap0", timeout=1)
    # What bounces comes back from the card's address, byte for byte; a sniffer tells it from what was sent.
    sniffer = Sniffer("tap0", lfilter=lambda p: p.haslayer(Ether) and p.type == 0x88B5 and p.src == GUEST_MAC)
    sendp(Ether(dst=GUEST_MAC, type=0x88B5) / Raw(bytes(range(200))), iface="tap0")
    assert [bytes(p.payload) for p in sniffer.heard()] == [bytes(range(200))]
    assert get("/")[0] == 200
