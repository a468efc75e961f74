"""From power-on to the first answer, by every way and with everything that can be wrong."""
import os
import re
import subprocess
import time

import pytest

from conftest import GUEST, IP, KERNEL, ROOT, Site, add_tap, digest, get, pack, sh


@pytest.mark.parametrize("nic", ["e1000", "e1000-82544gc", "e1000-82545em"])
def test_boots_and_serves_with_each_card(boot, small_site, nic):
    m = boot(site=small_site.archive, nic=nic).wait_http()
    assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]
    assert re.search(r"eth0: .*52:54:00:79:00:02", m.log())


def test_boots_from_an_iso_by_grub(boot, small_site, tmp_path):
    iso = tmp_path / "skiff.iso"
    sh(ROOT / "boot/iso.sh", KERNEL, iso, small_site.archive, timeout=120,
       env=dict(os.environ, APPEND=IP), cwd=ROOT)
    boot(boot=["-cdrom", iso, "-boot", "d"], mem="64M").wait_http(timeout=60)
    assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]


def test_serves_with_4_MiB_of_ram(boot, small_site):
    boot(site=small_site.archive, mem="4M").wait_http()
    for _ in range(20):
        assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]


def test_serves_a_site_of_1_MiB_with_16_MiB_of_ram(boot, tmp_path):
    site = Site(tmp_path, [1 << 20])
    boot(site=site.archive, mem="16M").wait_http()
    assert digest(get("/f1048576.bin")[2]) == digest(site.files["f1048576.bin"])


@pytest.mark.parametrize("mem", ["1G", "5G"])
def test_boots_with_much_memory(boot, small_site, mem):
    boot(site=small_site.archive, mem=mem).wait_http()
    assert get("/f1000.bin")[0] == 200


def test_two_cards_serve_at_once(boot, small_site):
    add_tap("tap1", "10.79.1.1/24")
    try:
        m = boot(site=small_site.archive, taps=("tap0", "tap1"), append=IP + " ip=10.79.1.2:::255.255.255.0::eth1:off")
        m.wait_http()
        m.wait_http("10.79.1.2")
        assert get("/f1000.bin", "10.79.1.2")[2] == get("/f1000.bin")[2]
    finally:
        sh("ip", "link", "del", "tap1")


def test_asks_dhcp_without_an_address(boot, small_site, tmp_path):
    server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=tap0",
                               "--bind-interfaces", "--dhcp-range=10.79.0.100,10.79.0.120,255.255.255.0,120",
                               "--dhcp-option=3,10.79.0.1", f"--dhcp-leasefile={tmp_path}/leases",
                               f"--pid-file={tmp_path}/pid", "--user=root", "--log-facility=-"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        m = boot(site=small_site.archive, append="")
        address = m.wait_log(r"eth0: (10\.79\.0\.1\d\d)/24 from DHCP")[1]
        m.wait_http(address)
        assert get("/f1000.bin", address)[0] == 200
    finally:
        server.terminate()
        server.wait()


def test_without_a_site_shows_the_start_page(boot):
    boot().wait_http()
    status, headers, body = get("/")
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert b"Skiff" in body and b"site.tar" in body


@pytest.mark.parametrize("damage", ["garbage", "cut", "header"])
def test_a_damaged_site_is_named_and_the_machine_still_serves(boot, small_site, tmp_path, damage):
    data = bytearray(small_site.archive.read_bytes())
    if damage == "garbage":
        data = bytearray(os.urandom(5000))
    elif damage == "cut":
        data = data[:len(data) // 3]
    else:
        data[1024 + 100] ^= 0xff
    bad = tmp_path / "bad.tar"
    bad.write_bytes(data)
    m = boot(site=bad).wait_http()
    assert get("/")[0] in (200, 404)
    assert re.search(r"site\.tar|archive", m.log())


def test_no_network_card_gets_a_sentence(boot):
    boot(taps=()).wait_log(r"(?i)no network card")


@pytest.mark.parametrize("word, pattern", [
    ("ip=10.79.0", r"(?i)ip=.*10\.79\.0"),
    ("ip=10.79.0.2::x:255.255.255.0::eth0:off", r"(?i)ip="),
    ("nonsense=1", r"nonsense"),
    ("sysctl.net.ipv4.nothing=1", r"net\.ipv4\.nothing"),
    ("inetd=telnet", r"telnet"),
])
def test_a_wrong_command_line_is_named_and_never_stops_the_boot(boot, small_site, word, pattern):
    m = boot(site=small_site.archive, append=f"{IP} {word}" if not word.startswith("ip=") else word)
    m.wait_log(pattern)
    m.wait_log(r"(?i)http")


@pytest.mark.parametrize("kind, pattern", [
    ("null", r"(?i)page fault"),
    ("stack", r"(?i)stack overflow"),
    ("ud", r"(?i)invalid opcode"),
    ("panic", r"(?i)panic"),
])
def test_a_crash_ends_in_a_readable_dump(boot, kind, pattern):
    m = boot(append=f"{IP} crash={kind} panic=-1")
    m.wait_log(pattern)
    m.wait_log(r"Backtrace:\n.*[0-9a-f]{16} \w+\+0x")
    if kind != "panic":
        m.wait_log(r"RIP [0-9a-f]{16} ")
    m.process.wait(10)  # panic=-1: reboots at once, and QEMU was told not to


def test_reaches_the_first_answer_soon(boot, small_site):
    start = time.monotonic()
    boot(site=small_site.archive).wait_http(timeout=8)
    assert time.monotonic() - start < 8
