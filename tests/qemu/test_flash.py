"""boot/flash.sh, which overwrites a stick and nothing else: against files that stand for disks, told of in a sysfs of the test's own."""
import os
import pty
import subprocess

import pytest

from conftest import ROOT

SECTORS = 64 * 1024


class Disks:
    """Disks under a folder, and what the kernel would tell of them."""

    def __init__(self, directory):
        self.dev, self.sys, self.proc = directory / "dev", directory / "sys", directory / "proc"
        for path in (self.dev, self.sys / "block", self.proc / "self"):
            path.mkdir(parents=True)
        (self.proc / "swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n")
        (self.proc / "self/mounts").touch()
        (self.proc / "self/mountinfo").touch()
        self.image = directory / "skiff.iso"
        self.image.write_bytes(os.urandom(5 * 1000 * 1000 // 2048 * 2048))

    def add(self, name="sdz", removable=1, bus="usb1/1-1", **attributes):
        disk = self.sys / "block" / name
        real = self.sys / "devices" / bus / name
        (disk / "holders").mkdir(parents=True)
        real.mkdir(parents=True)
        (disk / "device").symlink_to(real)
        for key, value in {"vendor": "ACME   ", "model": "Stick 3000      "}.items():
            (real / key).write_text(value + "\n")
        for key, value in {"removable": removable, "size": SECTORS, "ro": 0, "dev": "8:240", **attributes}.items():
            (disk / key).write_text(f"{value}\n")
        return self.blank(name)

    def add_partition(self, disk="sdz", number=1, dev="8:241"):
        part = self.sys / "block" / disk / f"{disk}{number}"
        (part / "holders").mkdir(parents=True)
        (part / "dev").write_text(dev + "\n")
        self.blank(f"{disk}{number}")
        return part

    def blank(self, name):
        path = self.dev / name
        path.write_bytes(b"\xff" * (SECTORS * 512))
        return path

    def flash(self, device, yes=True, **options):
        env = dict(os.environ, SYSFS=str(self.sys), PROC=str(self.proc), YES="1" if yes else "")
        return subprocess.run([ROOT / "boot/flash.sh", self.image, device], env=env, capture_output=True, text=True, timeout=120,
                              **{"stdin": subprocess.DEVNULL, **options})


@pytest.fixture
def disks(tmp_path):
    return Disks(tmp_path)


def assert_refused(run, disk, sentence):
    assert run.returncode == 1 and sentence in run.stderr, run.stderr
    assert not disk or disk.read_bytes() == b"\xff" * (SECTORS * 512), "it was written to"


def test_a_stick_is_written_and_read_back_and_an_old_copy_of_a_GPT_at_its_end_wiped(disks):
    stick = disks.add()
    run = disks.flash(stick)
    assert run.returncode == 0, run.stderr
    assert "ACME Stick 3000, 34 MB" in run.stdout and "Reading it back" in run.stdout
    image, written = disks.image.read_bytes(), stick.read_bytes()
    assert written[:len(image)] == image
    assert written[-33 * 512:] == bytes(33 * 512)
    assert written[len(image):-33 * 512] == b"\xff" * (len(written) - len(image) - 33 * 512)


def test_a_disk_in_a_USB_case_and_a_memory_card_may_be_written(disks):
    assert disks.flash(disks.add("sdy", removable=0)).returncode == 0
    card = disks.add("mmcblk0", removable=0, bus="mmc0")
    (disks.sys / "devices/mmc0/mmcblk0/type").write_text("SD\n")
    assert disks.flash(card).returncode == 0


@pytest.mark.parametrize("name, removable, bus", [("sda", 0, "ata1"), ("nvme0n1", 0, "pci"), ("loop0", 0, "virtual"),
                                                  ("mmcblk0", 0, "mmc0"), ("sr0", 1, "ata2"), ("vda", 0, "virtio0")])
def test_what_is_not_removable_is_refused_and_sticks_are_listed(disks, name, removable, bus):
    disk = disks.add(name, removable, bus)
    disks.add("sdx")
    run = disks.flash(disk)
    assert_refused(run, disk, "is not removable")
    assert "DEV=/dev/sdx    ACME Stick 3000, 34 MB" in run.stderr


def test_a_partition_is_refused_and_its_disk_named(disks):
    disks.add()
    disks.add_partition()
    assert_refused(disks.flash(disks.dev / "sdz1"), disks.dev / "sdz1", "the image is for the whole disk: DEV=/dev/sdz")


def test_a_mounted_stick_is_refused_also_under_another_name(disks):
    stick = disks.add()
    disks.add_partition()
    (disks.proc / "self/mounts").write_text("/dev/sdz1 /media/stick vfat rw 0 0\n")
    assert_refused(disks.flash(stick), stick, "/dev/sdz1 is mounted; unmount it first: umount /dev/sdz1")
    (disks.proc / "self/mounts").write_text("/dev/disk/by-label/X /media/stick vfat rw 0 0\n")
    (disks.proc / "self/mountinfo").write_text("40 28 8:241 / /media/stick rw - vfat /dev/disk/by-label/X rw\n")
    assert_refused(disks.flash(stick), stick, "is mounted")


def test_swap_and_parts_of_other_devices_are_refused(disks):
    stick = disks.add()
    part = disks.add_partition()
    with (disks.proc / "swaps").open("a") as swaps:
        swaps.write("/dev/sdz1\tpartition\t1000\t0\t-2\n")
    assert_refused(disks.flash(stick), stick, "swapoff /dev/sdz1")
    (disks.proc / "swaps").write_text("Filename\n")
    (part / "holders/dm-0").mkdir()
    assert_refused(disks.flash(stick), stick, "/dev/sdz1 is part of dm-0")


def test_a_stick_that_is_too_small_or_write_protected_is_refused(disks):
    assert_refused(disks.flash(disks.add("sdx", size=4096)), disks.dev / "sdx", "is too small")
    assert_refused(disks.flash(disks.add("sdy", ro=1)), disks.dev / "sdy", "write-protected")


def test_without_a_device_or_with_a_wrong_one_sticks_are_listed(disks):
    disks.add()
    for device in ("", "/dev/nothing", str(disks.image)):
        run = disks.flash(device)
        assert run.returncode == 1 and "DEV=/dev/sdz" in run.stderr, run.stderr


def test_no_stick_at_all_is_said(disks):
    assert "none is plugged in" in disks.flash("").stderr


def test_without_a_terminal_nothing_is_written_unless_YES_is_given(disks):
    stick = disks.add()
    assert_refused(disks.flash(stick, yes=False), stick, "YES=1")


@pytest.mark.parametrize("answer, written", [(b"no\n", False), (b"y\n", False), (b"\n", False), (b"yes\n", True)])
def test_on_a_terminal_it_asks_and_takes_yes_alone(disks, answer, written):
    stick = disks.add()
    controller, terminal = pty.openpty()
    os.write(controller, answer)
    run = disks.flash(stick, yes=False, stdin=terminal)
    os.close(terminal)
    os.close(controller)
    if written:
        assert run.returncode == 0 and stick.read_bytes().startswith(disks.image.read_bytes())
    else:
        assert_refused(run, stick, "nothing was written")
    assert "Everything on" in run.stdout


def test_a_stick_that_does_not_keep_what_is_written_is_found_out(disks, tmp_path):
    """A dd in front of the real one, that spoils one byte after writing."""
    stick = disks.add()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dd").write_text(f'''#!/bin/sh
/bin/dd "$@" || exit
case "$*" in *if={disks.image}*) printf X | /bin/dd of={stick} bs=1 seek=2000000 conv=notrunc status=none ;; esac
''')
    (tools / "dd").chmod(0o755)
    env = dict(os.environ, SYSFS=str(disks.sys), PROC=str(disks.proc), YES="1", PATH=f"{tools}:{os.environ['PATH']}")
    run = subprocess.run([ROOT / "boot/flash.sh", disks.image, stick], env=env, capture_output=True, text=True, timeout=120)
    assert run.returncode == 1 and "is not what was written" in run.stderr
