"""The whole machine as a visitor meets it: ping, pages, many connections."""
import concurrent.futures
import re
import socket

import pytest

from conftest import GUEST, digest, get, parse_response, ping, sh


def test_answers_ping(machine):
    assert ping(GUEST, 5)


def test_answers_ping_of_every_size_up_to_the_mtu(machine):
    for size in (0, 1, 17, 18, 1000, 1471, 1472):
        assert ping(GUEST, 1, "-s", size), size


def test_every_file_arrives_byte_for_byte(machine, site):
    for path, content in site.files.items():
        status, headers, body = get("/" + path.replace(" ", "%20"))
        assert status == 200, path
        assert int(headers["content-length"]) == len(content), path
        assert digest(body) == digest(content), path


def test_curl_fetches_many_files_on_one_connection(machine, site, tmp_path):
    names = sorted(n for n in site.files if " " not in n and "/" not in n)
    urls = [a for n in names for a in (f"http://{GUEST}/{n}", "-o", tmp_path / n)]
    out = sh("curl", "-sS", "--fail", "-w", "%{num_connects}\n", *urls).stdout
    assert sum(map(int, out.split())) == 1, "the connection is kept"
    for name in names:
        assert (tmp_path / name).read_bytes() == site.files[name], name


def test_directories_lead_to_their_index(machine):
    assert get("/")[2].startswith(b"<!doctype html>")
    assert get("/deep/")[2] == b"<p>index of deep"
    status, headers, _ = get("/deep")
    assert status == 301 and headers["location"].endswith("/deep/")


def test_thousand_connections_one_after_another(machine):
    for _ in range(1000):
        assert get("/f100.bin", )[0] == 200


def test_256_connections_at_once(machine, site):
    sockets = [socket.create_connection((GUEST, 80), 60) for _ in range(256)]
    for s in sockets:
        s.sendall(f"GET /f10000.bin HTTP/1.1\r\nHost: {GUEST}\r\nConnection: close\r\n\r\n".encode())
    for s in sockets:
        data = b""
        while chunk := s.recv(65536):
            data += chunk
        s.close()
        assert parse_response(data)[2] == site.files["f10000.bin"]


def test_parallel_downloads_of_a_large_file(machine, site):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for status, _, body in pool.map(lambda _: get("/f3000001.bin", timeout=60), range(8)):
            assert status == 200 and digest(body) == digest(site.files["f3000001.bin"])


def test_pipelined_requests_are_answered_in_order(machine, site):
    names = ["f1.bin", "f100.bin", "f1460.bin", "f2.bin"] * 5
    with socket.create_connection((GUEST, 80), 60) as s:
        requests = [f"GET /{n} HTTP/1.1\r\nHost: x\r\n{'Connection: close' if i == len(names) - 1 else 'A: b'}\r\n\r\n"
                    for i, n in enumerate(names)]
        s.sendall("".join(requests).encode())
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    for name in names:
        head, _, rest = data.partition(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0]
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        assert rest[:length] == site.files[name]
        data = rest[length:]
    assert data == b""


def test_validators_and_ranges(machine, site):
    content = site.files["f10000.bin"]
    _, headers, _ = get("/f10000.bin")
    assert get("/f10000.bin", headers=f"If-None-Match: {headers['etag']}\r\n")[0] == 304
    assert get("/f10000.bin", headers=f"If-Modified-Since: {headers['last-modified']}\r\n")[0] == 304
    status, h, body = get("/f10000.bin", headers="Range: bytes=10-19\r\n")
    assert (status, body, h["content-range"]) == (206, content[10:20], "bytes 10-19/10000")
    assert get("/f10000.bin", headers="Range: bytes=-7\r\n")[2] == content[-7:]
    assert get("/f10000.bin", headers="Range: bytes=10000-\r\n")[0] == 416


def test_head_has_the_fields_of_get_and_no_body(machine):
    status, headers, body = get("/f1460.bin", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "1460", b"")


@pytest.mark.parametrize("request_text, status", [
    ("GET /nothing-here HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ("GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", (400, 403, 404)),
    ("GET /%2e%2e/%2e%2e/etc HTTP/1.1\r\nHost: x\r\n\r\n", (400, 403, 404)),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
    ("BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ("GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n" * 20000 + "\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501)),
    ("nonsense\r\n\r\n", 400),
])
def test_wrong_requests_get_the_right_error(machine, request_text, status):
    with socket.create_connection((GUEST, 80), 60) as s:
        try:
            s.sendall(request_text.encode())
        except OSError:
            pass  # refused while we were still talking
        s.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while chunk := s.recv(65536):
                data += chunk
        except ConnectionResetError:
            pass
    assert parse_response(data)[0] in (status if isinstance(status, tuple) else (status,))


def test_half_closed_client_still_gets_its_answer(machine, site):
    with socket.create_connection((GUEST, 80), 60) as s:
        s.sendall(b"GET /f100000.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    assert parse_response(data)[2] == site.files["f100000.bin"]


def test_echo_returns_what_it_got(machine):
    payload = bytes(range(256)) * 300
    with socket.create_connection((GUEST, 7), 60) as s:
        s.sendall(payload)
        s.shutdown(socket.SHUT_WR)
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    assert data == payload
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(60)
        s.sendto(b"ahoy", (GUEST, 7))
        assert s.recvfrom(100) == (b"ahoy", (GUEST, 7))


def test_discard_swallows_and_chargen_pours(machine):
    with socket.create_connection((GUEST, 9), 60) as s:
        s.sendall(b"x" * 100000)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b""
    with socket.create_connection((GUEST, 19), 60) as s:
        data = b""
        while len(data) < 100000:
            data += s.recv(65536)
    lines = data.split(b"\r\n")
    assert len(lines[0]) == 72 and len(lines[50]) == 72


def test_closed_ports_refuse_at_once(machine):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((GUEST, 4), 60)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(60)
        s.connect((GUEST, 4))
        s.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            s.recv(1)


def test_an_idle_machine_uses_next_to_no_cpu(machine):
    assert machine.comes_to_rest()
