"""Skiff's TCP against this machine's Linux over a wire that loses, doubles, delays, reorders and damages frames.

Both directions, every byte compared; Linux with its extensions switched off one by one, with a small MTU and with tiny
buffers. That both sides agreed on what was meant to be tested is read from Linux's TCP_INFO.
"""
import contextlib
import pathlib
import random
import selectors
import socket
import time

import pytest

from bad_wire import bad_wire
from conftest import GUEST, digest, parse_response

TIMESTAMPS, SACK, WSCALE = 1, 2, 4  # bits of tcpi_options
ALL = TIMESTAMPS | SACK | WSCALE
LIMIT_S = 90  # for one transfer; half a second is usual
EVIL = dict(loss=2, twice=2, late=5, damage=1, delay=1)

# name: sysctls of Linux, options both sides then use, MTU of Linux, the wire, bytes each way
CASES = {
    "losses": ({}, ALL, 1500, dict(loss=3), 1 << 20),
    "copies": ({}, ALL, 1500, dict(twice=20), 1 << 20),
    "overtaking": ({}, ALL, 1500, dict(late=10, hold=3), 1 << 20),
    "damage": ({}, ALL, 1500, dict(damage=3), 1 << 20),
    "a slow line with a short queue": ({}, ALL, 1500, dict(rate=100, queue=2, delay=2), 1 << 20),
    "no SACK": ({"tcp_sack": 0}, TIMESTAMPS | WSCALE, 1500, EVIL, 100000),
    "no timestamps": ({"tcp_timestamps": 0}, SACK | WSCALE, 1500, EVIL, 100000),
    "no window scaling": ({"tcp_window_scaling": 0}, TIMESTAMPS | SACK, 1500, EVIL, 100000),
    "no option at all": ({"tcp_sack": 0, "tcp_timestamps": 0, "tcp_window_scaling": 0}, 0, 1500, EVIL, 100000),
    "ECN asked for": ({"tcp_ecn": 1}, ALL, 1500, EVIL, 100000),
    "a small MTU": ({}, ALL, 576, EVIL, 100000),
    "a tiny MTU": ({}, ALL, 296, dict(EVIL, damage=0), 65537),
    "tiny buffers": ({"tcp_rmem": "2304 4096 4096", "tcp_wmem": "4608 4608 4608"}, ALL, 1500, dict(loss=1, late=3), 65537),
    "everything, seed 2": ({}, ALL, 1500, dict(EVIL, seed=2), 100000),
    "everything, seed 3": ({}, ALL, 1500, dict(EVIL, seed=3), 100000),
}


@contextlib.contextmanager
def linux_set(settings):
    paths = {pathlib.Path("/proc/sys/net/ipv4") / name: str(value) for name, value in settings.items()}
    before = {path: path.read_text() for path in paths}
    try:
        for path, value in paths.items():
            path.write_text(value)
        yield
    finally:
        for path, value in before.items():
            path.write_text(value)


def connect(port, options):
    s = socket.create_connection((GUEST, port), LIMIT_S)
    s.settimeout(LIMIT_S)
    agreed = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5] & ALL
    assert agreed == options, f"options {agreed:03b} (wscale, SACK, timestamps) instead of {options:03b}"
    return s


def download(name, options):
    with connect(80, options) as s:
        s.sendall(f"GET /{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := s.recv(1 << 16):
            data += chunk
    return parse_response(data)


def echo(content, options):
    """What comes back of it: sent, received and compared at the same time, then closed from our side."""
    back, at, end = bytearray(), 0, time.monotonic() + LIMIT_S
    with connect(7, options) as s, selectors.DefaultSelector() as selector:
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while time.monotonic() < end:
            events = selector.select(1)
            if events and events[0][1] & selectors.EVENT_WRITE:
                at += s.send(content[at:at + 30000])
                if at == len(content):
                    s.shutdown(socket.SHUT_WR)
                    selector.modify(s, selectors.EVENT_READ)
            if events and events[0][1] & selectors.EVENT_READ:
                chunk = s.recv(1 << 16)
                back += chunk
                if not chunk:
                    break
    return bytes(back)


@pytest.mark.parametrize("name", CASES)
def test_every_byte_survives(machine, site, name):
    settings, options, mtu, wire, size = CASES[name]
    with linux_set(settings), bad_wire(mtu=mtu, **wire):
        status, _, body = download(f"f{size}.bin", options)
        assert status == 200 and len(body) == size and digest(body) == digest(site.files[f"f{size}.bin"])
        content = random.Random(name).randbytes(size)
        back = echo(content, options)
    assert len(back) == size and back == content


def test_many_connections_share_a_bad_wire(machine, site):
    request = f"GET /f10000.bin HTTP/1.1\r\nHost: {GUEST}\r\nConnection: close\r\n\r\n".encode()
    with bad_wire(**EVIL):
        sockets = [socket.create_connection((GUEST, 80), LIMIT_S) for _ in range(32)]
        for s in sockets:
            s.settimeout(LIMIT_S)
            s.sendall(request)
        for s in sockets:
            with s:
                data = b""
                while chunk := s.recv(1 << 16):
                    data += chunk
            assert parse_response(data)[2] == site.files["f10000.bin"]
