"""What a hostile or broken neighbour can send: named drops, right answers, and the machine goes on."""
import random
import socket
import time

import pytest

from conftest import GUEST, GUEST_MAC, HOST, get, sh
from sniff import Sniffer  # before scapy, which it keeps quiet
from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, Raw, conf, sendp, srp1, checksum

conf.verb = 0
IFACE = "tap0"


def ether():
    return Ether(dst=GUEST_MAC)


def ask(packet, timeout=30):
    return srp1(packet, iface=IFACE, timeout=timeout)


def listen(**options):
    return Sniffer(IFACE, **options)


def fence():
    """Returns once the machine has seen to all it was sent before: frames are answered in order."""
    ident = random.randrange(1 << 16)
    ping = bytes(datagram() / ICMP(id=ident, seq=0xfe) / Raw(b"fence"))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.bind((IFACE, 0))
        s.settimeout(0.2)
        end, again = time.monotonic() + 60, 0
        while (now := time.monotonic()) < end:
            if now >= again:  # a flood may have filled the queue in front of the machine
                s.send(ping)
                again = now + 1
            try:
                frame = s.recv(1 << 16)
            except TimeoutError:
                continue
            if frame[23:24] == b"\x01" and frame[34:35] == b"\0" and is_fence(frame) and frame[38:40] == ident.to_bytes(2, "big"):
                return
    raise AssertionError("the machine answers no ping")


def is_fence(frame):
    return bytes(frame)[40:47] == b"\0\xfefence"


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
        sniffer = listen(lfilter=lambda p: TCP in p and p[TCP].sport == 80 and p[TCP].dport == 3000)
        sendp(ether() / IP(src="10.79.0.9", dst=GUEST) / TCP(sport=3000, dport=80, flags="S", seq=1, options=options),
              iface=IFACE)
        answer = sniffer.heard(after=0)[0]
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
    found = answers([ether() / IP(src=HOST, dst=GUEST) / UDP(sport=6000 + i, dport=4) / b"x" for i in range(500)])
    assert all(p[ICMP].type == 3 for p in found) and 1 <= len(found) < 250
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


# --- by the names of known attacks ---

def answers(packets, match=lambda p: ARP not in p and TCP not in p):
    """What the machine sends while it gets these packets and shortly after."""
    sniffer = listen(lfilter=lambda p: p.src == GUEST_MAC and (match(p) or is_fence(p)))
    blast(packets)
    fence()
    return [p for p in sniffer.heard(lambda heard: any(map(is_fence, heard))) if not is_fence(p)]


def blast(packets):
    """As sendp(), but ten thousand take no minute."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((IFACE, 0))
        for i, packet in enumerate(packets):
            s.send(bytes(packet))
            if i % 64 == 63:
                time.sleep(0.001)  # the queue of a tap device holds a thousand frames


def datagram(**fields):
    return ether() / IP(src=HOST, dst=GUEST, **fields)


def ping_with_options(options):
    """An echo request whose header carries these bytes (a multiple of 4) behind the first 20; its checksum is right."""
    body = bytes(ICMP())
    ihl = 5 + len(options) // 4
    head = bytearray(bytes(IP(src=HOST, dst=GUEST, proto=1, ihl=ihl, len=4 * ihl + len(body), chksum=0))[:20] + options)
    head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
    return bytes(Ether(dst=GUEST_MAC, type=0x0800)) + bytes(head) + body


@pytest.mark.parametrize("name, packets", [
    ("ping of death", [datagram(frag=8189, id=1, proto=1) / Raw(b"x" * 1000)]),
    ("teardrop", [datagram(flags="MF", id=2, proto=17) / Raw(b"x" * 36), datagram(frag=3, id=2, proto=17) / Raw(b"x" * 4)]),
    ("bonk", [datagram(frag=n, id=3, proto=17) / Raw(b"x" * 28) for n in (0, 8190, 4)]),
    ("tiny fragments", [datagram(flags="MF", frag=n, id=4, proto=6) / Raw(b"x" * 8) for n in range(3)]),
    ("empty fragment", [datagram(flags="MF", id=5, proto=1), datagram(frag=1, id=5, proto=1)]),
    ("length not a multiple of 8", [datagram(flags="MF", id=6, proto=1) / Raw(b"x" * 13)]),
    ("Ripple20: total length below the header", [datagram(len=19) / ICMP(), datagram(len=0) / ICMP()]),
    ("Ripple20: UDP length", [datagram() / UDP(dport=7, sport=5000, len=n, chksum=0) / b"x" for n in (0, 7, 10, 65535)]),
    ("AMNESIA:33: IP options", [ping_with_options(o) for o in (b"\x07\x00\x00\x00", b"\x44\xff\x05\x00", b"\x94\x01\x00\x00",
                                                               b"\x01\x01\x01\x07", b"\x07\x03\x01\x00")]),
    ("URGENT/11: source routes", [ping_with_options(bytes([kind, n, pointer, 1, 2, 3, 4, 0]))
                                  for kind in (131, 137) for n in (3, 7, 39) for pointer in (0, 4, 255)]),
    ("smurf", [Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src=HOST, dst=d) / ICMP()
               for d in ("255.255.255.255", "10.79.0.255", "10.79.0.0", "224.0.0.1")]),
    ("fraggle", [Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src=HOST, dst=d) / UDP(sport=5000, dport=port) / b"x"
                 for d in ("255.255.255.255", "10.79.0.255", "224.0.0.1") for port in (4, 7, 19)]),
    ("unicast in a broadcast frame", [Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src=HOST, dst=GUEST) / ICMP()]),
    ("UDP echo loop", [ether() / IP(src=s, dst=GUEST) / UDP(sport=port, dport=to) / b"x"
                       for s in (HOST, GUEST, "127.0.0.1", "0.0.0.0") for port in (7, 19) for to in (7, 19)]),
    ("caller without an address", [Ether(dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") /
                                   UDP(sport=5000, dport=7) / b"x"]),
    ("tag of a VLAN that nobody has", [ether() / Dot1Q(vlan=v) / IP(src=HOST, dst=GUEST) / ICMP() for v in (1, 4095)]),
    ("802.3 length, unknown types", [Ether(dst=GUEST_MAC, type=t) / bytes(IP(src=HOST, dst=GUEST) / ICMP())
                                     for t in (0, 46, 0x5ff, 0x600, 0x88cc, 0xffff)]),
    ("frame for somebody else", [Ether(dst="52:54:00:00:00:77") / IP(src=HOST, dst=GUEST) / ICMP()]),
    ("ICMP error about an ICMP error", [datagram() / ICMP(type=3, code=3) / IP(src=GUEST, dst=HOST) / ICMP(type=3)]),
    ("ICMP redirect, source quench, unknown types", [datagram() / ICMP(type=t, code=1, gw="10.79.0.66") / IP(src=GUEST, dst=HOST) /
                                                     TCP(sport=80, dport=4000) for t in (4, 5, 9, 10, 13, 17, 42, 255)]),
])
def test_known_attack_gets_no_answer(machine, name, packets):
    assert answers(packets) == []
    alive()


def test_options_in_good_order_are_passed_over(machine):  # and ping_with_options() makes packets that can be answered
    assert len(answers([ping_with_options(o) for o in (b"\x01\x01\x01\x00", b"\x07\x07\x04\0\0\0\0\0")])) == 2


def test_padding_is_not_echoed(machine):
    (reply,) = answers([bytes(datagram() / ICMP(id=5)) + b"SECRET" * 3])
    assert reply[IP].len == 28 and b"SECRET" not in bytes(reply)


def test_ping_flood_is_answered_and_service_goes_on(machine):
    blast([bytes(datagram() / ICMP())] * 10000)
    fence()
    assert ask(datagram() / ICMP(id=7))[ICMP].type == 0
    alive()


def test_arp_storm_of_8000_senders_and_pings_from_addresses_that_never_resolve(machine):
    rng = random.Random(5)
    for op in (1, 2):
        arp = bytes(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(op=op, hwsrc="02:00:00:00:00:01", psrc="10.79.0.0", pdst=GUEST))
        senders = [bytes([2, 0, op, i >> 8, i & 255, 1]) for i in range(4000)]
        blast([arp[:6] + mac + arp[12:22] + mac + arp[28:30] + bytes([rng.randrange(256), rng.randrange(20, 250)]) + arp[32:]
               for mac in senders])
        alive()
    pings = [bytes(ether() / IP(src=f"10.79.0.{20 + i}", dst=GUEST) / ICMP()) for i in range(200)]
    asked, start = listen(filter=f"arp[6:2] = 1 and ether src {GUEST_MAC}"), time.monotonic()
    blast(pings * 25)
    fence()
    asked.wait(lambda heard: len(heard) > 100)
    most = 200 * (time.monotonic() - start + 3)  # RFC 1122 2.3.2.1: one question a second and address
    assert 100 < len(asked.heard()) < most
    alive()


def test_claims_to_its_address_are_answered_once_in_ten_seconds(machine):  # RFC 5227 2.4
    claim = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc="02:00:00:00:00:99", psrc=GUEST, pdst=GUEST)
    said = answers([claim] * 50, match=lambda p: ARP in p and p[ARP].psrc == GUEST and p[ARP].pdst == GUEST)
    assert len(said) == 1
    sh("ip", "neigh", "flush", "all")
    alive()


def test_forged_icmp_errors_do_not_end_or_slow_a_connection(machine):  # RFC 5927
    with socket.create_connection((GUEST, 80), 5) as s:
        port = s.getsockname()[1]
        quote = IP(src=GUEST, dst=HOST) / TCP(sport=80, dport=port, seq=12345)
        blast([datagram() / ICMP(type=3, code=code, nexthopmtu=mtu) / quote
               for code in range(16) for mtu in (0, 68, 300)] + [datagram() / ICMP(type=4) / quote])
        fence()
        sniffer = listen(lfilter=lambda p: p.src == GUEST_MAC and TCP in p and p[TCP].dport == port)
        s.sendall(b"GET /f10000.bin HTTP/1.0\r\n\r\n")
        body = b""
        while chunk := s.recv(1 << 16):
            body += chunk
        assert body.startswith(b"HTTP/1.1 200") and len(body) > 10000
    assert max(p[IP].len for p in sniffer.heard(lambda heard: len(heard) > 6)) == 1500


def test_forged_fragmentation_needed_does_not_cut_datagrams(machine):
    quote = IP(src=GUEST, dst=HOST) / UDP(sport=7, dport=5000)
    blast([datagram() / ICMP(type=3, code=4, nexthopmtu=mtu) / quote for mtu in (0, 68, 552)])
    (reply,) = answers([datagram() / UDP(sport=5000, dport=7) / Raw(b"y" * 1400)])
    assert bytes(reply[UDP].payload) == b"y" * 1400
