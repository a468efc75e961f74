#!/usr/bin/env python3
"""Skiff beside a Linux guest: the same QEMU, the same card, the same tap, turn by turn; medians and ratios.

usage: bench.py [--quick] [--rounds N] [--secs S] [--churn S] [--only ROW,...] [--linux debian|small|none] [--kernel ELF]
                [--beside NAME=ELF[,COMMAND LINE]] [--out FILE.json]
rows:  size boot idle requests connections download ping memory instructions
       media (boot_rows.py)
       upload streams churn loss tail fairness idle-connections    (tcp_rows.py)
       forward nat drop delay router-instructions                  (router_rows.py: two cards, between two networks)

--quick takes less than three minutes: one round, short ones, without "memory", "media", the router and what counts instructions. --beside measures
one more image in the same run that answers at the same address: a ceiling, an older Skiff (whose command line it gets
if there is none). A row that fails on a
guest says so where its figure would stand, and why at the end.

Needs root (network namespace, tap). Timings on a shared machine are noisy: believe the ratios of one run, and the
instruction counts, which are exact (record mode of QEMU's -icount). The Linux guest is Debian's kernel with nginx;
--linux small builds a kernel for the purpose first, some minutes.
"""
import argparse
import contextlib
import functools
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/qemu"))
from conftest import GUEST, GUEST_MAC, IP, enter_namespace, sh  # noqa: E402
import boot_rows  # noqa: E402
import router_rows  # noqa: E402
import tcp_rows  # noqa: E402
from clients import Failed, fetch_seconds, wrk  # noqa: E402
from router import LEFT_MAC, RIGHT_MAC  # noqa: E402

OUT = ROOT / "build/bench"
TICK = os.sysconf("SC_CLK_TCK")
FILES = {"index.html": b"x" * 1024, "100k.bin": bytes(i % 251 for i in range(102400)), "1m.bin": bytes(1 << 20),
         "10m.bin": bytes(10 << 20)}
ENDS = (FILES["index.html"], b"</html>\n")  # of the page at "/": the site's, and the one of a Skiff without a site


def make_sites():
    site = OUT / "site/www"
    site.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (site / name).write_bytes(content)
    sh("tar", "-C", OUT / "site", "--format=ustar", "-cf", OUT / "site.tar", "www")
    sh("tar", "-C", OUT / "site", "--format=ustar", "-cf", OUT / "small.tar", "www/index.html", "www/100k.bin")


class Guest:
    """What to boot: QEMU arguments with the large site, with the small one, with one that tells its free memory, and for
    counting instructions (small site, no polling ahead of interrupts, which would count waiting as work); the files whose
    size is the image; and what makes the arguments of a router from a directory, a variant and whether it is for counting."""

    def __init__(self, name, arguments, small_arguments, telling_arguments, counting_arguments, image, router_arguments):
        self.name, self.arguments, self.small_arguments = name, arguments, small_arguments
        self.telling_arguments, self.counting_arguments, self.image = telling_arguments, counting_arguments, image
        self.router_arguments = router_arguments


def guests(options):
    kernel = pathlib.Path(options.kernel)
    skiff = ["-kernel", kernel, "-append", f"{IP} inetd=iperf3", "-initrd"]
    counting = ["-kernel", kernel, "-append", f"{IP} sysctl.net.core.napi_defer_us=0", "-initrd", OUT / "small.tar"]
    found = [Guest("skiff", skiff + [OUT / "site.tar"], skiff + [OUT / "small.tar"], ["-kernel", kernel, "-append", IP], counting, [kernel],
                   functools.partial(router_rows.skiff_arguments, kernel))]
    if options.linux != "none":
        sh(ROOT / "tests/bench/linux_guest.sh", OUT, options.linux, timeout=3600)
        vmlinux, initramfs = OUT / f"vmlinux-{options.linux}", OUT / "initramfs.cpio"
        append = ("quiet mitigations=off nokaslr ipv6.disable=1 tsc=reliable no_timer_check lpj=4600000 cryptomgr.notests "
                  "rcupdate.rcu_expedited=1 audit=0 panic=-1 rootfstype=ramfs")
        linux = ["-kernel", vmlinux, "-initrd", initramfs, "-append", append]
        router = functools.partial(router_rows.linux_arguments, OUT / ("vmlinux-small-router" if options.linux == "small" else vmlinux.name),
                                   OUT / "router.cpio", append)
        found.insert(0, Guest("linux", linux, linux, linux, linux, [vmlinux, initramfs], router))
    for name, elf in (beside.split("=", 1) for beside in options.beside):
        elf, _, append = elf.partition(",")
        other = ["-kernel", elf, "-append", append or f"{IP} inetd=iperf3", "-initrd"]
        large, small = other + [OUT / "site.tar"], other + [OUT / "small.tar"]
        found.append(Guest(name, large, small, small, ["-kernel", elf, "-append", append or counting[3], *counting[4:]],
                           [pathlib.Path(elf)], functools.partial(router_rows.skiff_arguments, elf)))
    return found


class Machine:
    """One QEMU: with a card on tap0, or with one for each of the descriptors `taps`."""

    def __init__(self, arguments, mem="256M", extra=(), taps=()):
        cards = [("ifname=tap0,script=no,downscript=no", GUEST_MAC)] if not taps else \
            [(f"fd={tap}", mac) for tap, mac in zip(taps, (LEFT_MAC, RIGHT_MAC))]
        self.start = time.monotonic()
        self.process = subprocess.Popen([str(a) for a in [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-M", "pc", "-smp", "1", "-m", mem, "-nodefaults",
            "-display", "none", "-no-reboot", "-serial", "null",
            *(word for i, (tap, mac) in enumerate(cards)
              for word in ("-netdev", f"tap,id=n{i},{tap}", "-device", f"e1000,netdev=n{i},mac={mac},romfile=")),
            *extra, *arguments]],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=taps)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def wait_http(self, limit=60):
        """Seconds from starting QEMU to the first complete answer, or None."""
        while self.process.poll() is None and (elapsed := time.monotonic() - self.start) < limit:
            try:
                with socket.create_connection((GUEST, 80), max(0.01, 0.02 * elapsed)) as s:
                    s.settimeout(1)
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    data = b""
                    while not data.endswith(ENDS) and (chunk := s.recv(65536)):
                        data += chunk
                    if data.startswith(b"HTTP/1.1 200") and data.endswith(ENDS):
                        return time.monotonic() - self.start
            except OSError:
                pass
            time.sleep(0.002)
        return None

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def idle(machine, options, put):
    time.sleep(1)
    before = machine.cpu()
    time.sleep(2)
    put("idle, % of a host core", (machine.cpu() - before) / 2 * 100)


def requests(machine, options, put):
    for c in (1, 16, 64, 256):
        before = machine.cpu()
        r = wrk(c, options.secs)
        put(f"requests/s, {c} connections", r["rate"])
        put(f"  99 % within, us, {c}", r.get("p99", float("nan")))
        put(f"  host CPU us per request, {c}", (machine.cpu() - before) / max(1, r["count"]) * 1e6)
        put(f"  errors, {c}", r["errors"])


def connections(machine, options, put):
    for c in (1, 16, 64):
        r = wrk(c, options.secs, "-H", "Connection: close")
        put(f"connections/s, {c} at a time", r["rate"])
        put(f"  connection errors, {c}", r["errors"])


def download(machine, options, put):
    put("download, MB/s", 10.485760 / statistics.median(fetch_seconds("10m.bin") for _ in range(7)))


def ping(machine, options, put):
    for name, flags in (("ping, one by one, us", ["-i", "0.002", "-c", "500"]), ("ping flood, us", ["-f", "-c", "3000"])):
        m = re.search(r"= [\d.]+/([\d.]+)/", sh("ping", "-q", *flags, GUEST).stdout)
        put(name, float(m[1]) * 1000 if m else float("nan"))


# Measured in rounds, guest by guest. Each is called with the machine, the options and where to put name and value.
LOAD = {"idle": idle, "requests": requests, "connections": connections, "download": download, "ping": ping, **tcp_rows.ROWS}
TIMED = ["boot", *LOAD]
SLOW = ["memory", "instructions", "media", *router_rows.ROWS, "router-instructions"]
ROWS = ["size", *TIMED, "churn", "idle-connections", *SLOW]
FAILURES = (OSError, AssertionError, subprocess.SubprocessError, ValueError, LookupError, ArithmeticError, Failed)


def smallest_memory(guest, limit):
    """MiB, to within 1/4 MiB: boots, serves, survives a second of wrk with 16 connections."""
    def works(mem_kb):
        with Machine(guest.small_arguments, f"{mem_kb}k") as machine:
            if machine.wait_http(limit) is None:
                return False
            r = wrk(16, 1)
            return r["count"] > 0 and not r["errors"]

    low, high = 0, 128 * 1024
    while high - low > 256:
        middle = (low + high) // 2 // 64 * 64
        low, high = (low, middle) if works(middle) else (middle, high)
    return high / 1024


class Monitor:
    """QEMU's human monitor on a socket, for the instruction count of a recorded run."""

    def __init__(self, path):
        for _ in range(200):
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.read()

    def read(self):
        data = b""
        while b"(qemu) " not in data:
            data += self.socket.recv(4096)
        return data.decode(errors="replace")

    def instructions(self):
        self.socket.sendall(b"info replay\n")
        return int(re.search(r"instruction count = (\d+)", self.read())[1])


def keep_alive_requests(count):
    with socket.create_connection((GUEST, 80), 10) as s:
        for _ in range(count):
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            data = s.recv(65536)
            while not data.endswith(FILES["index.html"]):
                data += s.recv(65536)


def new_connections(count):
    for _ in range(count):
        with socket.create_connection((GUEST, 80), 10) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while s.recv(65536):
                pass


def downloads(count):
    for _ in range(count):
        sh("curl", "-s", "-o", "/dev/null", f"http://{GUEST}/100k.bin")


def counting(directory, cards):
    """QEMU's record mode, in which it tells how many instructions the guest has executed."""
    return ["-icount", f"shift=0,rr=record,rrfile={directory}/replay", "-monitor", f"unix:{directory}/monitor,server=on,wait=off",
            *(word for i in range(cards) for word in ("-object", f"filter-replay,id=replay{i},netdev=n{i}"))]


def measure_instructions(guest, put):
    with tempfile.TemporaryDirectory() as directory:
        with Machine(guest.counting_arguments, extra=counting(directory, 1)) as machine:
            if machine.wait_http(120) is None:
                raise Failed("did not answer within 120 s")
            monitor = Monitor(f"{directory}/monitor")
            for name, load, count in (("request", keep_alive_requests, 500), ("connection", new_connections, 200),
                                      ("100 KiB download", downloads, 20)):
                load(count)
                before = monitor.instructions()
                load(count)
                put(f"guest instructions per {name}", (monitor.instructions() - before) / count)


class Book:
    """The figures of one guest by name, and what failed."""

    def __init__(self, guest):
        self.guest, self.figures, self.failures = guest, {}, []

    def put(self, key, value):
        self.figures.setdefault(key, []).append(value)

    def attempt(self, row, function, *arguments):
        """A row that fails is noted, and the next one measured."""
        try:
            function(*arguments, self.put)
        except FAILURES as e:
            words = f"{row}: {e or type(e).__name__}"
            print(f"bench: {self.guest.name}: {words}", file=sys.stderr)
            self.failures.append(words)

    def medians(self):
        """Of what was measured; NaN where nothing was."""
        good = {k: [v for v in values if v == v] for k, values in self.figures.items()}
        return {k: statistics.median(v) if v else float("nan") for k, v in good.items()}


def measure_once(guest, options, rows, book):
    sh("ip", "neigh", "flush", "all")
    with Machine(guest.arguments) as machine:
        seconds = machine.wait_http()
        if seconds is None:
            book.failures.append("boot: no answer within 60 s")
            return
        if "boot" in rows:
            book.put("power-on to first answer, ms", seconds * 1000)
        wrk(16, 1)  # lets TCG translate the paths
        for row, measure in LOAD.items():
            if row in rows:
                book.attempt(row, measure, machine, options)
        if machine.process.poll() is not None:
            book.failures.append(f"QEMU ended with {machine.process.returncode}")


def measure_memory(guest, options, rows, book):
    """Rows that need a machine of their own: just booted, and one that tells how much of its memory is free."""
    for row, function in (("churn", tcp_rows.churn), ("idle-connections", tcp_rows.memory_per_connection)):
        if row in rows:
            with Machine(guest.telling_arguments) as machine:
                if machine.wait_http() is None:
                    book.failures.append(f"{row}: no answer within 60 s")
                else:
                    book.attempt(row, function, options)
    if "idle-connections" in rows:
        with Machine(guest.small_arguments, "64M") as machine:
            if machine.wait_http(10) is None:
                book.failures.append("idle-connections: does not serve in 64 MiB")
            else:
                book.attempt("idle-connections", tcp_rows.idle_connections)


@contextlib.contextmanager
def router(guest, variant, count=False):
    """A machine between two networks that forwards, the networks, and a directory of their own."""
    with tempfile.TemporaryDirectory() as name:
        directory, sides = pathlib.Path(name), router_rows.Sides()
        try:
            arguments = guest.router_arguments(directory, variant, count)
            extra = counting(directory, 2) if count else ()
            with Machine(arguments, extra=extra, taps=sides.descriptors) as machine:
                sides.wait(machine, 300 if count else 60)
                yield sides, directory
        finally:
            sides.close()


def measure_router(guest, options, variant, rows, put):
    with router(guest, variant) as (sides, _):
        for row, measure in variant.rows.items():
            if row in rows:
                measure(sides, options, variant.name, put)


def measure_router_instructions(guest, variant, put):
    """The trains are as long as they were sent: a guest that takes several at once saves interrupts."""
    with router(guest, variant, count=True) as (sides, directory):
        monitor = Monitor(f"{directory}/monitor")
        for words, window in (("one at a time", 1), ("32 at a time", 32)):
            sides.datagrams(count=500, window=window)
            before = monitor.instructions()
            count = sides.datagrams(count=1000, window=window)["arrived"]
            put(f"guest instructions per packet, {words}, {variant.name}", (monitor.instructions() - before) / count)


def measure_smallest_memory(guest, put):
    put("smallest memory, MiB", smallest_memory(guest, 8 if guest.name == "linux" else 4))


def measure_size(guest, put):
    put("image, KiB", sum(f.stat().st_size for f in guest.image) / 1024)


def run(options, rows, books):
    for round_number in range(options.rounds if set(rows) & set(TIMED) else 0):
        for book in books:
            measure_once(book.guest, options, rows, book)
            print(f"round {round_number + 1}: {book.guest.name} done", file=sys.stderr)
    for row, function in (("size", measure_size), ("memory", measure_smallest_memory), ("instructions", measure_instructions),
                          ("media", boot_rows.media(Machine, OUT))):
        for book in books:
            if row in rows:
                book.attempt(row, function, book.guest)
    for book in books:
        measure_memory(book.guest, options, rows, book)
    run_router(options, rows, books)


def run_router(options, rows, books):
    """Guest by guest for each set of rules: what is compared was measured within a minute."""
    for round_number in range(options.rounds if set(rows) & set(router_rows.ROWS) else 0):
        for variant in router_rows.VARIANTS:
            for book in books:
                if set(variant.rows) & set(rows):
                    book.attempt(f"router with {variant.name}", measure_router, book.guest, options, variant, rows)
        print(f"round {round_number + 1}: routers done", file=sys.stderr)
    for variant in router_rows.VARIANTS:
        for book in books:
            if "router-instructions" in rows and variant.name in router_rows.COUNTED:
                book.attempt(f"instructions of the router with {variant.name}", measure_router_instructions, book.guest, variant)


def figure(value):
    return f"{'failed':>12}" if value is None or value != value else f"{value:12.0f}" if abs(value) >= 100 else f"{value:12.2f}"


def show(books):
    """A line for each figure; beside Skiff's the ratio to each of the others."""
    medians = {b.guest.name: b.medians() for b in books}
    others = [n for n in medians if n != "skiff"]
    print(f"{'':42}" + "".join(f"{n:>12}" for n in medians) + "".join(f"{'skiff/' + n:>15}" for n in others))
    for key in dict.fromkeys(k for m in medians.values() for k in m):
        values = {n: m.get(key) for n, m in medians.items()}
        if "errors" in key and not any(values.values()):
            continue
        ratios = (values["skiff"] / values[n] if values["skiff"] is not None and values[n] else None for n in others)
        print(f"{key:42}" + "".join(map(figure, values.values())) + "".join(f"{'-' if r is None or r != r else f'{r:.2f}':>15}" for r in ratios))
    for book in books:
        for words in book.failures:
            print(f"failed on {book.guest.name}: {words}")
        for key, values in book.figures.items():
            if missing := sum(v != v for v in values):
                print(f"failed on {book.guest.name}: {key.strip()}: {missing} of {len(values)} rounds")
    return medians


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--secs", type=int)
    parser.add_argument("--churn", type=int, help="seconds of each of its two runs")
    parser.add_argument("--only")
    parser.add_argument("--beside", action="append", default=[])
    parser.add_argument("--linux", default="debian", choices=["debian", "small", "none"])
    parser.add_argument("--kernel", default=str(ROOT / "build/skiff.elf"))
    parser.add_argument("--out")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.secs = options.secs or (1 if options.quick else 3)
    options.churn = options.churn or (4 if options.quick else 60)
    rows = options.only.split(",") if options.only else [r for r in ROWS if not (options.quick and r in SLOW)]
    if unknown := set(rows) - set(ROWS):
        parser.error(f"row {', '.join(unknown)} is unknown; there are: {' '.join(ROWS)}")
    make_sites()
    found = guests(options)
    if why := enter_namespace():
        sys.exit(f"bench: {why}")
    # The client's own TIME_WAIT entries would slow its connect() down, guest after guest.
    pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("0")
    books = [Book(g) for g in found]
    run(options, rows, books)
    medians = show(books)
    if options.out:
        raw = {b.guest.name: {"figures": b.figures, "failures": b.failures} for b in books}
        pathlib.Path(options.out).write_text(json.dumps({"median": medians, "raw": raw}, indent=1))


if __name__ == "__main__":
    main()
