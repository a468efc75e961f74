"""The web server against the rules of RFC 9112, 9110 and 6585, on the booted machine, with raw bytes.

A case is a request and the statuses of the answers it must draw; its name starts with the rule it is about
("9112-7" is section 3.2: Host). Each is sent whole, then again cut at several places into two segments: how the
bytes come must not matter. Every answer is read strictly: framed by its own fields, dated, nothing behind it.
Waiting of minutes (idle, stalled) is tested on virtual time, in tests/unit/test_httpd.c; crowds are in
test_http_crowds.py.
"""
import concurrent.futures
import email.utils
import io
import random
import re
import select
import socket
import tarfile
import time
import types

import pytest

from conftest import GUEST, get

H = b"Host: h\r\n"
END = b"Connection: close\r\n\r\n"
MTIME = 1577836800  # of every file: Wed, 01 Jan 2020 00:00:00 GMT
INDEX_ETAG = b'"5e0be100-e"'
BODILESS = (204, 304)


# --- the site ---------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def site(tmp_path_factory):
    rng = random.Random(2)
    files = {"index.html": b"<p>the index\n\n", "100k.bin": rng.randbytes(100_000), "2k1.bin": rng.randbytes(2049),
             "data.txt": b"data\n", "sub/index.html": b"<p>sub\n", "a b.txt": b"spaces\n", "noindex/x.txt": b"x\n",
             "big.bin": rng.randbytes(1 << 20)}
    archive = tmp_path_factory.mktemp("site") / "site.tar"
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in [("secret.txt", b"secret"), *((f"www/{n}", c) for n, c in files.items())]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), MTIME
            tar.addfile(entry, io.BytesIO(content))
    return types.SimpleNamespace(files=files, archive=archive)


# --- talking ----------------------------------------------------------------------------------------------------

def connect(timeout=60):
    s = socket.create_connection((GUEST, 80), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def hear(s):
    """All until the server closes; a reset is a failure: it could have taken the answer along."""
    data = b""
    while chunk := s.recv(1 << 16):
        data += chunk
    return data


def say_in_two(request, cuts):
    """What comes back for the request cut at each of these places, all at the same time."""
    peers = [connect() for _ in cuts]
    for s, cut in zip(peers, cuts):
        s.sendall(request[:cut])
    time.sleep(0.01)
    for s, cut in zip(peers, cuts):
        try:
            s.sendall(request[cut:])
        except OSError:
            pass  # refused by its first half already, and closed
    heard = []
    for s in peers:
        with s:
            heard.append(hear(s))
    return heard


def exchange(request, timeout=60):
    with connect(timeout) as s:
        s.sendall(request)
        return hear(s)


def read_answer(stream, head=False):
    """(status, fields, body) of the next answer in a binary file, None at its end."""
    line = stream.readline()
    if not line:
        return None
    match = re.fullmatch(rb"HTTP/1\.1 (\d\d\d) [\x20-\x7e]+\r\n", line)
    assert match, f"no status line: {line[:100]}"
    status, fields = int(match[1]), {}
    while (line := stream.readline()) != b"\r\n":
        match = re.fullmatch(rb"([!-9;-~]+): ([\x20-\x7e]*)\r\n", line)
        assert match, f"no field line: {line[:100]}"
        name = match[1].decode().lower()
        assert name not in fields, f"{name} twice"
        fields[name] = match[2].decode()
    if status >= 200:
        check_fields(status, fields)
    bodiless = head or status in BODILESS or status < 200
    length = 0 if bodiless else int(fields["content-length"])
    body = stream.read(length)
    assert len(body) == length, f"{len(body)} of {length} bytes"
    return status, fields, body


def check_fields(status, fields):
    """What every final answer has to have."""
    date = email.utils.parsedate_to_datetime(fields["date"])  # 9110-1
    assert fields["date"] == email.utils.format_datetime(date.replace(tzinfo=date.tzinfo), usegmt=True)
    assert abs(date.timestamp() - time.time()) < 60
    assert "transfer-encoding" not in fields
    assert ("content-length" in fields) == (status not in BODILESS)  # 9110-2
    if status == 405:
        assert fields["allow"] == "GET, HEAD, OPTIONS"  # 9110-8


def answers(data, head=False):
    """All answers in what was heard; there is nothing behind the last."""
    stream, found = io.BytesIO(data), []
    while answer := read_answer(stream, head):
        found.append(answer)
    return found


def ask(request, **kwargs):
    """The one answer to a request."""
    (answer,) = answers(exchange(request), **kwargs)
    return answer


def field(name, value):
    return b"GET /100k.bin HTTP/1.1\r\n" + H + name + b": " + value + b"\r\n" + END


def index(fields):
    return b"GET / HTTP/1.1\r\n" + H + fields + END


def chunked(body, coding=b"chunked"):
    return b"GET / HTTP/1.1\r\n" + H + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + body


def target(path):
    return b"GET " + path + b" HTTP/1.1\r\n" + H + END


# --- cases: rule and sentence, request, statuses ----------------------------------------------------------------

NEXT = b"GET / HTTP/1.1\r\n" + H + END

CASES = [
    ("9112-1 empty lines before the request line are overlooked", b"\r\n\r\n" + NEXT, 200),
    ("9112-1 octets above 127 may stand in a value", index(b"X: \xff\xc3\x28\r\n"), 200),
    ("9112-1 a bare LF ends a line of the head", b"GET / HTTP/1.0\n\n", 200),
    ("9112-1 a TLS handshake is not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    ("9112-2 a bare CR in a value", index(b"X: a\rb\r\n"), 400),
    ("9112-2 a bare CR in the request line", b"GET /\r HTTP/1.1\r\n" + H + END, 400),
    ("9112-2 a NUL in a value", index(b"X: a\0b\r\n"), 400),
    ("9112-3 white space before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n" + END, 400),
    ("9112-3 two spaces behind the method", b"GET  / HTTP/1.1\r\n" + H + END, 400),
    ("9112-3 a space behind the version", b"GET / HTTP/1.1 \r\n" + H + END, 400),
    ("9112-4 the version is case-sensitive", b"GET / http/1.1\r\n" + H + END, 400),
    ("9112-4 a request line without a version", b"GET /\r\n\r\n", 400),
    ("9112-4 a higher minor version is 1.1 to us", b"GET / HTTP/1.9\r\n" + H + END, 200),
    ("9112-4 HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", 200),
    ("9112-4 another major version", b"GET / HTTP/2.0\r\n" + H + END, 505),
    ("9112-4 the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("9112-5 a target of 8000 octets is read", target(b"/" + b"a" * 7999), 404),
    ("9112-5 a target that is too long", target(b"/" + b"a" * 200_000), 414),
    ("9112-5 a line that never ends", b"a" * 200_000, 414),
    ("9112-6 a method nobody knows", b"FOO / HTTP/1.1\r\n" + H + END, 501),
    ("9112-6 a known method that is not allowed", b"DELETE / HTTP/1.1\r\n" + H + END, 405),
    ("9112-6 CONNECT", b"CONNECT a:80 HTTP/1.1\r\n" + H + END, 405),
    ("9112-6 TRACE does not echo", b"TRACE / HTTP/1.1\r\n" + H + END, 405),
    ("9112-6 OPTIONS of the whole server", b"OPTIONS * HTTP/1.1\r\n" + H + END, 204),
    ("9112-7 no Host", b"GET / HTTP/1.1\r\n" + END, 400),
    ("9112-7 two Hosts", index(H), 400),
    ("9112-7 a Host that is none", b"GET / HTTP/1.1\r\nHost: a b\r\n" + END, 400),
    ("9112-7 an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n" + END, 400),
    ("9112-8 absolute-form", target(b"http://x.y/"), 200),
    ("9112-8 absolute-form in capitals, with a port and no path", target(b"HTTP://x.y:80"), 200),
    ("9112-8 absolute-form with userinfo", target(b"http://u@x.y/"), 400),
    ("9112-8 absolute-form without a host", target(b"http:///x"), 400),
    ("9112-8 a target of no form", target(b"x"), 400),
    ("9112-8 an asterisk for GET", target(b"*"), 400),
    ("9112-9 white space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n" + END, 400),
    ("9112-9 an empty field name", index(b": a\r\n"), 400),
    ("9112-10 a folded line", index(b"X: a\r\n b\r\n"), 400),
    ("9112-10 a folded Transfer-Encoding", chunked(b"0\r\n\r\n", b"\r\n chunked"), 400),
    ("9112-11 a chunked body is read to its end", chunked(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" + NEXT), (200, 200)),
    ("9112-11 the name of the coding has no case", chunked(b"0\r\n\r\n" + NEXT, b"CHUNKED"), (200, 200)),
    ("9112-11 trailers are read and dropped", chunked(b"0\r\nT: v\r\nU: w\r\n\r\n" + NEXT), (200, 200)),
    ("9112-12 a coding nobody knows, before chunked", chunked(b"0\r\n\r\n", b"gzip, chunked"), 501),
    ("9112-13 both framings at once", index(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400),
    ("9112-14 chunked is not last", chunked(b"0\r\n\r\n", b"chunked, gzip"), 400),
    ("9112-14 almost chunked", chunked(b"0\r\n\r\n", b"xchunked"), 400),
    ("9112-14 chunked twice", chunked(b"0\r\n\r\n", b"chunked\r\nTransfer-Encoding: chunked"), 400),
    ("9112-15 a length with a sign", index(b"Content-Length: +3\r\n") + b"abc", 400),
    ("9112-15 a list of lengths", index(b"Content-Length: 3, 3\r\n") + b"abc", 400),
    ("9112-15 two lengths that differ", index(b"Content-Length: 3\r\nContent-Length: 4\r\n") + b"abc", 400),
    ("9112-15 a length that overflows", index(b"Content-Length: 99999999999999999999\r\n") + b"abc", 400),
    ("9112-15 a length beyond all use", index(b"Content-Length: 2000000\r\n") + b"abc", 413),
    ("9112-16 Transfer-Encoding in HTTP/1.0", b"GET / HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("9112-17 unknown chunk extensions", chunked(b'3;x=y;z="1";w\r\nabc\r\n0;last\r\n\r\n' + NEXT), (200, 200)),
    ("9112-18 a chunk size that overflows", chunked(b"ffffffffffffffff\r\n"), 400),
    ("9112-18 a chunk size beyond all use", chunked(b"fffffff\r\n"), 413),
    ("9112-18 a negative chunk size", chunked(b"-3\r\nabc\r\n0\r\n\r\n"), 400),
    ("9112-18 a chunk size with a prefix", chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    ("9112-18 more data than the chunk size says", chunked(b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    ("9112-18 a chunk size line without CR", chunked(b"3\nabc\r\n0\r\n\r\n"), 400),
    ("9112-19 a body is read, and the next request is found behind it",
     b"GET / HTTP/1.1\r\n" + H + b"Content-Length: 3\r\n\r\nabc" + NEXT, (200, 200)),
    ("9112-19 the body of a refused method is read too",
     b"POST / HTTP/1.1\r\n" + H + b"Content-Length: 3\r\n\r\nabc" + NEXT, (405, 200)),
    ("9112-19 HTTP/1.0 persists if both say so", b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + NEXT, (200, 200)),
    ("9112-20 three requests at once",
     b"GET /nope HTTP/1.1\r\n" + H + b"\r\nOPTIONS * HTTP/1.1\r\n" + H + b"\r\n" + NEXT, (404, 204, 200)),
    ("9112-21 what follows a close is not answered", NEXT + NEXT, 200),
    ("9110-3 methods are case-sensitive", b"get / HTTP/1.1\r\n" + H + END, 501),
    ("9110-5 an expectation nobody knows", index(b"Expect: foo\r\n"), 417),
    ("9110-5 the final status at once, where the body would be in vain",
     b"POST / HTTP/1.1\r\n" + H + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 405),
    ("9110-5 no 100 where no body comes", index(b"Expect: 100-continue\r\n"), 200),
    ("9110-6 the entity tag matches, weakly", index(b"If-None-Match: W/" + INDEX_ETAG + b"\r\n"), 304),
    ("9110-6 the entity tag is in a list", index(b'If-None-Match: "a", ' + INDEX_ETAG + b"\r\n"), 304),
    ("9110-6 any entity tag", index(b"If-None-Match: *\r\n"), 304),
    ("9110-6 the entity tag goes before the date",
     index(b'If-None-Match: "a"\r\nIf-Modified-Since: Wed, 01 Jan 2025 00:00:00 GMT\r\n'), 200),
    ("9110-6 not modified since", index(b"If-Modified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n"), 304),
    ("9110-6 not modified since, as RFC 850 writes it", index(b"If-Modified-Since: Wednesday, 01-Jan-20 00:00:00 GMT\r\n"), 304),
    ("9110-6 not modified since, as asctime() writes it", index(b"If-Modified-Since: Wed Jan  1 00:00:00 2020\r\n"), 304),
    ("9110-6 modified since", index(b"If-Modified-Since: Tue, 31 Dec 2019 23:59:59 GMT\r\n"), 200),
    ("9110-6 a date that is none", index(b"If-Modified-Since: garbage\r\n"), 200),
    ("9110-6 If-Match fails", index(b'If-Match: "a"\r\n'), 412),
    ("9110-6 If-Match does not match weakly", index(b"If-Match: W/" + INDEX_ETAG + b"\r\n"), 412),
    ("9110-6 If-Match holds", index(b"If-Match: " + INDEX_ETAG + b"\r\n"), 200),
    ("9110-6 If-Unmodified-Since fails", index(b"If-Unmodified-Since: Tue, 31 Dec 2019 23:59:59 GMT\r\n"), 412),
    ("9110-7 a damaged range is ignored", field(b"Range", b"bytes=5-3"), 200),
    ("9110-7 another unit is ignored", field(b"Range", b"lines=5-6"), 200),
    ("9110-7 a thousand ranges are ignored", field(b"Range", b"bytes=0-0," + b"1-1," * 900 + b"2-3"), 200),
    ("9110-7 a range behind the end", field(b"Range", b"bytes=100000-"), 416),
    ("9110-7 a range that overflows", field(b"Range", b"bytes=18446744073709551615-18446744073709551617"), 416),
    ("9110-7 the last zero bytes", field(b"Range", b"bytes=-0"), 416),
    ("9110-7 If-Range with our entity tag", index(b"Range: bytes=1-3\r\nIf-Range: " + INDEX_ETAG + b"\r\n"), 206),
    ("9110-7 If-Range with another", index(b'Range: bytes=1-3\r\nIf-Range: "x"\r\n'), 200),
    ("9110-7 If-Range with our date", index(b"Range: bytes=1-3\r\nIf-Range: Wed, 01 Jan 2020 00:00:00 GMT\r\n"), 206),
    ("9110-10 two dots", target(b"/../secret.txt"), 400),
    ("9110-10 two dots, encoded", target(b"/%2e%2e/secret.txt"), 400),
    ("9110-10 dots and slashes, encoded", target(b"/sub/%2e%2e%2f..%2fsecret.txt"), 400),
    ("9110-10 a backslash is no slash", target(b"/..%5csecret.txt"), 404),
    ("9110-10 decoding happens once", target(b"/%252e%252e/secret.txt"), 404),
    ("9110-10 overlong UTF-8 is no dot", target(b"/%c0%ae%c0%ae/secret.txt"), 404),
    ("9110-10 an absolute-form with dots", target(b"http://h/../secret.txt"), 400),
    ("9110-10 NUL in a path", target(b"/index.html%00.txt"), 400),
    ("9110-10 a damaged escape", target(b"/a%zz"), 400),
    ("9110-10 dots that stay inside are resolved", target(b"/sub/../index.html"), 200),
    ("9110-10 empty segments and single dots", target(b"//sub//./index.html"), 200),
    ("9110-10 an encoded space, and dots in the query", target(b"/a%20b.txt?q=/../.."), 200),
    ("9110-10 a file is no directory", target(b"/index.html/"), 404),
    ("9110-10 a directory without an index", target(b"/noindex/"), 404),
    ("6585-1 a field that is too long", index(b"X: " + b"a" * 70_000 + b"\r\n"), 431),
    ("6585-1 too many fields", index(b"X: a\r\n" * 5000), 431),
    ("6585-1 fields that are too long together", index((b"X: " + b"a" * 3000 + b"\r\n") * 6), 431),
]

case = pytest.mark.parametrize("request_, expected", [pytest.param(r, s if isinstance(s, tuple) else (s,), id=i)
                                                      for i, r, s in CASES])


@case
def test_request(machine, request_, expected):
    found = answers(exchange(request_))
    assert tuple(status for status, _, _ in found) == expected
    if expected[-1] not in (400, 413, 414, 417, 431, 501, 505):
        return
    if found[-1][0] != 501 or b"Transfer-Encoding" in request_:
        assert found[-1][1]["connection"] == "close", "after this nobody knows where the next request starts"


@case
def test_request_cut_in_two(machine, request_, expected):
    size = len(request_)
    cuts = range(1, size, max(1, size // 10)) if size < 300 else [10, size // 2, size - 1]
    for cut, heard in zip(cuts, say_in_two(request_, cuts)):
        assert tuple(status for status, _, _ in answers(heard)) == expected, f"cut at {cut}"


def test_9112_1_a_request_may_come_byte_by_byte(machine):
    with connect() as s:
        for byte in chunked(b"3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" + NEXT):
            s.send(bytes([byte]))
        assert [a[0] for a in answers(hear(s))] == [200, 200]


@pytest.mark.parametrize("rule", ["9110-1 dated", "9110-2 framed by its length", "9110-8 405 with Allow"])
def test_every_answer_is(machine, rule):
    """Held by check_fields() for every answer of this file; here it is seen to be asked for the kinds there are."""
    requests = [target(b"/"), target(b"/nope"), target(b"/sub"), index(b"If-None-Match: *\r\n"), field(b"Range", b"bytes=0-0"),
                b"DELETE / HTTP/1.1\r\n" + H + END, b"PUT / HTTP/1.1\r\n" + H + END]
    found = [ask(r) for r in requests]
    assert [status for status, _, _ in found] == [200, 404, 301, 304, 206, 405, 405]
    for status, fields, body in found:
        if rule.startswith("9110-1"):
            assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", fields["date"])
        elif rule.startswith("9110-2"):
            assert status == 304 or int(fields["content-length"]) == len(body)
        elif status == 405:
            assert fields["allow"] == "GET, HEAD, OPTIONS"


def test_9112_7_hosts_of_all_forms_are_taken(machine):
    for host in (b"skiff", b"skiff:8080", b"10.0.0.1", b"[::1]:80", b"a-b.example."):
        assert ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n" + END)[0] == 200, host


# --- persistence, order, close ----------------------------------------------------------------------------------

def test_9112_19_a_connection_stays_until_somebody_says_close(machine, site):
    with connect() as s, s.makefile("rb") as stream:
        for name in ["data.txt", "2k1.bin", "nope", "100k.bin"] * 10:
            s.sendall(f"GET /{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            status, fields, body = read_answer(stream)
            assert status == (200 if name in site.files else 404) and "connection" not in fields
            assert status == 404 or body == site.files[name]


def test_9112_20_a_thousand_pipelined_requests_are_answered_in_order(machine, site):
    names, rounds = ["2k1.bin", "index.html", "100k.bin", "data.txt"], 250
    batch = b"".join(f"{'HEAD' if n == 'data.txt' else 'GET'} /{n} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for n in names)
    with connect() as s, s.makefile("rb") as stream, concurrent.futures.ThreadPoolExecutor(1) as pool:
        sending = pool.submit(s.sendall, batch * rounds + NEXT)
        time.sleep(0.5)  # the server runs into full buffers on both sides
        for _ in range(rounds):
            for name in names:
                status, _, body = read_answer(stream, head=name == "data.txt")
                assert status == 200 and body == (b"" if name == "data.txt" else site.files[name])
        assert read_answer(stream)[2] == site.files["index.html"]
        assert stream.read() == b""
        sending.result()


def test_9112_21_close_is_announced_and_done(machine):
    for request in (NEXT, b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\n" + H + b"Connection: x, CLOSE\r\n\r\n"):
        assert ask(request)[1]["connection"] == "close"
    persistent = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert [a[1]["connection"] for a in answers(exchange(persistent + NEXT))] == ["keep-alive", "close"]


def test_9112_22_the_answer_is_not_lost_to_a_reset(machine):
    """A client that is still sending when it is refused reads the refusal, then the end, and no RST."""
    def refused():
        with connect() as s:
            s.sendall(b"POST / HTTP/1.1\r\n" + H + b"Content-Length: 2000000\r\n\r\n" + b"x" * 100_000)
            time.sleep(0.05)
            try:
                s.sendall(b"x" * 50_000)
            except OSError:
                pass
            return [a[0] for a in answers(hear(s))]
    for _ in range(10):
        assert refused() == [413]


# --- HEAD, Expect, conditions, ranges ---------------------------------------------------------------------------

def test_9110_3_options_tells_the_methods(machine):
    status, fields, _ = ask(b"OPTIONS / HTTP/1.1\r\n" + H + END)
    assert (status, fields["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", [b"/", b"/100k.bin", b"/noindex", b"/nope", b"/../x"])
def test_9110_4_head_has_the_fields_of_get_and_no_body(machine, path):
    got = ask(b"GET " + path + b" HTTP/1.1\r\n" + H + END)
    headed = ask(b"HEAD " + path + b" HTTP/1.1\r\n" + H + END, head=True)
    assert headed[0] == got[0]
    assert {k: v for k, v in headed[1].items() if k != "date"} == {k: v for k, v in got[1].items() if k != "date"}


def test_9110_4_a_range_is_for_get_only(machine):
    status, fields, _ = ask(b"HEAD /100k.bin HTTP/1.1\r\n" + H + b"Range: bytes=0-1\r\n" + END, head=True)
    assert (status, fields["content-length"]) == (200, "100000")


def test_9110_5_the_body_is_asked_for_and_then_read(machine):
    with connect() as s, s.makefile("rb") as stream:
        s.sendall(b"GET / HTTP/1.1\r\n" + H + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert read_answer(stream)[0] == 100
        s.sendall(b"abc" + NEXT)
        assert read_answer(stream)[0] == 200
        assert read_answer(stream)[0] == 200


def test_9110_7_ranges_are_the_bytes_they_say(machine, site):
    content = site.files["100k.bin"]
    for text, first, last in [("0-0", 0, 0), ("10-19", 10, 19), ("99999-", 99_999, 99_999), ("-1", 99_999, 99_999),
                              ("-7", 99_993, 99_999), ("0-", 0, 99_999), ("50000-999999", 50_000, 99_999),
                              ("-99999999999999999999999", 0, 99_999)]:
        status, fields, body = ask(field(b"Range", b"bytes=" + text.encode()))
        assert (status, fields["content-range"]) == (206, f"bytes {first}-{last}/100000"), text
        assert body == content[first:last + 1], text
        assert fields["etag"] and fields["last-modified"]
    assert ask(field(b"Range", b"bytes=200000-"))[1]["content-range"] == "bytes */100000"


def test_9110_9_a_304_has_the_validators_of_the_200_and_no_body(machine):
    _, whole, _ = ask(index(b""))
    status, fields, body = ask(index(b"If-None-Match: *\r\n"))
    assert (status, body) == (304, b"")
    assert whole["etag"].encode() == INDEX_ETAG
    assert (fields["etag"], fields["last-modified"]) == (whole["etag"], "Wed, 01 Jan 2020 00:00:00 GMT")


def test_9110_10_nothing_secret_is_ever_in_an_answer(machine):
    dots = [b"..", b"%2e%2e", b".%2E", b"%2e.", b"..;", b"..%00", b"..%2f", b"..%5c", b"%252e%252e"]
    for dot in dots:
        for prefix in (b"/", b"/sub/", b"//", b"/./", b"/www/"):
            for depth in (1, 2, 3):
                heard = exchange(target(prefix + (dot + b"/") * depth + b"secret.txt"))
                assert answers(heard)[0][0] in (400, 404) and b"\r\n\r\nsecret" not in heard


def test_9110_10_a_directory_is_redirected_on_this_site_only(machine):
    status, fields, _ = ask(target(b"//noindex?a=b"))
    assert (status, fields["location"]) == (301, "/noindex/?a=b")
    status, fields, _ = ask(target(b"/sub"))
    assert (status, fields["location"]) == (301, "/sub/")


def test_what_was_asked_for_is_shown_as_text_only(machine):
    status, fields, body = ask(target(b"/<script>alert(1)</script>"))
    assert status == 404 and b"<script>" not in body and b"&lt;script&gt;" in body
    assert "default-src 'none'" in fields["content-security-policy"]


# --- clients that keep it waiting -------------------------------------------------------------------------------

def trickle(head):
    """(seconds until it ended, what came) for a request that is sent byte by byte and never complete."""
    start, heard = time.monotonic(), b""
    with connect() as s:
        s.sendall(head)
        while time.monotonic() - start < 60:
            if select.select([s], [], [], 0.25)[0]:
                chunk = s.recv(1 << 16)
                heard += chunk
                if not chunk:
                    break
            elif head:
                s.sendall(b"x")
    return time.monotonic() - start, heard


def test_9112_23_slow_clients_get_10_seconds_and_nobody_waits_for_them(machine):
    slow = {b"GET / HTTP/1.1\r\nX: ": 408,
            b"GET /": 408,
            b"POST / HTTP/1.1\r\n" + H + b"Content-Length: 1000\r\n\r\n": 408,
            chunked(b"fff\r\n"): 408,
            b"": None}  # who says nothing is told nothing
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
        running, others = {head: pool.submit(trickle, head) for head in slow}, 0
        while not all(r.done() for r in running.values()):
            assert get("/")[0] == 200
            others += 1
            time.sleep(0.3)
    assert others > 3, "whoever came meanwhile had to wait for them"
    for head, status in slow.items():
        seconds, heard = running[head].result()
        assert 9.5 < seconds < 40, head
        assert [a[0] for a in answers(heard)] == ([status] if status else []), head


def test_a_slow_reader_holds_up_nobody_and_gets_everything(machine, site):
    content = site.files["big.bin"]
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(60)
        s.connect((GUEST, 80))
        s.sendall(b"GET /big.bin HTTP/1.1\r\n" + H + END)
        data, took = b"", []
        for _ in range(20):
            data += s.recv(3000)
            start = time.monotonic()
            assert get("/100k.bin")[2] == site.files["100k.bin"]
            took.append(time.monotonic() - start)
        assert sorted(took)[10] < 2
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        data += hear(s)
    assert answers(data)[0][2] == content
