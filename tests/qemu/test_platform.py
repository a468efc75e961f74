"""The board underneath: which way interrupts come, on boards that differ and with ways cut off, and that they do come."""
import re
import time

import pytest

from conftest import GUEST, IP, add_tap, get, sh
from test_console import PROMPT, Line


@pytest.fixture
def console(boot, tmp_path):
    """console(**options): a machine with a command line on its serial port."""
    lines = []

    def start(**options):
        lines.append(Line(boot, tmp_path, **options))
        line = lines[-1]
        line.expect(r"httpd: serving.*\n")
        line.expect(r"ttyS0: press Enter for a command line\n")
        line.type("\r")
        line.expect(PROMPT)
        return line

    yield start
    for line in lines:
        line.socket.close()


def interrupts(line):
    """What `interrupts` shows: {name: (number or word, count, chip)}."""
    found = {}
    for number, count, rest in re.findall(r"^ *(\w+): +(\d+)  (.*)$", line.run("interrupts"), re.M):
        chip, _, names = rest.partition(" ")
        for name in names.strip().split(", ") if number.isdigit() else [number]:
            found[name] = (number, int(count), chip)
    return found


def counts_while_serving(line, name, size):
    """Its chip; the count of its line has grown by pages that came with pauses between them."""
    before = interrupts(line).get(name)
    assert before, line.run("interrupts")
    for _ in range(5):
        assert len(get("/f1000.bin")[2]) == size
        time.sleep(0.05)
    number, count, chip = interrupts(line)[name]
    assert count > before[1]
    return chip


INTX_IOAPIC, INTX_8259, MSI = r"irq \d+, INTx through IO-APIC", r"irq \d+, INTx through 8259", r"irq \d+, MSI\n"
WAYS = [  # board, card, words on the command line, what the driver says, the controller its line is listed with
    ("pc", "e1000", "", INTX_IOAPIC, "IO-APIC"),
    ("pc", "e1000", "acpi=off", INTX_8259, "8259"),
    ("pc", "e1000", "intx=8259", INTX_8259, "8259"),
    ("pc", "e1000e", "", MSI, "PCI-MSI"),
    ("q35", "e1000", "", INTX_IOAPIC, "IO-APIC"),
    ("q35", "e1000", "noapic", INTX_8259, "8259"),
    ("q35", "e1000", "intx=8259", INTX_8259, "8259"),
    ("q35", "e1000e", "noapic", MSI, "PCI-MSI"),
    ("q35", "e1000e", "pci=nomsi", INTX_IOAPIC, "IO-APIC"),
    ("q35", "e1000e", "pci=nomsi noapic", INTX_8259, "8259"),
]


@pytest.mark.parametrize("board, nic, words, says, chip", WAYS, ids=[" ".join(way[:3]).strip() for way in WAYS])
def test_interrupts_come_by_each_way_and_are_counted(console, small_site, board, nic, words, says, chip):
    line = console(board=board, nic=nic, site=small_site.archive, append=f"{IP} {words}")
    assert re.search(says, line.run("dmesg"))
    assert counts_while_serving(line, "eth0", 1000) == chip
    assert "polling it" not in line.run("dmesg")


def test_a_pin_that_comes_out_elsewhere_is_found(console, small_site):
    """q35 has its pins at inputs 16 to 23 too, as PCs have them; firmware does not tell which is whose."""
    line = console(board="q35", site=small_site.archive, append=f"{IP} intx=ioapic")
    log = line.run("dmesg")
    number = re.search(r"eth0: irq (\d+), INTx through IO-APIC", log)[1]
    assert 16 <= int(number) <= 23
    assert len(re.findall(r"no interrupt comes by INTx, irq \d+", log)) == int(number) - 16
    assert counts_while_serving(line, "eth0", 1000) == "IO-APIC"


def test_a_pin_that_comes_out_nowhere_is_polled_for(console, small_site):
    line = console(board="pc", site=small_site.archive, append=f"{IP} intx=ioapic")  # it has none at these inputs
    assert "polling it every millisecond" in line.run("dmesg")
    assert len(get("/f1000.bin")[2]) == 1000
    assert "eth0" not in interrupts(line)


def test_two_cards_share_what_their_pins_share(console, small_site):
    add_tap("tap1", "10.79.1.1/24")
    try:
        line = console(board="q35", site=small_site.archive, taps=("tap0", "tap1"),
                       append=f"{IP} ip=10.79.1.2:::255.255.255.0::eth1:off noapic")
        for address in (GUEST, "10.79.1.2"):
            line.machine.wait_http(address)
            assert len(get("/f1000.bin", address)[2]) == 1000
        assert {"eth0", "eth1"} <= interrupts(line).keys()
    finally:
        sh("ip", "link", "del", "tap1")


@pytest.mark.parametrize("cpu, says", [
    ("max", r"interrupts: local APIC.* I/O APIC with 24 inputs"),
    ("qemu64,+x2apic", r"interrupts: local APIC.* I/O APIC with 24 inputs"),
    ("qemu64,-apic", r"interrupts: 8259 \(this CPU has no local APIC"),
])
def test_other_processors_interrupt_too(console, small_site, cpu, says):
    line = console(cpu=cpu, site=small_site.archive)
    assert re.search(says, line.run("dmesg"))
    counts_while_serving(line, "eth0", 1000)


def test_keys_and_the_timer_come_by_the_io_apic(console):
    line = console(board="q35")
    before = interrupts(line)
    end = time.monotonic() + 30
    while not interrupts(line)["LOC"][1]:  # the card is looked at every two seconds
        assert time.monotonic() < end
        time.sleep(0.2)
    after = interrupts(line)
    assert after["ttyS0"][1] > before["ttyS0"][1] and after["ttyS0"][2] == "IO-APIC"
    assert after["ERR"][1] == 0


def test_lspci_tells_of_capabilities_beyond_the_first_256_bytes_with_pcie_only(console):
    line = console(board="q35", nic="e1000e")
    shown = line.run("lspci -v")
    card = re.search(r"\[8086:10d3\].*\n((?:  .*\n)+)", shown)[1]
    assert re.search(r"Interrupt: pin A, line \d+, irq \d+ by MSI\n", card)
    assert re.search(r"Capabilities: \[d0\] MSI", card) and "Capabilities: [100] extended (0001)" in card
    assert "extended" not in line.run("lspci")


def test_cards_behind_bridges_work(console, small_site):
    line = console(board="q35", nic="e1000e", site=small_site.archive, bus=",bus=down",
                   extra=["-device", "pcie-root-port,id=root0,chassis=1", "-device", "x3130-upstream,id=up,bus=root0",
                          "-device", "xio3130-downstream,id=down,bus=up,chassis=2"])
    assert re.search(r"^03:00\.0 .*\[8086:10d3\]", line.run("lspci"), re.M)
    assert counts_while_serving(line, "eth0", 1000) == "PCI-MSI"


def test_a_card_on_a_second_root_bus_is_found(console, small_site):
    line = console(board="q35", nic="e1000e", site=small_site.archive, bus=",bus=root0",
                   extra=["-device", "pxb-pcie,id=second,bus_nr=128,bus=pcie.0",
                          "-device", "pcie-root-port,id=root0,bus=second,chassis=1"])
    assert re.search(r"^8[0-9]:00\.0 .*\[8086:10d3\]", line.run("lspci"), re.M)
    assert len(get("/f1000.bin")[2]) == 1000


def test_words_that_only_some_machines_need_are_no_mistake_on_others(boot):
    """A stick is put into another PC: what its skiff.cfg says of cards and of DHCP is not called unknown there."""
    words = f"{IP} hostname=a dhcp.probe=0 dhcp.link_local=0 mdns=0 e1000.rx=64 e1000.tx=64 e1000.polling=1 keymap=de"
    m = boot(append=f"{words} nonsense=1", taps=())
    m.wait_log(r'nobody knows "nonsense=1"')
    assert m.log().count("nobody knows") == 1


@pytest.mark.parametrize("words, idle", [(IP, ["eth1"]), (f"{IP} ip=:::::eth1:dhcp", [])], ids=["idle", "asked for"])
def test_a_second_card_that_nobody_asked_for_is_told_of(boot, words, idle):
    add_tap("tap1")
    try:
        m = boot(append=words, taps=("tap0", "tap1"))
        m.wait_log(r"httpd: serving")
        assert re.findall(r"(\w+): not in use; ip=:::::eth1:dhcp would", m.log()) == idle
    finally:
        sh("ip", "link", "del", "tap1")


def test_a_machine_without_a_keyboard_controller_says_so_and_serves(boot):
    m = boot(board="q35,i8042=off")
    m.wait_log("keyboard: none, ACPI says")
    m.wait_http()
