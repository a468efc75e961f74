"""Queueing, policing and the early hook, set on the command line and felt on the wire."""
import json
import logging
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import ICMP, IP as Ip, UDP, AsyncSniffer, Ether, Raw, conf, sendp, srp1  # noqa: E402

from conftest import GUEST, GUEST_MAC, HOST, IP, get, sh  # noqa: E402

conf.verb = 0
RATE = 8_000_000

# Frames of EtherType 0x88b5 bounce, UDP is dropped, all else passes.
BOUNCE_AND_DROP = "8,40_0_0_12,21_4_0_34997,21_0_4_2048,48_0_0_23,21_0_2_17,6_0_0_0,6_0_0_2,6_0_0_1"


def received_bits(*options, seconds=3):
    run = sh("iperf3", "-c", GUEST, "--json", "-t", str(seconds), *options, check=False, timeout=30)
    end = json.loads(run.stdout)["end"]
    return end["sum_received"]["bytes"] * 8 / end["sum_received"]["seconds"]


def test_tbf_with_fq_codel_in_it_holds_its_rate(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} inetd=iperf3 qdisc=eth0:tbf,rate=8mbit,burst=20k,child=fq_codel")
    m.wait_http()
    assert 0.85 * RATE < received_bits("-R") < 1.02 * RATE
    assert get("/")[0] == 200


def test_policing_keeps_what_comes_in_below_its_rate(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} inetd=iperf3 police=eth0:rate=8mbit,burst=70k")
    m.wait_http()
    assert 0.05 * RATE < received_bits() < 1.15 * RATE
    assert get("/")[0] == 200


def test_the_early_hook_drops_udp_bounces_one_type_and_lets_the_rest_in(boot, small_site):
    m = boot(site=small_site.archive, append=f"{IP} xdp=eth0:{BOUNCE_AND_DROP}")
    m.wait_http()
    ether = Ether(dst=GUEST_MAC)
    assert srp1(ether / Ip(src=HOST, dst=GUEST) / ICMP() / Raw(b"x" * 40), iface="tap0", timeout=3)
    assert not srp1(ether / Ip(src=HOST, dst=GUEST) / UDP(dport=9) / Raw(b"x" * 40), iface="tap0", timeout=1)
    # What bounces comes back from the card's address, byte for byte; a sniffer tells it from what was sent.
    sniffer = AsyncSniffer(iface="tap0", lfilter=lambda p: p.haslayer(Ether) and p.type == 0x88B5 and p.src == GUEST_MAC)
    sniffer.start()
    time.sleep(0.5)
    sendp(Ether(dst=GUEST_MAC, type=0x88B5) / Raw(bytes(range(200))), iface="tap0")
    time.sleep(1)
    sniffer.stop()
    assert [bytes(p.payload) for p in sniffer.results] == [bytes(range(200))]
    assert get("/")[0] == 200
