"""IGMPv3 on the wire (RFC 3376): what the machine, a member of mDNS's group, answers to a router's questions."""
import time

from conftest import GUEST, GUEST_MAC, HOST, IP as WORDS
from sniff import Sniffer  # before scapy, which it keeps quiet
from scapy.all import IP, Ether, conf, sendp
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3mq, IGMPv3mr

conf.verb = 0
GROUP, REPORTS, SOURCES = "224.0.0.251", "224.0.0.22", ["10.79.0.9", "10.79.0.10"]
IS_INCLUDE, IS_EXCLUDE = 1, 2


def records(packet):
    """(type, group, sources) of a report of the machine's."""
    if not packet.haslayer(IGMPv3mr) or packet[IP].src != GUEST:
        return []
    return [(r.rtype, r.maddr, list(r.srcaddrs)) for r in packet[IGMPv3mr].records]


def answers(kind, *sources):
    """The sources of its report of this kind about the group, once it is asked about it, or about sources of it."""
    heard = Sniffer("tap0", filter="igmp")
    question = (Ether(dst="01:00:5e:00:00:fb", src="02:00:00:00:00:01")
                / IP(src=HOST, dst=GROUP, ttl=1, tos=0xc0, options=[b"\x94\x04\0\0"])
                / IGMPv3(type=0x11, mrcode=1) / IGMPv3mq(gaddr=GROUP, srcaddrs=list(sources)))

    def of_kind(packets):
        return [(p, sorted(s)) for p in packets for k, group, s in records(p) if (k, group) == (kind, GROUP)]

    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            sendp(question, iface="tap0")
            for report, said in of_kind(heard.wait(of_kind, timeout=5)):
                assert report[IP].dst == REPORTS and report[IP].ttl == 1 and report[Ether].src == GUEST_MAC
                return said
    finally:
        heard.stop()
    raise AssertionError("no such report: " + str([r for p in heard.packets for r in records(p)]))


def test_a_question_about_sources_is_answered_with_those_that_are_wanted(boot):
    """5.2: who hears a group from everybody wants every source it is asked for; asked for the group, it excludes none."""
    boot(append=WORDS).wait_log(r"http://skiff\.local/ leads to", timeout=60)
    assert answers(IS_EXCLUDE) == []
    assert answers(IS_INCLUDE, *SOURCES) == sorted(SOURCES)
