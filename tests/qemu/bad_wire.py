"""A wire that treats frames badly, between this machine and the guest: tests/wire/bad_wire.c tells what it can do.

It stands between tap0, which QEMU holds, and a tap of its own, which has this machine's address meanwhile.
"""
import contextlib
import pathlib
import re
import subprocess

from conftest import GUEST, GUEST_MAC, HOST, PREFIX, ROOT, sh

PROGRAM = ROOT / "build/bad_wire"
WIRE = "wire0"


@contextlib.contextmanager
def bad_wire(mtu=1500, **words):
    """While it lasts, frames between this machine and the guest pass bad_wire: bad_wire(loss=3, seed=2)."""
    sh("ip", "addr", "del", f"{HOST}/{PREFIX}", "dev", "tap0")
    rp_filter = pathlib.Path("/proc/sys/net/ipv4/conf/tap0/rp_filter")
    # What comes in by tap0 is for the wire alone: the route to its sender leads elsewhere, and it is dropped.
    rp_filter.write_text("1")
    mac = re.search(r"link/ether (\S+)", sh("ip", "link", "show", "tap0").stdout)[1]
    wire = subprocess.Popen([PROGRAM, WIRE, "tap0", *(f"{k}={v}" for k, v in words.items())], stdout=subprocess.PIPE)
    try:
        assert wire.stdout.readline() == b"ready\n", "bad_wire does not start"
        sh("ip", "link", "set", WIRE, "address", mac, "mtu", mtu)  # the address the guest knows
        sh("ip", "addr", "add", f"{HOST}/{PREFIX}", "dev", WIRE)
        sh("ip", "link", "set", WIRE, "up")
        # No one's ARP is lost on the way: it is TCP that is looked at.
        sh("ip", "neigh", "replace", GUEST, "lladdr", GUEST_MAC, "dev", WIRE, "nud", "permanent")
        sh("ping", "-c", "3", "-i", "0.1", "-W", "1", GUEST, check=False)
        yield
    finally:
        wire.kill()
        wire.wait()
        rp_filter.write_text("0")
        sh("ip", "addr", "add", f"{HOST}/{PREFIX}", "dev", "tap0")
        sh("ping", "-c", "3", "-i", "0.1", "-W", "1", GUEST, check=False)
