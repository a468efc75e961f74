"""The web server with more clients than it likes, rude ones, and none of them leaving anything behind.

Every test boots a machine of its own, most of them a small one; and without a site there is the start page.
"""
import json
import re
import socket
import struct
import time

from conftest import GUEST, IP, get, ping, sh
from test_http import H, connect, site  # noqa: F401 (a fixture)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def still_open(peers):
    for s in peers:
        s.setblocking(False)
    count = 0
    for s in peers:
        try:
            count += s.recv(1) != b""
        except BlockingIOError:
            count += 1
        except ConnectionResetError:
            pass
    return count


def test_one_address_cannot_take_all_connections(boot, site):
    boot(site=site.archive, mem="8M").wait_http()
    peers = [connect() for _ in range(1000)]
    assert get("/")[0] == 200
    end = time.monotonic() + 60
    while still_open(peers) >= 900 and time.monotonic() < end:
        time.sleep(0.1)
    assert 100 < still_open(peers) < 900
    for s in peers:
        s.close()
    assert get("/")[0] == 200


def test_unfinished_heads_cannot_take_all_memory(boot, site):
    boot(site=site.archive, mem="8M").wait_http()
    peers = [connect() for _ in range(200)]
    for s in peers:
        s.sendall(b"GET / HTTP/1.1\r\n" + H + (b"X: " + b"a" * 5000 + b"\r\n") * 3)
    assert get("/")[0] == 200
    for s in peers:
        s.close()


def test_a_thousand_downloads_broken_off_leave_the_machine_as_it_was(boot, site):
    """16 MiB would not last for a hundredth of them if something stayed behind."""
    m = boot(site=site.archive, mem="16M").wait_http()
    for i in range(1000):
        s = connect()
        s.sendall(b"GET /big.bin HTTP/1.1\r\n" + H + b"\r\n")
        s.recv(1000)
        reset(s) if i % 2 else s.close()
    assert get("/big.bin")[2] == site.files["big.bin"]
    assert "out of memory" not in m.log().lower()


def figures():
    return json.loads(get("/status.json")[2])


def settled_figures():
    """Once no connection is open but the one that asks."""
    end = time.monotonic() + 60
    while (found := figures())["tcp_open"] > 1 and time.monotonic() < end:
        time.sleep(0.05)
    assert found["http_connections"] == 1
    return found


def shut(port):
    """A connection whose window will be shut soon, for ever."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.settimeout(2)
    try:
        s.connect((GUEST, port))
        return s
    except OSError:
        s.close()
        return None


def test_full_buffers_on_a_machine_of_4_MiB_leave_memory_for_all_others(boot):
    """RFC 864's characters for peers that never read: 64 KiB each, more than the machine has."""
    boot(append=f"{IP} inetd=chargen", mem="4M").wait_http()
    peers = [s for s in (shut(19) for _ in range(100)) if s]
    time.sleep(0.5)
    assert len(peers) > 5
    assert ping(GUEST, 5)
    sh("ip", "neigh", "flush", "all")  # ARP anew
    for _ in range(5):
        assert get("/")[0] == 200
    for s in peers:
        reset(s)
    assert get("/")[0] == 200


def test_the_figures_of_the_start_page_come_back_to_where_they_were(boot):
    boot().wait_http()

    def rude_clients():
        for _ in range(150):
            s = connect()
            s.sendall((b"GET / HTTP/1.1\r\n" + H + b"\r\n") * 60 + b"GET /unfinished")
            s.recv(1000)
            reset(s)

    rude_clients()  # caches fill once
    before = settled_figures()
    rude_clients()
    after = settled_figures()
    assert after["requests"] >= before["requests"] + 150
    assert after["mem_free_kb"] > before["mem_free_kb"] - 128


def test_the_start_page_is_whole_and_brings_all_it_needs(boot):
    boot().wait_http()
    status, fields, body = get("/")
    assert status == 200 and "text/html" in fields["content-type"]
    assert "default-src 'none'" in fields["content-security-policy"] and fields["cache-control"] == "no-store"
    page = body.decode()
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert '<html lang="en">' in page and "make run SITE=" in page
    for link in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert get(link)[0] == 200, link
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(figures()) - {"version"} <= set(ids), "every figure has its place in the page"
