"""The programs that put load on a guest, and what they measure."""
import json
import re

from conftest import GUEST, sh

UNIT = {"us": 1, "ms": 1e3, "s": 1e6}


class Failed(Exception):
    """A row cannot tell its figure; the words say why."""


def fetch_seconds(name, timeout=30):
    """Of one download, from the request on."""
    run = sh("curl", "-s", "-o", "/dev/null", "-m", timeout, "-w", "%{time_total} %{time_connect} %{http_code} %{size_download}",
             f"http://{GUEST}/{name}", check=False, timeout=timeout + 5)
    total, connect, code, size = run.stdout.split()
    if run.returncode or code != "200":
        raise Failed(f"{name}: status {code}, {size} bytes in {total} s, curl's answer {run.returncode}")
    return float(total) - float(connect)


def iperf3(seconds, *options):
    result = json.loads(sh("iperf3", "-c", GUEST, "-t", seconds, "--json", *options, check=False, timeout=seconds + 30).stdout)
    if "error" in result:
        raise Failed(f"iperf3 {' '.join(options)}: {result['error']}")
    return result["end"]["sum_received"]["bits_per_second"] / 8e6


def wrk(connections, seconds, *more, page=""):
    text = sh("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "3s", "--latency", *more, f"http://{GUEST}/{page}").stdout
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
