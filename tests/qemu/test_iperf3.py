"""The machine as iperf3's server: an ordinary client measures it; garbage and second clients do not disturb it."""
import json
import pathlib
import random
import socket
import struct
import subprocess
import time

import pytest

from conftest import GUEST, IP, lasting, sh

PORT = 5201
COOKIE = b"a" * 36 + b"\0"


@pytest.fixture(scope="module")
def server(small_site, tmp_path_factory):
    with lasting(tmp_path_factory.mktemp("iperf3"), append=f"{IP} inetd=iperf3", site=small_site.archive) as m:
        yield m.wait_http()


def iperf3(*options, seconds=2):
    run = sh("iperf3", "-c", GUEST, "--json", "-t", str(seconds), *options, check=False, timeout=90)
    return json.loads(run.stdout)


def measured_once_free(seconds=1):
    """A run as soon as the server has seen that the client before is gone."""
    end = time.monotonic() + 60
    while "busy" in (result := iperf3(seconds=seconds)).get("error", "") and time.monotonic() < end:
        time.sleep(0.2)
    return "error" not in result


def connected():
    """How many connections to the server this machine has."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[2].endswith(f":{PORT:04X}") and line.split()[3] == "01" for line in lines)


def wait_connected(count):
    end = time.monotonic() + 60
    while connected() < count:
        assert time.monotonic() < end, "the client does not get through"
        time.sleep(0.02)


def hello(cookie=COOKIE):
    s = socket.create_connection((GUEST, PORT), 60)
    s.sendall(cookie)
    return s


@pytest.mark.parametrize("options, streams", [((), 1), (("-R",), 1), (("-P", "4"), 4), (("-P", "4", "-R"), 4)])
def test_an_ordinary_client_measures_it(server, options, streams):
    result = iperf3(*options)
    assert "error" not in result, result["error"]
    sent, received = (result["end"][k]["bytes"] for k in ("sum_sent", "sum_received"))
    assert len(result["end"]["streams"]) == streams
    assert 1_000_000 < received <= sent
    if "-R" in options:
        assert result["end"]["sum_sent"]["retransmits"] >= 0


def test_both_directions_at_once(server):
    result = iperf3("--bidir", seconds=1)
    assert "error" not in result, result["error"]
    assert result["end"]["sum_received"]["bytes"] > 1_000_000
    assert result["end"]["sum_received_bidir_reverse"]["bytes"] > 1_000_000


def test_a_rate_is_kept(server):
    received = iperf3("-R", "-b", "8M", seconds=3)["end"]["sum_received"]
    assert 300_000 < received["bytes"] / received["seconds"] < 2_000_000  # without: fifty times as much


def test_udp_is_refused_with_a_reason(server):
    assert "not implemented" in iperf3("-u")["error"]


def test_a_second_client_is_told_that_the_server_is_busy(server):
    first = subprocess.Popen(["iperf3", "-c", GUEST, "-t", "10", "--json"], stdout=subprocess.PIPE)
    wait_connected(2)
    assert "busy" in iperf3(seconds=1)["error"]
    assert "error" not in json.loads(first.communicate(timeout=90)[0])


def test_garbage_does_not_keep_the_server_from_the_next_client(server):
    rng = random.Random(1)
    for length, text in ((0xffffffff, b""), (5000, b"x"), (4, b"{{{{"), (0, b""), (2, b"{}"), (100, rng.randbytes(100))):
        with hello() as s:
            assert s.recv(1) == b"\x09"
            s.sendall(struct.pack("!I", length) + text)
            try:
                while s.recv(100):
                    pass
            except ConnectionResetError:
                pass  # it has not read all of it
    for _ in range(5):
        with hello(rng.randbytes(rng.randrange(1, 200))):
            pass
    assert measured_once_free()


def test_a_client_that_leaves_in_the_middle_frees_the_place(server):
    client = subprocess.Popen(["iperf3", "-c", GUEST, "-t", "20", "-R"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_connected(2)
    client.kill()
    client.wait()
    assert measured_once_free()


def test_streams_that_never_come_free_the_place(server):
    params = b'{"tcp":true,"parallel":2}'
    with hello() as s:
        assert s.recv(1) == b"\x09"
        s.sendall(struct.pack("!I", len(params)) + params)
        assert s.recv(1) == b"\x0a"
        with hello() as stream, hello(b"b" * 37) as stranger:
            assert stranger.recv(1) == b"\xff"
            assert s.recv(1) == b"", "after a few seconds it is over"
            assert stream.recv(1) == b""
    assert measured_once_free()
