"""Rows about a router with two cards, between two networks of its own: tests/qemu/router.py.

Each figure is of a machine that has just booted with the rules of a Variant; what enters and leaves is counted by
tests/bench/traffic.c. The Linux guest has iptables-legacy, which walks its rules, as the original does.
"""
import io
import json
import pathlib
import socket
import struct
import subprocess
import tarfile
import time

from clients import Failed
from conftest import ROOT, sh
from router import APPEND, LEFT, LEFT_GW, LEFT_MAC, RIGHT, RIGHT_GW, Networks

PROGRAM = ROOT / "build/traffic"
PORT, WEB = 9, 8000  # datagrams are waited for at the first, connections at the second
RATE_MBIT = 10  # of the line behind which packets queue
CONNTRACK_MAX = 65536  # for both: Linux would take it from the size of its memory

STATE = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n"
NAT = "*nat\n-A POSTROUTING -o eth1 -j MASQUERADE\nCOMMIT\n"
# A classic BPF program for UDP to the port above PORT; what it returns for that and for the rest differs.
HOOK = "8,40_0_0_12,21_0_4_2048,48_0_0_23,21_0_2_17,40_0_0_36,21_1_0_{port},6_0_0_{rest},6_0_0_{hit}"


def rules(count):
    """As many that a packet has to pass, by turns of an address and of a port; the last one accepts it."""
    lines = [f"-A FORWARD -s 198.18.{i // 250}.{i % 250 + 1}/32 -j DROP" if i % 2 else
             f"-A FORWARD -p udp -m udp --dport {30000 + i} -j DROP" for i in range(count - 1)]
    return filter_table("\n".join([*lines, "-A FORWARD -i eth0 -o eth1 -j ACCEPT", ""]))


def filter_table(lines):
    return f"*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n{lines}COMMIT\n"


def queue(child):
    """A line of RATE_MBIT behind the right card, in the words of Skiff's command line and of tc."""
    return {"skiff": f"qdisc=eth1:tbf,rate={RATE_MBIT}mbit,burst=16k,limit=4m,child={child}",
            "linux": f"/bin/tc qdisc add dev eth1 root handle 1: tbf rate {RATE_MBIT}mbit burst 16k limit 4m\n"
                     f"/bin/tc qdisc add dev eth1 parent 1: {child}"}


def hook():
    skiff = HOOK.format(port=PORT + 1, rest=1, hit=0)
    linux = HOOK.format(port=PORT + 1, rest=0, hit=4294967295).replace("_", " ")
    return {"skiff": f"xdp=eth0:{skiff}",
            "linux": "/bin/tc qdisc add dev eth0 clsact\n"
                     f"/bin/tc filter add dev eth0 ingress protocol all bpf bytecode '{linux}' flowid 1:1 action drop"}


class Variant:
    """How the router is set up: rules for both, words for Skiff's command line, commands for the Linux guest's shell; and
    the rows that are measured with it."""

    def __init__(self, name, rules="", skiff="", linux="", **rows):
        self.name, self.rules, self.skiff, self.linux, self.rows = name, rules, skiff, linux, rows


# --- the machine and its two networks -----------------------------------------------------------------------

def write_archive(path, files):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))


def cpio(files):
    """An archive as the Linux kernel reads it, of the form that cpio calls newc."""
    data = b""
    for number, (name, text) in enumerate([*files.items(), ("TRAILER!!!", "")], 1):
        fields = (number, 0o100644, 0, 0, 1, 0, len(text), 0, 0, 0, 0, len(name) + 1, 0)
        data += b"070701" + "".join(f"{f:08x}" for f in fields).encode() + name.encode() + b"\0"
        data += bytes(-len(data) % 4) + text.encode()
        data += bytes(-len(data) % 4)
    return data


def skiff_arguments(elf, directory, variant, counting):
    words = [APPEND, f"sysctl.net.netfilter.nf_conntrack_max={CONNTRACK_MAX}", variant.skiff]
    if counting:
        words.append("sysctl.net.core.napi_defer_us=0")  # waiting would count as work
    files = {"www/index.html": "router"}
    if variant.rules:
        files["etc/iptables.rules"] = variant.rules
    write_archive(directory / "site.tar", files)
    return ["-kernel", elf, "-append", " ".join(words), "-initrd", directory / "site.tar"]


def linux_arguments(vmlinux, router_cpio, append, directory, variant, counting):
    files = {"etc/addresses": f"eth0 {LEFT_GW}/24\neth1 {RIGHT_GW}/24\n", "etc/commands": variant.linux + "\n",
             "etc/settings": f"net.netfilter.nf_conntrack_max={CONNTRACK_MAX}\nnet.netfilter.nf_conntrack_buckets={CONNTRACK_MAX}\n"}
    if variant.rules:
        files["etc/iptables.rules"] = variant.rules
    (directory / "router.cpio").write_bytes(router_cpio.read_bytes() + cpio(files))
    return ["-kernel", vmlinux, "-initrd", directory / "router.cpio", "-append", append]


class Sides(Networks):
    """The two networks, the sockets by which traffic enters and leaves, and the programs that use them."""

    def __init__(self):
        super().__init__()
        self.descriptors = self.taps()
        with self.left:
            # No address is looked up while it is counted, and none of this machine's own errors are sent.
            self.entry = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.entry.bind(("left0", 0))
            self.probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("0")
        with self.right:
            self.exit = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.exit.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            self.exit.bind((RIGHT, PORT))
            self.listener = socket.create_server((RIGHT, WEB), backlog=1024)
            self.listener.setblocking(False)
            pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("0")

    def close(self):
        for s in (self.entry, self.probe, self.exit, self.listener):
            s.close()
        super().close()

    def wait(self, machine, limit):
        """Until a datagram comes through."""
        self.exit.settimeout(0.05)
        while machine.process.poll() is None and time.monotonic() - machine.start < limit:
            self.probe.sendto(b"ready?", (RIGHT, PORT))
            try:
                self.exit.recv(100)
                break
            except TimeoutError:
                pass
        else:
            raise Failed(f"nothing was forwarded within {limit} s")
        self.machine = machine
        time.sleep(1)  # what boots beside it settles

    def headers(self, size):
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0x4000, 64, 17, 0, socket.inet_aton(LEFT), socket.inet_aton(RIGHT))
        total = sum(struct.unpack(">10H", ip))
        total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
        ethernet = bytes.fromhex(LEFT_MAC.replace(":", "") + "020000000001") + b"\x08\x00"
        return (ethernet + ip + struct.pack(">HHHH", 0, PORT, size - 34, 0)).hex()

    def datagrams(self, size=60, **more):
        return self.traffic("datagrams", self.headers(size), self.entry.fileno(), self.exit.fileno(), size=size, **more)

    def connections(self, **more):
        return self.traffic("connections", RIGHT, WEB, self.listener.fileno(), **more)

    def traffic(self, *arguments, **more):
        before = self.machine.cpu()
        with self.left:
            run = subprocess.run([PROGRAM, *map(str, arguments), *(f"{k}={v}" for k, v in more.items())], capture_output=True, text=True,
                                 timeout=120, pass_fds=[self.entry.fileno(), self.exit.fileno(), self.listener.fileno()])
        if run.returncode:
            raise Failed(run.stderr.strip())
        result = json.loads(run.stdout)
        result["cpu_us"] = (self.machine.cpu() - before) / max(1, result["all"]) * 1e6
        return result


# --- the rows: called with the two networks, the options, the name of the variant and where to put name and value ---

def forward(sides, options, name, put):
    for size, frame in ((64, 60), (1500, 1514)):
        r = sides.datagrams(frame, seconds=options.secs)
        if not r["arrived"]:
            raise Failed(f"{name}: nothing came through")
        put(f"forwarded/s, {size} bytes, {name}", r["rate"])
        put(f"  host CPU us each, {size} bytes, {name}", r["cpu_us"])
        put(f"  errors: lost, %, {size} bytes, {name}", r["lost"] * 100)


def nat(sides, options, name, put):
    for parallel in (1, 64):
        r = sides.connections(seconds=options.secs, window=parallel)
        put(f"connections/s by {name}, {parallel} at a time", r["rate"])
        put(f"  host CPU us each, {parallel} at a time", r["cpu_us"])
        put(f"  connection errors, {name}, {parallel}", r["failed"])


def drop(sides, options, name, put):
    """All but one of 64 are dropped; the one that passes tells how far the guest is."""
    r = sides.datagrams(60, seconds=options.secs, every=64)
    if not r["arrived"]:
        raise Failed(f"{name}: nothing came through")
    put(f"dropped/s, {name}", r["rate"] * 63 / 64)
    put(f"  host CPU us each, {name}", r["cpu_us"])


def delay(sides, options, name, put):
    for words, more in (("one at a time", dict(window=1)), ("1 per ms", dict(window=64, gap_us=1000))):
        r = sides.datagrams(60, seconds=options.secs, **more)
        put(f"time in the router, {words}, us", r["median_us"])
        put(f"  99 % within, us, {words}", r["p99_us"])


def loaded(sides, options, name, put):
    """What a small packet sees beside 16 long TCP connections that fill the line."""
    seconds = max(4, options.secs)
    with sides.right:
        server = subprocess.Popen(["iperf3", "-s", "-1", "-p", "5201"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    with sides.left:
        client = subprocess.Popen(["iperf3", "-c", RIGHT, "-p", "5201", "-P", "16", "-t", str(seconds + 3), "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        time.sleep(2)
        r = sides.datagrams(100, seconds=seconds, window=4096, gap_us=10000, flows=1)
        result = json.loads(client.communicate(timeout=60)[0])
    finally:
        client.kill()
        server.kill()
        client.wait()
        server.wait()
    if "error" in result or not r["arrived"]:
        raise Failed(f"{name}: {result.get('error', 'nothing came through')}")
    put(f"time in a loaded router, {name}, ms", r["median_us"] / 1000)
    put(f"  99 % within, ms, {name}", r["p99_us"] / 1000)
    put(f"  share of the line used, {name}", result["end"]["sum_received"]["bits_per_second"] / RATE_MBIT / 1e6)


RAW_DROP = f"*raw\n-A PREROUTING -p udp -m udp --dport {PORT + 1} -j DROP\nCOMMIT\n"
VARIANTS = [
    Variant("no rules", forward=forward, delay=delay),
    Variant("10 rules", rules(10), forward=forward),
    Variant("1,000 rules", rules(1000), forward=forward),
    Variant("conntrack", filter_table(STATE), forward=forward),
    Variant("NAT", NAT + filter_table(STATE), forward=forward, nat=nat),
    Variant("early hook / tc's ingress", **hook(), drop=drop),
    Variant("raw table", RAW_DROP, drop=drop),
    Variant("tbf + fq_codel", **queue("fq_codel"), delay=loaded),
    Variant("tbf + pfifo", **queue("pfifo"), delay=loaded),
]
ROWS = ["forward", "nat", "drop", "delay"]
COUNTED = ["no rules", "1,000 rules", "conntrack", "NAT"]
