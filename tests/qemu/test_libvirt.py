"""boot/skiff.xml, the machine as libvirt sees it: defined, started, and stopped by its power button.

libvirt runs as an ordinary user's (qemu:///session), in folders of the test's own; as root, "nobody" is that user.
"""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import time

import pytest

from conftest import ROOT
from image import BOOT_SECONDS, make_image


class Libvirt:
    def __init__(self, home):
        self.home, self.prefix = home, []
        # Session sockets have a limit of 108 characters for their paths: the home is a short one.
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C",
                    **{f"XDG_{name}": str(home / name) for name in ("RUNTIME_DIR", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME")}}
        (home / "RUNTIME_DIR").mkdir(mode=0o700)
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            for path in (home, home / "RUNTIME_DIR"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def virsh(self, *words, check=True):
        run = subprocess.run([*self.prefix, "virsh", "-q", "-c", "qemu:///session", *map(str, words)], env=self.env, cwd="/",
                             capture_output=True, text=True, timeout=120)
        assert not check or run.returncode == 0, f"virsh {words}: {run.stderr}"
        return run

    def stop(self):
        """Ends the machine, and the libvirtd that virsh has started, by the number it left."""
        self.virsh("destroy", "skiff", check=False)
        for file in self.home.glob("RUNTIME_DIR/libvirt/*.pid"):
            os.kill(int(file.read_text()), 15)


@pytest.fixture
def libvirt():
    if not shutil.which("virsh") or not shutil.which("libvirtd"):
        pytest.skip("NOT RUN, NEEDS libvirt: apt-get install libvirt-daemon-system libvirt-clients")
    home = pathlib.Path(tempfile.mkdtemp(prefix="lv"))
    libvirt = Libvirt(home)
    why = libvirt.virsh("version", check=False)
    if why.returncode:
        shutil.rmtree(home)
        pytest.skip(f"NOT RUN, libvirt does not run here: {why.stderr.strip()}")
    yield libvirt
    libvirt.stop()
    shutil.rmtree(home, ignore_errors=True)


def wait_for(condition, seconds=BOOT_SECONDS):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return found


def test_libvirt_defines_starts_and_stops_the_machine(libvirt):
    log = libvirt.home / "serial.log"
    image = make_image(libvirt.home / "skiff.iso", append="dhcp.probe=0")
    xml = (ROOT / "boot/skiff.xml").read_text().replace("/var/lib/libvirt/images/skiff.iso", str(image))
    xml = re.sub(r'<serial type="pty"/>\s*<console type="pty"/>', f'<serial type="file"><source path="{log}"/></serial>', xml)
    assert str(log) in xml and str(image) in xml
    (libvirt.home / "skiff.xml").write_text(xml)
    for path in (image, libvirt.home / "skiff.xml"):
        path.chmod(0o666)
    libvirt.virsh("define", libvirt.home / "skiff.xml")
    libvirt.virsh("start", "skiff")
    wait_for(lambda: log.exists() and "httpd: serving" in log.read_text(errors="replace"))
    assert libvirt.virsh("domstate", "skiff").stdout.strip() == "running"
    wait_for(lambda: re.search(r"eth0: 10\.0\.2\.15/24 from DHCP", log.read_text(errors="replace")))
    libvirt.virsh("shutdown", "skiff", "--mode", "acpi")
    wait_for(lambda: libvirt.virsh("domstate", "skiff").stdout.strip() == "shut off")
