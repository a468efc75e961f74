"""Each card QEMU has a model of, alone and in pairs: frames both ways, offloads, and a cable that is pulled."""
import re
import socket

import pytest

from conftest import GUEST, IP, add_tap, digest, get, sh
from test_console import PROMPT, Line
from test_links import VLAN_GUEST, VLAN_HOST, VLAN_WORDS, Tagger, ping

CARDS = {"e1000": "82540EM", "e1000-82544gc": "82544GC", "e1000-82545em": "82545EM", "e1000e": "82574L"}
SECOND = "10.79.1.2"


def echo(address, payload):
    """What a TCP connection to port 7 sends back."""
    with socket.create_connection((address, 7), 10) as s:
        s.settimeout(30)
        answer = bytearray()
        for at in range(0, len(payload), 1 << 15):  # no more under way than both ends have buffers for
            s.sendall(payload[at:at + (1 << 15)])
            while len(answer) < min(at + (1 << 15), len(payload)):
                got = s.recv(1 << 16)
                assert got
                answer += got
    return bytes(answer)


@pytest.mark.parametrize("board", ["pc", "q35"])
@pytest.mark.parametrize("nic", CARDS)
def test_two_of_a_kind_serve_at_once_with_every_byte_checked(boot, site, nic, board):
    add_tap("tap1", "10.79.1.1/24")
    try:
        m = boot(site=site.archive, nic=nic, board=board, taps=("tap0", "tap1"),
                 append=f"{IP} ip={SECOND}:::255.255.255.0::eth1:off inetd=echo")
        m.wait_http()
        m.wait_http(SECOND)
        for address in (GUEST, SECOND):
            assert digest(get("/f3000001.bin", address=address)[2]) == digest(site.files["f3000001.bin"])
            payload = site.files["f3000001.bin"][:500000]
            assert echo(address, payload) == payload
        assert len(re.findall(rf"eth[01]: Intel {CARDS[nic]} at PCI", m.log())) == 2
        assert "cannot be used" not in m.log() and "does not answer" not in m.log()
    finally:
        sh("ip", "link", "del", "tap1")


@pytest.mark.parametrize("nic", CARDS)
def test_a_cable_that_is_pulled_and_put_back_loses_packets_only(boot, site, nic):
    m = boot(site=site.archive, nic=nic).wait_http()
    for _ in range(3):
        m.monitor("set_link n0 off")
        m.wait_log(r"eth0: link is down")
        m.monitor("set_link n0 on")
        m.wait_log(r"link is down(?s:.*)eth0: link is up")
        m.wait_http()
    assert digest(get("/f3000001.bin")[2]) == digest(site.files["f3000001.bin"])
    assert ping(GUEST)[0] == 3
    assert "resetting" not in m.log()


@pytest.mark.parametrize("nic", CARDS)
def test_a_card_is_named_closed_and_opened_again_from_the_console(boot, site, tmp_path, nic):
    line = Line(boot, tmp_path, site=site.archive, nic=nic)
    try:
        line.expect(r"httpd: serving.*\n")
        line.type("\r")
        line.expect(PROMPT)
        assert re.search(rf"network card: Intel {CARDS[nic]} \[8086:\w+\] .*driver: e1000", line.run("lspci"))
        for _ in range(2):
            line.run("ip link set eth0 down")
            assert sh("ping", "-c1", "-W1", GUEST, check=False).returncode
            line.run("ip link set eth0 up")
            line.machine.wait_http()
        assert digest(get("/f3000001.bin")[2]) == digest(site.files["f3000001.bin"])
    finally:
        line.socket.close()


def frames(pcap):
    """The frames in a file that QEMU's filter-dump has written."""
    data, at = pcap.read_bytes(), 24
    while at < len(data):
        length = int.from_bytes(data[at + 8:at + 12], "little")
        yield data[at + 16:at + 16 + length]
        at += 16 + length


@pytest.mark.parametrize("nic", CARDS)
def test_the_card_puts_vlan_tags_on_and_cuts_trains_into_segments(boot, site, tmp_path, nic):
    tagger, pcap = Tagger("tagged2", f"{VLAN_HOST}/24", 10), tmp_path / "wire.pcap"
    try:
        machine = boot(append=VLAN_WORDS, site=site.archive, taps=(),
                       extra=(*tagger.options(nic), "-object", f"filter-dump,id=dump,netdev=w,file={pcap}"))
        machine.wait_http(VLAN_GUEST)
        assert digest(get("/f3000001.bin", address=VLAN_GUEST)[2]) == digest(site.files["f3000001.bin"])
        assert tagger.tagged and tagger.longest == 1518
        assert not [f for f in tagger.untagged if f[12:14] == b"\x08\x00"]
    finally:
        tagger.stop()
    machine.stop()
    ip = [f[18:] for f in frames(pcap) if f[12:18] == b"\x81\x00\x00\x0a\x08\x00"]
    assert len(ip) > 2000
    assert not [packet for packet in ip if int.from_bytes(packet[6:8], "big") & 0x3fff]  # in fragments


def test_lspci_names_the_card_and_what_is_not_driven_is_said_with_its_ids(boot, small_site):
    m = boot(site=small_site.archive, nic="e1000e", extra=("-device", "rtl8139"))
    m.wait_log(r"pci [0-9a-f:.]+ 8086:10d3 network card, Intel 82574L")
    m.wait_http()


def test_without_a_card_that_is_driven_those_seen_are_listed(boot, small_site):
    m = boot(site=small_site.archive, taps=(), extra=("-device", "i82551", "-device", "rtl8139"))
    m.wait_log(r"No network card that Skiff drives was found")
    m.wait_log(r"8086:1209 network card, Intel 8255x .*: no driver for this one")
    m.wait_log(r"10ec:8139 network card, Realtek RTL8139: no driver for this one")
