"""The image that boots as CD and as USB stick: what is on it, and that the machine follows what a person changes there."""
import binascii
import os
import re
import shutil
import struct
import time

import pytest

from conftest import GUEST, IP, ROOT, Site, get, sh
from test_firewall import archive
from image import BOOT_SECONDS, MEM, Fat, make_image, medium, partitions, plain_image, stick  # noqa: F401

OTHER = "10.79.0.7"


def boot_from(boot, firmware, name, image, **options):
    return boot(boot=medium(firmware, name, image), mem=MEM, **options)


def test_the_image_is_small_and_has_room_for_a_site(plain_image):
    assert plain_image.stat().st_size <= 6 << 20
    fat = Fat(plain_image)
    free = re.search(r"([\d ]+) bytes free", sh("mdir", "-i", fat.drive, "::").stdout)[1]
    assert int(free.replace(" ", "")) >= 3 << 20


def test_the_stick_has_one_active_partition_that_every_computer_opens(plain_image):
    [(active, kind, start, count)] = partitions(plain_image)
    assert active and kind == 0x0e and (start + count) * 512 == plain_image.stat().st_size
    data = plain_image.read_bytes()[start * 512:]
    sector_size, cluster, reserved, fats, root, _, media, fat_len, _, _, hidden, total = struct.unpack_from("<HBHBHHBHHHII", data, 11)
    data_sectors = count - reserved - fats * fat_len - root * 32 // 512
    assert (sector_size, fats, media, hidden) == (512, 2, 0xf8, start)
    assert 4085 <= data_sectors // cluster < 65525, "it would not be FAT16"
    names = Fat(plain_image).names()
    assert {"::/README.TXT", "::/skiff.cfg", "::/site.tar", "::/EFI/BOOT/BOOTX64.EFI"} <= set(names)


def test_texts_on_the_stick_are_for_any_editor(plain_image):
    for name in ("README.TXT", "skiff.cfg"):
        text = Fat(plain_image).read(name)
        assert text.isascii() and text.count(b"\n") == text.count(b"\r\n") > 20


def test_every_choice_of_skiff_cfg_is_known_to_the_machine(boot, plain_image, tmp_path):
    """Each commented choice is taken, most of them at once: nobody says that it is unknown or wrong."""
    contradicting = ("console=", "quiet", "debug", "ip=dhcp", "panic=", "bridge=", "route=192", "xdp=", "e1000.polling", "qdisc=eth1",
                     "watchdog=", "acpi=off", "clocksource=", "intx=ioapic")
    choices = [line[1:] for line in (ROOT / "boot/stick/skiff.cfg").read_text().splitlines() if re.match(r"#[a-z0-9._]+(=|$)", line)]
    assert len(choices) > 20
    chosen = [c for c in choices if not c.startswith(contradicting)]
    (tmp_path / "skiff.cfg").write_text("\n".join(chosen))
    m = boot(append="xdp=eth0:1,6_0_0_1", extra=["-initrd", tmp_path / "skiff.cfg"], taps=("tap0",))
    m.wait_log(r"skiff.cfg line 1: ")
    m.wait_log(r"httpd: serving")
    wrong = [l for l in m.log().splitlines() if re.search(r"nobody knows|is left out|no setting|does not fit|not a whole number", l)]
    assert not wrong, wrong


@pytest.mark.parametrize("firmware, name", [("BIOS", "USB stick"), ("UEFI", "CD")])
def test_address_site_and_rules_changed_on_the_stick_count_at_the_next_start(boot, stick, tmp_path, firmware, name):
    site = Site(tmp_path, [777])
    text = stick.fat.read("skiff.cfg").decode()
    stick.fat.write("skiff.cfg", text + f"ip={IP[3:].replace(GUEST, OTHER)}\r\n")
    stick.fat.write("site.tar", site.archive.read_bytes())
    stick.fat.write("iptables.rules", "*filter\r\n-A INPUT -p icmp -j DROP\r\nCOMMIT\r\n")
    m = boot_from(boot, firmware, name, stick.path).wait_http(OTHER, BOOT_SECONDS)
    assert get("/f777.bin", OTHER)[2] == site.files["f777.bin"]
    assert sh("ping", "-c", "2", "-W", "2", OTHER, check=False).returncode == 1
    assert "started by multiboot 2" in m.log()


def test_the_untouched_image_shows_the_start_page_and_asks_dhcp(boot, plain_image):
    m = boot_from(boot, "BIOS", "CD", plain_image)
    m.wait_log(r"httpd: serving the start page", BOOT_SECONDS)
    m.wait_log(r"skiff\.cfg: nothing is chosen")
    assert "skiff.cfg line" not in m.log() and "iptables" not in m.log()


def test_a_site_folder_and_words_are_put_on_the_image(boot, tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("<p>from a folder")
    image = make_image(tmp_path / "skiff.iso", folder, IP)
    boot_from(boot, "BIOS", "hard disk", image).wait_http(timeout=BOOT_SECONDS)
    assert get("/a.html")[2] == b"<p>from a folder"


def test_an_image_with_much_room_boots_too(boot, small_site, tmp_path):
    """Above 32 MiB the catalogue of a CD has no number for the size of the FAT file system."""
    image = make_image(tmp_path / "skiff.iso", small_site.archive, IP, FREE="40")
    assert 40 << 20 <= image.stat().st_size <= 46 << 20
    boot_from(boot, "UEFI", "CD", image).wait_http(timeout=BOOT_SECONDS)
    assert get("/f1000.bin")[2] == small_site.files["f1000.bin"]


def test_a_wrong_skiff_cfg_gets_a_sentence_and_the_rest_of_it_counts(boot, stick):
    stick.fat.write("skiff.cfg", f"\xef\xbb\xbf{IP}\r\nroute = 1.2.3.4\r\nnonsense\r\nquiet \"\r\n".encode("latin-1"))
    m = boot_from(boot, "BIOS", "USB stick", stick.path).wait_http(timeout=BOOT_SECONDS)
    m.wait_log(r'skiff\.cfg line 2 is left out: there is a blank beside "="')
    m.wait_log(r"skiff\.cfg line 4 is left out: a quote is not closed")
    m.wait_log(r'skiff\.cfg line 3: nobody knows "nonsense"')


def test_wrong_rules_on_the_stick_close_the_machine(boot, stick):
    stick.fat.write("skiff.cfg", IP)
    stick.fat.write("iptables.rules", "*filter\n-A INPUT -j WRONG\nCOMMIT\n")
    m = boot_from(boot, "BIOS", "CD", stick.path)
    m.wait_log(r"iptables\.rules: .*line 2", BOOT_SECONDS)
    m.wait_log(r"The firewall is closed")
    m.wait_log(r"httpd: serving")
    assert sh("ping", "-c", "1", "-W", "1", GUEST, check=False).returncode == 1


def test_empty_rules_on_the_stick_count_as_none_and_those_of_the_archive_hold(boot, stick, tmp_path):
    rules = "*filter\n-A INPUT -p icmp -j DROP\nCOMMIT\n"
    stick.fat.write("skiff.cfg", IP)
    stick.fat.write("site.tar", archive(tmp_path, **{"etc/iptables.rules": rules}).read_bytes())
    stick.fat.write("iptables.rules", "")
    m = boot_from(boot, "BIOS", "CD", stick.path).wait_http(timeout=BOOT_SECONDS)
    m.wait_log(r"iptables\.rules is empty: it counts as if it were not there")
    assert sh("ping", "-c", "1", "-W", "1", GUEST, check=False).returncode == 1
    assert "nobody knows" not in m.log() and "site.tar is empty" not in m.log()


def test_without_its_settings_the_machine_starts_all_the_same(boot, stick):
    for name in ("skiff.cfg", "site.tar", "README.TXT"):
        sh("mdel", "-i", stick.fat.drive, f"::{name}")
    m = boot_from(boot, "BIOS", "USB stick", stick.path)
    m.wait_log(r"httpd: serving the start page", BOOT_SECONDS)


def choose(machine, downs):
    """In the boot menu, which waits."""
    machine.wait_log(r"Use the .* keys", BOOT_SECONDS)
    for _ in range(downs):
        machine.monitor("sendkey down")
        time.sleep(0.3)
    machine.monitor("sendkey ret")


@pytest.mark.parametrize("downs, word, pattern", [
    (1, "debug", "started by"),
    (2, "e1000.polling=1 noapic pci=nomsi", r"eth0: interrupts of the card .* are not wanted .*polling it every millisecond"),
])
def test_the_menu_offers_verbose_and_polling(boot, stick, downs, word, pattern):
    stick.fat.write("skiff.cfg", f"{IP} quiet e1000.polling=0")
    menu = stick.fat.read("boot/grub.cfg")
    assert b"set timeout=1" in menu
    stick.fat.write("boot/grub.cfg", menu.replace(b"set timeout=1", b"set timeout=-1"))
    m = boot_from(boot, "BIOS", "USB stick", stick.path)
    choose(m, downs)
    m.wait_log(rf'started by multiboot 2: ".*{re.escape(word)}', BOOT_SECONDS)
    m.wait_log(pattern)
    m.wait_http(timeout=60)
    assert get("/")[0] == 200


def crc(data):
    return binascii.crc32(data) & 0xffffffff


def old_disk(path, size):
    """A disk with a GPT and its copy at the end: one partition, over all of it."""
    last = size // 512 - 1
    entry = bytes.fromhex("a2a0d0ebe5b9334487c068b6b72699c7") + bytes(range(16)) + struct.pack("<QQQ", 34, last - 34, 0) + "old".encode("utf-16-le")
    entries = entry.ljust(128, b"\0") + bytes(127 * 128)

    def header(at, other, table):
        def pack(checksum):
            return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, checksum, 0, at, other, 34, last - 34, bytes(16), table,
                               128, 128, crc(entries))
        return pack(crc(pack(0))).ljust(512, b"\0")

    mbr = bytearray(512)
    mbr[446:462] = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1, last)
    mbr[510:] = b"\x55\xaa"
    with open(path, "wb") as f:
        f.write(mbr + header(1, last, 2) + entries)
        f.seek(size - 33 * 512)
        f.write(entries + header(last, 1, last - 32))
    return path


@pytest.mark.parametrize("firmware", ["BIOS", "UEFI"])
def test_boots_from_a_disk_that_had_another_table_of_partitions(boot, stick, tmp_path, firmware):
    stick.fat.write("skiff.cfg", IP)
    disk = old_disk(tmp_path / "disk.img", 64 << 20)
    sh("dd", f"if={stick.path}", f"of={disk}", "bs=1M", "conv=notrunc")
    boot_from(boot, firmware, "USB stick", disk).wait_http(timeout=BOOT_SECONDS)
    assert get("/")[0] == 200


def test_the_same_sources_give_the_same_bytes(tmp_path):
    """From a copy in another folder, compiled anew, at another time, in another time zone."""
    tree = tmp_path / "another folder"
    for file in sh("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).stdout.splitlines():
        if (ROOT / file).is_file():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, tree / file)
    first = make_image(tmp_path / "skiff.iso", SOURCE_DATE_EPOCH="1700000000")
    written = time.time()
    sh("make", "-j2", "usb", cwd=tree, timeout=1800,
       env={"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1700000000"})
    assert time.time() - written > 2, "FAT would take this for the same time"
    assert (tree / "build/skiff.iso").read_bytes() == first.read_bytes()


def test_an_image_has_the_date_it_is_given(tmp_path):
    images = [make_image(tmp_path / name, SOURCE_DATE_EPOCH=date) for name, date in (("a", "1700000000"), ("b", "1700000100"))]
    assert images[0].read_bytes() != images[1].read_bytes()
