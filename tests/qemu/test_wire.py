"""What a hostile or broken neighbour can send: named drops, right answers, and the machine goes on."""
import logging
import random
import time

import pytest

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, Raw, conf, sendp, srp1, AsyncSniffer  # noqa: E402

from conftest import GUEST, GUEST_MAC, HOST, get, sh  # noqa: E402

conf.verb = 0
IFACE = "tap0"


def ether():
    return Ether(dst=GUEST_MAC)


def ask(packet, timeout=2):
    return srp1(packet, iface=IFACE, timeout=timeout)


def alive():
    assert get("/f100.bin")[0] == 200


def test_arp_request_is_answered_to_its_sender_only(machine):
    reply = ask(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=GUEST, psrc=HOST))
    assert reply[ARP].op == 2 and reply[ARP].hwsrc == GUEST_MAC and reply[ARP].psrc == GUEST


def test_arp_probe_for_its_address_is_answered(machine):  # RFC 5227 2.1.1
    reply = ask(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=GUEST, psrc="0.0.0.0"))
    assert reply is not None and reply[ARP].hwsrc == GUEST_MAC


def test_echo_reply_carries_id_seq_and_data(machine):  # RFC 1122 3.2.2.6
    reply = ask(ether() / IP(src=HOST, dst=GUEST) / ICMP(id=77, seq=9) / Raw(b"x" * 33))
    assert reply[ICMP].type == 0 and (reply[ICMP].id, reply[ICMP].seq, bytes(reply[Raw].load)[:33]) == (77, 9, b"x" * 33)


@pytest.mark.parametrize("name, packet", [
    ("wrong version", IP(src=HOST, dst=GUEST, version=5) / ICMP()),
    ("header checksum", IP(src=HOST, dst=GUEST, chksum=0x1234) / ICMP()),
    ("header length", IP(src=HOST, dst=GUEST, ihl=3) / ICMP()),
    ("total length beyond the frame", IP(src=HOST, dst=GUEST, len=1400) / ICMP()),
    ("martian source 127.0.0.1", IP(src="127.0.0.1", dst=GUEST) / ICMP()),
    ("broadcast source", IP(src="255.255.255.255", dst=GUEST) / ICMP()),
    ("multicast source", IP(src="224.0.0.5", dst=GUEST) / ICMP()),
    ("its own address as source", IP(src=GUEST, dst=GUEST) / ICMP()),
    ("somebody else's address", IP(src=HOST, dst="10.79.0.77") / ICMP()),
    ("ICMP checksum", IP(src=HOST, dst=GUEST) / ICMP(chksum=1)),
    ("TCP checksum", IP(src=HOST, dst=GUEST) / TCP(dport=80, flags="S", chksum=1)),
    ("UDP checksum", IP(src=HOST, dst=GUEST) / UDP(dport=7, chksum=1) / b"x"),
    ("SYN and FIN", IP(src=HOST, dst=GUEST) / TCP(dport=80, flags="SF")),
    ("no flags", IP(src=HOST, dst=GUEST) / TCP(dport=80, flags="")),
    ("data offset below 5", IP(src=HOST, dst=GUEST) / TCP(dport=80, flags="S", dataofs=4)),
    ("LAND", IP(src=GUEST, dst=GUEST) / TCP(sport=80, dport=80, flags="S")),
])
def test_damaged_packet_gets_no_answer(machine, name, packet):
    assert ask(ether() / packet, timeout=0.4) is None
    alive()


def test_closed_port_is_reset_with_the_right_numbers(machine):  # RFC 9293 3.10.7.1
    reply = ask(ether() / IP(src=HOST, dst=GUEST) / TCP(sport=2000, dport=4, flags="S", seq=1000))
    assert reply[TCP].flags == "RA" and reply[TCP].ack == 1001 and reply[TCP].seq == 0
    reply = ask(ether() / IP(src=HOST, dst=GUEST) / TCP(sport=2000, dport=4, flags="A", seq=1000, ack=5000))
    assert reply[TCP].flags == "R" and reply[TCP].seq == 5000


def test_syn_is_answered_with_mss_and_window_scale(machine):
    options = [("MSS", 1460), ("NOP", None), ("WScale", 7)]
    sh("ip", "addr", "add", "10.79.0.9/32", "dev", IFACE, check=False)
    try:
        sniffer = AsyncSniffer(iface=IFACE, count=1, timeout=3,
                               lfilter=lambda p: TCP in p and p[TCP].sport == 80 and p[TCP].dport == 3000)
        sniffer.start()
        time.sleep(0.2)
        sendp(ether() / IP(src="10.79.0.9", dst=GUEST) / TCP(sport=3000, dport=80, flags="S", seq=1, options=options),
              iface=IFACE)
        sniffer.join()
        answer = sniffer.results[0]
    finally:
        sh("ip", "addr", "del", "10.79.0.9/32", "dev", IFACE, check=False)
    assert answer[TCP].flags == "SA" and answer[TCP].ack == 2
    names = dict((o[0], o[1]) for o in answer[TCP].options)
    assert names["MSS"] == 1460 and "WScale" in names


def test_port_unreachable_quotes_the_datagram(machine):  # RFC 1122 3.2.2, 4.1.3.1
    reply = ask(ether() / IP(src=HOST, dst=GUEST) / UDP(sport=5555, dport=4) / b"hello")
    assert reply[ICMP].type == 3 and reply[ICMP].code == 3
    assert bytes(reply[ICMP].payload)[:20][12:16] == bytes(map(int, HOST.split(".")))


def test_icmp_errors_are_rate_limited(machine):
    sniffer = AsyncSniffer(iface=IFACE, timeout=3, lfilter=lambda p: ICMP in p and p[ICMP].type == 3)
    sniffer.start()
    sendp([ether() / IP(src=HOST, dst=GUEST) / UDP(sport=6000 + i, dport=4) / b"x" for i in range(500)], iface=IFACE)
    sniffer.join()
    assert 1 <= len(sniffer.results) < 250
    alive()


def test_frames_of_every_length_and_random_bytes(machine):
    rng = random.Random(7)
    frames = [Ether(rng.randbytes(n)) for n in range(14, 90)]
    good = bytes(ether() / IP(src=HOST, dst=GUEST) / TCP(dport=80, flags="S", options=[("MSS", 1460), ("WScale", 3)]))
    frames += [Ether(good[:n]) for n in range(14, len(good))]
    for _ in range(300):
        broken = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(12, len(broken))] = rng.randrange(256)
        frames.append(Ether(bytes(broken)))
    sendp(frames, iface=IFACE)
    alive()


def test_syn_flood_leaves_room_for_real_clients(machine):
    rng = random.Random(3)
    sendp([ether() / IP(src=f"10.79.0.{rng.randrange(20, 250)}", dst=GUEST) /
           TCP(sport=rng.randrange(1024, 65535), dport=80, flags="S", seq=rng.randrange(1 << 32)) for _ in range(2000)],
          iface=IFACE)
    alive()
