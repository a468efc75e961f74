#!/usr/bin/env python3
"""Skiff beside a Linux guest: the same QEMU, the same card, the same tap, turn by turn; medians and ratios.

usage: bench.py [--rounds N] [--secs S] [--only ROW,...] [--linux debian|small|none] [--kernel ELF] [--out FILE.json]
rows:  size boot idle requests connections download ping memory instructions
       upload streams churn loss tail idle-connections    (tcp_rows.py)

Needs root (network namespace, tap). Timings on a shared machine are noisy: believe the ratios of one run, and the
instruction counts, which are exact (record mode of QEMU's -icount). The Linux guest is Debian's kernel with nginx;
--linux small builds a kernel for the purpose first, some minutes.
"""
import argparse
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
import tcp_rows  # noqa: E402

OUT = ROOT / "build/bench"
UNIT = {"us": 1, "ms": 1e3, "s": 1e6}
TICK = os.sysconf("SC_CLK_TCK")
FILES = {"index.html": b"x" * 1024, "100k.bin": bytes(i % 251 for i in range(102400)), "1m.bin": bytes(1 << 20),
         "10m.bin": bytes(10 << 20)}
TIMED = [*"boot idle requests connections download ping".split(), *tcp_rows.ROWS]  # measured in rounds, guest by guest
ROWS = ["size", *TIMED, "memory", "idle-connections", "instructions"]


def make_sites():
    site = OUT / "site/www"
    site.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (site / name).write_bytes(content)
    sh("tar", "-C", OUT / "site", "--format=ustar", "-cf", OUT / "site.tar", "www")
    sh("tar", "-C", OUT / "site", "--format=ustar", "-cf", OUT / "small.tar", "www/index.html", "www/100k.bin")


class Guest:
    """What to boot: QEMU arguments with the large site, with the small one, and for counting instructions (small
    site, no polling ahead of interrupts, which would count waiting as work); the files whose size is the image."""

    def __init__(self, name, arguments, small_arguments, counting_arguments, image):
        self.name, self.arguments, self.small_arguments = name, arguments, small_arguments
        self.counting_arguments, self.image = counting_arguments, image


def guests(options):
    kernel = pathlib.Path(options.kernel)
    skiff = ["-kernel", kernel, "-append", f"{IP} inetd=iperf3", "-initrd"]
    counting = ["-kernel", kernel, "-append", f"{IP} sysctl.net.core.napi_defer_us=0", "-initrd", OUT / "small.tar"]
    found = [Guest("skiff", skiff + [OUT / "site.tar"], skiff + [OUT / "small.tar"], counting, [kernel])]
    if options.linux != "none":
        sh(ROOT / "tests/bench/linux_guest.sh", OUT, options.linux, timeout=3600)
        vmlinux, initramfs = OUT / f"vmlinux-{options.linux}", OUT / "initramfs.cpio"
        append = ("quiet mitigations=off nokaslr ipv6.disable=1 tsc=reliable no_timer_check lpj=4600000 cryptomgr.notests "
                  "rcupdate.rcu_expedited=1 audit=0 panic=-1 rootfstype=ramfs")
        linux = ["-kernel", vmlinux, "-initrd", initramfs, "-append", append]
        found.insert(0, Guest("linux", linux, linux, linux, [vmlinux, initramfs]))
    return found


class Machine:
    def __init__(self, arguments, mem="256M", extra=()):
        self.start = time.monotonic()
        self.process = subprocess.Popen([str(a) for a in [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64", "-M", "pc", "-smp", "1", "-m", mem, "-nodefaults",
            "-display", "none", "-no-reboot", "-serial", "null",
            "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no",
            "-device", f"e1000,netdev=n0,mac={GUEST_MAC},romfile=", *extra, *arguments]],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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
                    while chunk := s.recv(65536):
                        data += chunk
                    if data.startswith(b"HTTP/1.1 200") and data.endswith(FILES["index.html"]):
                        return time.monotonic() - self.start
            except OSError:
                pass
            time.sleep(0.002)
        return None

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def wrk(connections, seconds, *more):
    text = sh("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "3s", "--latency", *more, f"http://{GUEST}/").stdout
    result = {"rate": 0.0, "count": 0, "errors": 0}
    if m := re.search(r"Requests/sec:\s+([\d.]+)", text):
        result["rate"] = float(m[1])
    if m := re.search(r"(\d+) requests in", text):
        result["count"] = int(m[1])
    if m := re.search(r"^\s+99%\s+([\d.]+)(us|ms|s)", text, re.M):
        result["p99"] = float(m[1]) * UNIT[m[2]]
    if m := re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text):
        result["errors"] = sum(map(int, m.groups()))
    if m := re.search(r"Non-2xx or 3xx responses: (\d+)", text):
        result["errors"] += int(m[1])
    return result


def measure_load(machine, options, rows, put):
    wrk(16, 1)  # lets TCG translate the paths
    if "idle" in rows:
        time.sleep(1)
        before = machine.cpu()
        time.sleep(2)
        put("idle, % of a host core", (machine.cpu() - before) / 2 * 100)
    if "requests" in rows:
        for c in (1, 16, 64, 256):
            before = machine.cpu()
            r = wrk(c, options.secs)
            put(f"requests/s, {c} connections", r["rate"])
            put(f"  99 % within, us, {c}", r.get("p99", float("nan")))
            put(f"  host CPU us per request, {c}", (machine.cpu() - before) / max(1, r["count"]) * 1e6)
            put(f"  errors, {c}", r["errors"])
    if "connections" in rows:
        for c in (1, 16, 64):
            r = wrk(c, options.secs, "-H", "Connection: close")
            put(f"connections/s, {c} at a time", r["rate"])
            put(f"  connection errors, {c}", r["errors"])
    if "download" in rows:
        speeds = [float(sh("curl", "-s", "-o", "/dev/null", "-w", "%{speed_download}", f"http://{GUEST}/10m.bin").stdout)
                  for _ in range(7)]
        put("download, MB/s", statistics.median(speeds) / 1e6)
    if "ping" in rows:
        for name, flags in (("ping, one by one, us", ["-i", "0.002", "-c", "500"]), ("ping flood, us", ["-f", "-c", "3000"])):
            m = re.search(r"= [\d.]+/([\d.]+)/", sh("ping", "-q", *flags, GUEST).stdout)
            put(name, float(m[1]) * 1000 if m else float("nan"))
    tcp_rows.measure(machine, rows, put, wrk, options.secs)


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


def download(count):
    for _ in range(count):
        sh("curl", "-s", "-o", "/dev/null", f"http://{GUEST}/100k.bin")


def measure_instructions(guest, put):
    with tempfile.TemporaryDirectory() as directory:
        extra = ["-icount", f"shift=0,rr=record,rrfile={directory}/replay", "-object", "filter-replay,id=replay,netdev=n0",
                 "-monitor", f"unix:{directory}/monitor,server=on,wait=off"]
        with Machine(guest.counting_arguments, extra=extra) as machine:
            if machine.wait_http(120) is None:
                return
            monitor = Monitor(f"{directory}/monitor")
            for name, load, count in (("request", keep_alive_requests, 500), ("connection", new_connections, 200),
                                      ("100 KiB download", download, 20)):
                load(count)
                before = monitor.instructions()
                load(count)
                put(f"guest instructions per {name}", (monitor.instructions() - before) / count)


def run(options, rows, found, results):
    for round_number in range(options.rounds if set(rows) & set(TIMED) else 0):
        for guest in found:
            def put(key, value):
                results[guest.name].setdefault(key, []).append(value)

            sh("ip", "neigh", "flush", "all")
            with Machine(guest.arguments) as machine:
                seconds = machine.wait_http()
                if seconds is None:
                    print(f"bench: {guest.name} did not answer within 60 s", file=sys.stderr)
                    continue
                if "boot" in rows:
                    put("power-on to first answer, ms", seconds * 1000)
                measure_load(machine, options, rows, put)
            print(f"round {round_number + 1}: {guest.name} done", file=sys.stderr)
    for guest in found:
        def put(key, value):
            results[guest.name].setdefault(key, []).append(value)

        if "size" in rows:
            put("image, KiB", sum(f.stat().st_size for f in guest.image) / 1024)
        if "memory" in rows:
            put("smallest memory, MiB", smallest_memory(guest, 8 if guest.name == "linux" else 4))
        if "idle-connections" in rows:
            tcp_rows.small_pages()
            with Machine(guest.arguments) as machine:
                if machine.wait_http() is not None:
                    tcp_rows.idle_connections(put, machine)
        if "instructions" in rows:
            measure_instructions(guest, put)


def show(found, results):
    median = {n: {k: statistics.median(v) for k, v in r.items()} for n, r in results.items()}
    names = [g.name for g in found]
    keys = list(dict.fromkeys(k for n in names for k in median[n]))
    print(f"{'':38}" + "".join(f"{n:>12}" for n in names) + (f"{'skiff/linux':>13}" if len(names) == 2 else ""))
    for key in keys:
        values = [median[n].get(key, float("nan")) for n in names]
        if "errors" in key and not any(values):
            continue
        line = f"{key:38}" + "".join(f"{v:12.0f}" if abs(v) >= 100 else f"{v:12.2f}" for v in values)
        if len(values) == 2 and values[0]:
            line += f"{values[1] / values[0]:13.2f}"
        print(line)
    return median


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=int, default=3)
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--linux", default="debian", choices=["debian", "small", "none"])
    parser.add_argument("--kernel", default=str(ROOT / "build/skiff.elf"))
    parser.add_argument("--out")
    options = parser.parse_args()
    rows = options.only.split(",")
    if unknown := set(rows) - set(ROWS):
        parser.error(f"row {', '.join(unknown)} is unknown; there are: {' '.join(ROWS)}")
    make_sites()
    found = guests(options)
    if why := enter_namespace():
        sys.exit(f"bench: {why}")
    # The client's own TIME_WAIT entries would slow its connect() down, guest after guest.
    pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("0")
    results = {g.name: {} for g in found}
    run(options, rows, found, results)
    median = show(found, results)
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps({"median": median, "raw": results}, indent=1))


if __name__ == "__main__":
    main()
