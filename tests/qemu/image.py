"""The image of "make usb": made, changed as a person changes it, and booted from."""
import os
import pathlib
import shutil
import struct

import pytest

from conftest import KERNEL, ROOT, sh

OVMF = pathlib.Path("/usr/share/ovmf/OVMF.fd")
FIRMWARES = {"BIOS": [], "UEFI": ["-bios", OVMF]}
MEDIA = {
    "CD": lambda image: ["-cdrom", image],
    "USB stick": lambda image: ["-device", "qemu-xhci", "-drive", f"file={image},format=raw,if=none,id=stick",
                                "-device", "usb-storage,drive=stick,bootindex=1"],
    "hard disk": lambda image: ["-drive", f"file={image},format=raw,if=ide"],
}
MEM = "128M"  # what OVMF needs
BOOT_SECONDS = 300  # of a firmware on a busy machine; a limit, not what is expected


def make_image(path, site="", append="", **environment):
    sh(ROOT / "boot/usb.sh", KERNEL, path, site, timeout=300, env=dict(os.environ, APPEND=append, **environment))
    return path


def medium(firmware, name, image):
    """QEMU's words to boot from it."""
    if firmware == "UEFI" and not OVMF.exists():
        pytest.skip("NOT RUN, NEEDS the package ovmf")
    return FIRMWARES[firmware] + MEDIA[name](image)


def partitions(image):
    """(active, type, first sector, sectors) of each entry of the MBR that is in use."""
    with open(image, "rb") as f:
        mbr = f.read(512)
    assert mbr[510:] == b"\x55\xaa"
    entries = (struct.unpack_from("<B3xB3xII", mbr, 446 + 16 * i) for i in range(4))
    return [(flag == 0x80, kind, start, count) for flag, kind, start, count in entries if kind]


class Fat:
    """The file system of an image that any computer opens, by mtools."""

    def __init__(self, image):
        self.drive = f"{image}@@{partitions(image)[0][2] * 512}"
        self.scratch = pathlib.Path(f"{image}.files")
        self.scratch.mkdir(exist_ok=True)

    def write(self, name, content):
        file = self.scratch / "file"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        sh("mcopy", "-o", "-i", self.drive, file, f"::{name}")

    def read(self, name):
        file = self.scratch / "read"
        file.unlink(missing_ok=True)
        sh("mcopy", "-i", self.drive, f"::{name}", file)
        return file.read_bytes()

    def names(self):
        return sh("mdir", "-b", "-/", "-i", self.drive, "::").stdout.split()


@pytest.fixture(scope="session")
def plain_image(tmp_path_factory):
    """As "make usb" makes it, without anything chosen."""
    return make_image(tmp_path_factory.mktemp("image") / "skiff.iso")


@pytest.fixture
def stick(plain_image, tmp_path):
    """A copy of the image, and what to change it with: .path and .fat"""
    class Stick:
        path = shutil.copy(plain_image, tmp_path / "stick.img")
        fat = Fat(path)
    return Stick
