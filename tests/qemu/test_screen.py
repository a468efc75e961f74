"""What a person in front of the machine sees and types: the picture is read back, the keys are pressed by QEMU."""
import pathlib
import re
import time

import pytest

from conftest import GUEST, HOST, IP, KERNEL, get, sh
from screen import Person, large

PROMPT, ALONE = r"^skiff# ", r"^skiff#$"
OVMF = pathlib.Path("/usr/share/ovmf/OVMF.fd")
EFI_MODULES = pathlib.Path("/usr/lib/grub/x86_64-efi")
VGA = ("-device", "VGA")
GRUB_MENU = """insmod all_video
set timeout=0
menuentry "Skiff" {
    multiboot2 /skiff.elf %s
}
"""


@pytest.fixture(scope="session")
def grub_cd(tmp_path_factory):
    """GRUB with a screen of dots, under BIOS as under UEFI."""
    folder = tmp_path_factory.mktemp("grub")
    (folder / "cd/boot/grub").mkdir(parents=True)
    (folder / "cd/boot/grub/grub.cfg").write_text(GRUB_MENU % IP)
    (folder / "cd/skiff.elf").write_bytes(KERNEL.read_bytes())
    sh("grub-mkrescue", "-o", folder / "cd.iso", folder / "cd", timeout=120)
    return folder / "cd.iso"


@pytest.fixture(params=["text", "framebuffer", "framebuffer under UEFI"])
def person(request, boot, tmp_path):
    """Somebody in front of a machine that serves, by each kind of screen."""
    if request.param == "text":
        yield Person(boot(extra=VGA).wait_http())
        return
    words = ["-cdrom", request.getfixturevalue("grub_cd")]
    if "UEFI" in request.param:
        if not (OVMF.exists() and EFI_MODULES.exists()):
            pytest.skip("UEFI: needs the packages ovmf and grub-efi-amd64-bin")
        words += ["-bios", OVMF]
    yield Person(boot(boot=words, mem="128M", extra=VGA).wait_http(timeout=120), graphics=tmp_path)


@pytest.fixture
def at_text(boot):
    """The same by the text screen alone, which boots soonest."""
    person = Person(boot(extra=VGA).wait_http())
    person.wait(r"press Enter for a command line")
    person.key("ret")
    person.wait(ALONE)
    return person


def test_the_address_stands_in_large_letters_above_the_log(person):
    person.wait(rf"^  http://{re.escape(GUEST)}/   eth0$")
    person.wait(r"^\[ *\d+\.\d+\] tty0: press Enter for a command line$")
    assert person.large() == large(GUEST)
    person.type("\nuptime\n")
    person.wait(PROMPT + r"uptime\n \d\d:\d\d:\d\d up \d+ s\n")
    person.key("f12")
    person.wait(r"^Skiff   0\.1, up 0 days(?s:.*)^Log     .*\n(?s:.*)" + ALONE)
    assert not re.search(r"^  http://", "\n".join(person.lines()), re.M)


def test_help_and_history_and_ctrl_c(at_text):
    at_text.type("help\n")
    at_text.wait(r"^  uptime  (?s:.*)" + ALONE)
    at_text.type("upXtime")
    at_text.key("left", "left", "left", "left", "backspace", "end", "ret")
    at_text.wait(PROMPT + r"uptime\n \d\d:\d\d:\d\d up ")
    at_text.type("free\n")
    at_text.wait(r"^Mem: +\d+ ")
    at_text.key("up", "up", "ret")
    at_text.wait(r"^Mem: (?s:.*)" + PROMPT + r"uptime\n \d\d:\d\d:\d\d up (?s:.*)" + ALONE)
    at_text.type(f"ping {HOST}\n")
    at_text.wait(r"icmp_seq=2 ttl=64")
    at_text.key("ctrl-c")
    at_text.wait(r"^\^C\n\n--- (?s:.*) 0% packet loss(?s:.*)" + ALONE)


def test_page_up_shows_what_has_gone_by_and_a_key_comes_back(at_text):
    at_text.type("nstat -az\n")
    at_text.wait(r"^drop\.\w+ +\d+ +0\.0\n" + ALONE)
    last = at_text.lines()
    at_text.key("pgup")
    at_text.wait(r"(?s)\A(?!.*^skiff#$)")
    at_text.key("pgup", "pgup")
    assert f"http://{GUEST}/" in at_text.wait(r"^  http://.*$")[0]
    at_text.key("pgdn", "pgdn", "pgdn")
    at_text.wait(rf"^{re.escape(last[-2])}\n" + ALONE)
    at_text.key("pgup")
    at_text.type("uptime\n")
    at_text.wait(r" up \d+ (s|min)\n" + ALONE)


def test_f12_gives_the_whole_screen_to_the_report(at_text):
    at_text.type("half a line")
    at_text.key("f12")
    at_text.wait(r"^skiff# report\nSkiff   0\.1, up 0 days")
    text = at_text.wait(r"(?s)^CPU     QEMU (.*)^Log     .*" + ALONE)[1]
    assert re.search(r"^Boot    multiboot 1, screen: text, modules: 0$", text, re.M)
    assert re.search(rf"^Words   {re.escape(IP)}$", text, re.M)
    assert re.search(r"^PCI     00:0\d\.0 network card: Intel 82540EM \[8086:100e\] \(rev 03\) driver: e1000$", text, re.M)
    assert re.search(rf"^eth0    link 1000 Mb/s full duplex, [0-9a-f:]+, {re.escape(GUEST)}/24$", text, re.M)
    assert re.search(rf"^Route   default via {re.escape(HOST)} dev eth0, neighbours: ", text, re.M)
    assert not re.search(r"^  http://", "\n".join(at_text.lines()), re.M)
    at_text.key("ret")
    at_text.wait(rf"^  http://{re.escape(GUEST)}/   eth0$")


def test_ctrl_alt_del_starts_anew(boot):
    person = Person(boot(extra=(*VGA, "-action", "reboot=reset")).wait_http())
    person.key("ctrl-alt-delete")
    person.machine.wait_log(r"Ctrl-Alt-Del: starting anew(?s:.*)started by(?s:.*)httpd: serving", timeout=60)


def test_the_german_layout(boot):
    person = Person(boot(append=f"{IP} keymap=de", extra=VGA).wait_http())
    person.wait(r"press Enter for a command line")
    person.key("ret")
    person.key("y", "z", "shift-7", "slash", "alt_r-7", "alt_r-0", "alt_r-less", "shift-less", "less", "shift-slash", "shift-minus")
    person.wait(PROMPT + re.escape("zy/-{}|><_?") + "$")


def test_a_keymap_that_does_not_exist_is_named(boot):
    boot(append=f"{IP} keymap=klingon").wait_log(r"there is no keymap=klingon; there are us, de")


def test_without_a_keyboard_controller_there_is_still_the_serial_line(boot):
    m = boot(board="pc,i8042=off", extra=VGA).wait_http()
    m.wait_log(r"ttyS0: press Enter for a command line")
    Person(m).wait(rf"^  http://{re.escape(GUEST)}/   eth0$")
    assert "tty0: press Enter" not in m.log()


def test_without_a_card_it_is_said_which_ones_were_seen_and_the_console_works(boot):
    person = Person(boot(append="", taps=(), extra=(*VGA, "-device", "i82551,romfile=")))
    person.machine.wait_log(r"No network card that Skiff drives was found\..*\n.*8086:1209 network card, Intel 8255x \(e100\): no driver")
    person.wait(r"\A\n  No network card that Skiff drives: see the log, or lspci$")
    person.type("\nlspci\n")
    person.wait(PROMPT + r"lspci\n(?s:.*)\[8086:1209\](?s:.*)" + ALONE)
    person.key("f12")
    person.wait(r"^PCI     00:0\d\.0 network card: Intel 8255x \(e100\) \[8086:1209\](?s:.*)^Cards   none that Skiff drives$")


def test_without_any_card_that_is_said(boot):
    boot(append="", taps=()).wait_log(r"no other network card is on the bus either(?s:.*)press Enter for a command line")


@pytest.mark.parametrize("vga", [(), VGA, ("-device", "cirrus-vga"), ("-device", "VGA", "-device", "usb-ehci")])
def test_serves_with_any_screen_or_none(boot, vga):
    boot(extra=vga).wait_http()


def test_a_flood_of_lines_on_the_screen_does_not_stop_the_network(boot, grub_cd, tmp_path):
    """Long answers scroll by on a screen of dots, and each request meanwhile is answered."""
    person = Person(boot(boot=["-cdrom", grub_cd], mem="128M", extra=VGA).wait_http(timeout=120), graphics=tmp_path)
    person.wait(r"press Enter for a command line")
    person.key("ret")
    person.type("nstat -az\n")
    served, end = 0, time.monotonic() + 5
    while time.monotonic() < end:
        if served % 5 == 0:
            person.key("up", "ret")
        assert get("/", timeout=5)[0] == 200
        served += 1
    assert served > 20
    person.wait(ALONE)
