"""Row of the bench that starts from media as a PC does: bytes of the image, and power-on to the first answer from CD and from
USB stick, under BIOS and UEFI. Skiff's is the image of "make usb"; Linux gets one by grub-mkrescue, with as short a menu.
"""
import os
import pathlib
import shutil

from clients import Failed
from conftest import IP, ROOT, sh
from image import FIRMWARES, MEDIA, OVMF

LIMIT = 300  # seconds, for the slowest firmware, and an initrd of 24 MiB that it reads

# GRUB on UEFI takes a quarter of the memory for itself, and loads a Linux into that: of 256 MiB too little ("out of memory",
# and no kernel is started). Both guests get the same.
MEM = {"BIOS": "256M", "UEFI": "512M"}


def skiff_image(guest, out):
    image = out / f"{guest.name}.iso"
    kernel = guest.arguments[guest.arguments.index("-kernel") + 1]
    sh(ROOT / "boot/usb.sh", kernel, image, out / "small.tar", timeout=120, env=dict(os.environ, APPEND=IP))
    return image


def linux_image(guest, out):
    """GRUB wants a bzImage: Debian's has one; of a kernel built for the purpose there is the ELF alone."""
    append = guest.arguments[guest.arguments.index("-append") + 1]
    kernels = sorted(out.glob("root/boot/vmlinuz-*"))
    if not kernels or "debian" not in str(guest.image[0]):
        raise Failed("no bzImage of this Linux; take --linux debian")
    tree = out / "linux-iso"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "boot/grub").mkdir(parents=True)
    shutil.copy(kernels[-1], tree / "boot/vmlinuz")
    shutil.copy(guest.image[1], tree / "boot/initrd")
    (tree / "boot/grub/grub.cfg").write_text(
        f"set timeout=1\nmenuentry Linux {{\n  linux /boot/vmlinuz {append}\n  initrd /boot/initrd\n}}\n")
    image = out / f"{guest.name}.iso"
    sh("grub-mkrescue", "-o", image, tree, timeout=300)
    return image


def media(machine_class, out):
    """Return: the row, for a bench with these machines and this folder."""
    def measure(guest, put):
        image = (linux_image if guest.name == "linux" else skiff_image)(guest, pathlib.Path(out))
        put("image of CD and stick, KiB", image.stat().st_size / 1024)
        for firmware, words in FIRMWARES.items():
            if firmware == "UEFI" and not OVMF.exists():
                raise Failed("UEFI needs the package ovmf")
            for name in ("CD", "USB stick"):
                with machine_class([*words, *MEDIA[name](image)], MEM[firmware]) as machine:
                    seconds = machine.wait_http(LIMIT)
                if seconds is None:
                    raise Failed(f"no answer within {LIMIT} s from {name} under {firmware}")
                put(f"first answer from {name}, {firmware}, ms", seconds * 1000)
    return measure
