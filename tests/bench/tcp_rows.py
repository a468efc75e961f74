"""Rows about TCP: many streams, upload, loss on the wire, a lost tail, fairness, churn, idle connections.

Frames are lost by tests/wire/bad_wire.c, the same ones for every guest, as far as they send the same.
"""
import concurrent.futures
import re
import resource
import selectors
import socket
import statistics
import time

from bad_wire import bad_wire
from clients import Failed, fetch_seconds, iperf3, wrk
from conftest import GUEST, PREFIX, sh

WARM_CONNECTIONS, SOME_CONNECTIONS, MOST_CONNECTIONS = 50, 2500, 16000
SOURCES = [f"10.79.0.{i}" for i in range(11, 27)]  # more addresses of this machine: a server bounds what one may hold
TIME_WAIT_S = 65  # TCP_TIMEWAIT_LEN is 60
LOSSES = {1: 5, 3: 5, 10: 20}  # percent: seconds after which a download has failed
FAIR_LINE = dict(rate=50, delay=5, queue=30)
REQUEST = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"


def upload(machine, options, put):
    put("upload, MB/s", iperf3(options.secs))


def streams(machine, options, put):
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: fetch_seconds("10m.bin", 60), range(16)))
    put("download, 16 streams, MB/s", 16 * (10 << 20) / (time.monotonic() - start) / 1e6)
    put("upload, 16 streams, MB/s", iperf3(options.secs, "-P", "16"))


def loss(machine, options, put):
    for percent, limit in LOSSES.items():
        seconds, unfinished = [], 0
        for seed in range(1, 3 if options.quick else 4):
            with bad_wire(loss=percent, seed=seed):
                for _ in range(2 if options.quick else 4):
                    try:
                        seconds.append(fetch_seconds("1m.bin", limit))
                    except Failed:
                        seconds.append(limit)
                        unfinished += 1
        put(f"1 MiB at {percent} % loss, ms", statistics.median(seconds) * 1000)
        put(f"  slowest of {len(seconds)}, ms, {percent} %", max(seconds) * 1000)
        put(f"  errors: not there after {limit} s, {percent} %", unfinished)


def tail(machine, options, put):
    sizes = sh("curl", "-s", "-o", "/dev/null", "-w", "%{size_header} %{size_download}", f"http://{GUEST}/100k.bin").stdout
    with bad_wire():
        whole = statistics.median(fetch_seconds("100k.bin") for _ in range(5))
    with bad_wire(tail=sum(map(int, sizes.split()))):
        torn = statistics.median(fetch_seconds("100k.bin") for _ in range(5))
    put("lost tail repaired after, ms", (torn - whole) * 1000)


class Flow:
    """A download that does not end while it is looked at."""

    def __init__(self):
        self.socket = socket.create_connection((GUEST, 80), 5)
        self.socket.sendall(REQUEST % b"/10m.bin" * 4)
        self.received = 0

    def read(self):
        got = len(self.socket.recv(1 << 16))
        if not got:
            raise Failed("a flow was closed in the middle")
        self.received += got


def read_flows(flows, seconds):
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for flow in flows:
            selector.register(flow.socket, selectors.EVENT_READ, flow)
        while (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.read()


def fairness(machine, options, put):
    """The first flow has filled the line when the second one starts; counted from a second later on."""
    seconds = max(4, options.secs)
    with bad_wire(**FAIR_LINE):
        flows = [Flow()]
        read_flows(flows, 0.5)
        flows.append(Flow())
        read_flows(flows, 1)
        before = [f.received for f in flows]
        read_flows(flows, seconds)
        got = sorted(f.received - b for f, b in zip(flows, before))
        for flow in flows:
            flow.socket.close()
    put("two flows, slower / faster", got[0] / got[1] if got[1] else float("nan"))
    put("two flows, share of the line", sum(got) / seconds / (FAIR_LINE["rate"] * 1e6 / 8))


def free_kb():
    """What the guest itself says: Skiff without a site in its live figures, the Linux guest in a copy of its meminfo."""
    time.sleep(1.2)  # the copy is made twice a second
    for name, pattern in (("status.json", r'"mem_free_kb":\s*(\d+)'), ("meminfo", r"MemAvailable:\s*(\d+)")):
        if found := re.search(pattern, sh("curl", "-s", "-m", "5", f"http://{GUEST}/{name}", check=False).stdout):
            return int(found[1])
    raise Failed("the guest does not tell how much of its memory is free")


def churn(options, put):
    """Connections of one request, for a while, then again. What the second run needs it has to find freed by the first."""
    # A Skiff that tells its memory composes "/" anew each time; its style sheet is an ordinary file.
    page = "start.css" if "200" in sh("curl", "-sI", f"http://{GUEST}/start.css").stdout else ""

    def short_connections(seconds):
        return wrk(16, seconds, "-H", "Connection: close", page=page)

    short_connections(1)
    before = free_kb()
    first = short_connections(options.churn)
    between = free_kb()
    second = short_connections(options.churn)
    if not first["rate"]:
        raise Failed("no connection in the first run")
    put("churn, connections/s", first["rate"])
    put("churn, second run / first", second["rate"] / first["rate"])
    put("churn, errors", first["errors"] + second["errors"])
    put("churn, memory the second run took, KiB", between - free_kb())
    if not options.quick:
        time.sleep(TIME_WAIT_S)
        put("churn, memory not back at the end, KiB", before - free_kb())


def is_open(s):
    try:
        s.setblocking(False)
        return bool(s.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def connect(count, source=""):
    """As many connections that have had one answer and are kept."""
    found = []
    for _ in range(count):
        found.append(socket.create_connection((GUEST, 80), 5, (source, 0)))
        found[-1].sendall(REQUEST % b"/")
        found[-1].recv(65536)
    return found


def memory_per_connection(options, put):
    warm = connect(WARM_CONNECTIONS)
    before = free_kb()
    held = connect(SOME_CONNECTIONS)
    taken, still_open = before - free_kb(), sum(map(is_open, held))
    for s in warm + held:
        s.close()
    if still_open < len(held):
        raise Failed(f"only {still_open} of {len(held)} idle connections were kept")
    put("memory per idle connection, KiB", taken / still_open)


def idle_connections(put):
    """One after the other, until one fails or the first ones are closed to make room."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for source in SOURCES:
        sh("ip", "addr", "add", f"{source}/{PREFIX}", "dev", "tap0")
    held = []
    try:
        while len(held) < MOST_CONNECTIONS and all(map(is_open, held[:10])):
            held += connect(250, SOURCES[len(held) // 250 % len(SOURCES)])
    except OSError:
        pass  # as many as there are
    put("idle connections in 64 MiB", sum(map(is_open, held)))
    for s in held:
        s.close()
    for source in SOURCES:
        sh("ip", "addr", "del", f"{source}/{PREFIX}", "dev", "tap0")


ROWS = {"upload": upload, "streams": streams, "loss": loss, "tail": tail, "fairness": fairness}
