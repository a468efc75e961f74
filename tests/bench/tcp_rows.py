"""Rows about TCP: many streams, upload, loss on the wire, a lost tail, churn, idle connections.

Frames are lost by loss_bridge, a process between tap0, which QEMU holds, and a tap that has this machine's address meanwhile;
the same frames for every guest, as far as they send the same.
"""
import concurrent.futures
import contextlib
import ctypes
import json
import pathlib
import re
import socket
import statistics
import subprocess
import time

from conftest import GUEST, HOST, ROOT, sh

ROWS = "upload streams churn loss tail".split()
BRIDGE = ROOT / "build/bench/loss_bridge"
IDLE_CONNECTIONS = 3000
PR_SET_THP_DISABLE = 41


def fetch_seconds(name, timeout=30):
    """Of one download, from the request on."""
    run = sh("curl", "-s", "-o", "/dev/null", "-m", timeout, "-w", "%{time_total} %{time_connect} %{http_code}", f"http://{GUEST}/{name}",
             check=False, timeout=timeout + 5)
    total, connect, code = run.stdout.split()
    return float(total) - float(connect) if code == "200" and not run.returncode else float("nan")


def upload(put):
    run = sh("iperf3", "-c", GUEST, "-t", "3", "--json", check=False)
    result = json.loads(run.stdout)
    put("upload, MB/s", result["end"]["sum_received"]["bits_per_second"] / 8e6 if "error" not in result else float("nan"))


def streams(put):
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: fetch_seconds("10m.bin", 60), range(16)))
    put("download, 16 streams, MB/s", 16 * (10 << 20) / (time.monotonic() - start) / 1e6)


@contextlib.contextmanager
def lossy_wire(kind, seed=1):
    """While it lasts, frames between this machine and the guest pass loss_bridge."""
    sh("ip", "addr", "del", f"{HOST}/24", "dev", "tap0")
    settings = pathlib.Path("/proc/sys/net/ipv4/conf/tap0")
    # What comes in by tap0 is for the bridge alone: the route to its sender leads elsewhere, and it is dropped.
    (settings / "rp_filter").write_text("1")
    mac = re.search(r"link/ether (\S+)", sh("ip", "link", "show", "tap0").stdout)[1]
    bridge = subprocess.Popen([BRIDGE, "lossy0", "tap0", str(kind), str(seed)], stdout=subprocess.PIPE)
    try:
        bridge.stdout.readline()
        sh("ip", "link", "set", "lossy0", "address", mac)  # the one the guest knows
        sh("ip", "addr", "add", f"{HOST}/24", "dev", "lossy0")
        sh("ip", "link", "set", "lossy0", "up")
        # No one's ARP is lost on the way: it is TCP that is measured.
        sh("ip", "neigh", "replace", GUEST, "lladdr", "52:54:00:79:00:02", "dev", "lossy0", "nud", "permanent")
        sh("ping", "-c", "3", "-i", "0.1", "-W", "1", GUEST, check=False)
        yield
    finally:
        bridge.kill()
        bridge.wait()
        (settings / "rp_filter").write_text("0")
        sh("ip", "addr", "add", f"{HOST}/24", "dev", "tap0")
        sh("ping", "-c", "3", "-i", "0.1", "-W", "1", GUEST, check=False)


def loss(put):
    for percent in (1, 3, 10):
        with lossy_wire(percent):
            seconds = [fetch_seconds("1m.bin", 20) for _ in range(3 if percent == 10 else 7)]
        put(f"1 MiB at {percent} % loss, ms", statistics.median(s if s == s else 20 for s in seconds) * 1000)


def tail(put):
    with lossy_wire(0):
        whole = statistics.median(fetch_seconds("100k.bin") for _ in range(5))
    with lossy_wire("tail"):
        torn = statistics.median(fetch_seconds("100k.bin") for _ in range(5))
    put("lost tail repaired after, ms", (torn - whole) * 1000)


def churn(put, wrk, seconds):
    first, second = (wrk(16, seconds, "-H", "Connection: close") for _ in range(2))
    put("churn, second run / first", second["rate"] / first["rate"] if first["rate"] else float("nan"))
    put("churn, errors", first["errors"] + second["errors"])


def is_open(s):
    try:
        s.setblocking(False)
        return bool(s.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def small_pages():
    """From now on QEMU's memory grows by 4 KiB, not by 2 MiB."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def idle_connections(put, machine):
    """By what QEMU's own memory grows, on a machine just booted: rough, and the same measure for every guest."""
    def resident_kb():
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{machine.process.pid}/status").read_text())[1])

    def connect(count):
        found = []
        for _ in range(count):
            found.append(socket.create_connection((GUEST, 80), 10))
            found[-1].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            found[-1].recv(65536)
        return found

    warm = connect(50)
    before = resident_kb()
    held = connect(IDLE_CONNECTIONS - len(warm))
    grown = resident_kb() - before
    put("idle connections held", sum(map(is_open, held)))
    put("memory per idle connection, KiB", grown / max(1, sum(map(is_open, held))))
    for s in warm + held:
        s.close()


def measure(machine, rows, put, wrk, seconds):
    if "upload" in rows:
        upload(put)
    if "streams" in rows:
        streams(put)
    if "churn" in rows:
        churn(put, wrk, seconds)
    if "loss" in rows:
        loss(put)
    if "tail" in rows:
        tail(put)
