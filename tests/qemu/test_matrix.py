"""Each way to boot, under each firmware, on each board, with each card, one and two of them: it boots and is curled.

"make test" takes a diagonal, in which each value stands at least once; "make test-matrix" (SKIFF_MATRIX=full) all cells.
"""
import os
import shutil

import pytest

from conftest import GUEST, IP, add_tap, get, sh
from image import BOOT_SECONDS, MEM, make_image, medium

WAYS = ["-kernel", "CD", "USB stick"]
FIRMWARES = ["BIOS", "UEFI"]
BOARDS = ["pc", "q35"]
CARDS = ["e1000", "e1000-82544gc", "e1000-82545em", "e1000e"]
COUNTS = [1, 2]
SECOND = "10.79.1.2"
WORDS = f"{IP} ip={SECOND}:::255.255.255.0::eth1:off"

FULL = [(way, firmware, board, card, count) for way in WAYS for firmware in FIRMWARES for board in BOARDS for card in CARDS
        for count in COUNTS if (way, firmware) != ("-kernel", "UEFI")]  # QEMU's own loader of kernels is a BIOS's


def diagonal():
    """The first of each way and firmware, stepping on through boards, cards and counts."""
    starts = list(dict.fromkeys(cell[:2] for cell in FULL))
    rounds = max(len(starts), len(CARDS))
    return [(*starts[i % len(starts)], BOARDS[(i + i // 3) % 2], CARDS[i % len(CARDS)], COUNTS[(i + i // 2) % 2]) for i in range(rounds)]


CELLS = FULL if os.environ.get("SKIFF_MATRIX") == "full" else diagonal()


@pytest.fixture(scope="session")
def image(small_site, tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("matrix") / "skiff.iso", small_site.archive, WORDS)


@pytest.mark.parametrize("way, firmware, board, card, count", CELLS)
def test_matrix_boots_and_is_curled(boot, image, small_site, tmp_path, way, firmware, board, card, count):
    if way == "-kernel":
        options = {"append": WORDS, "site": small_site.archive}
    else:
        options = {"boot": medium(firmware, way, shutil.copy(image, tmp_path / "skiff.iso"))}
    taps = ("tap0", "tap1")[:count]
    if count == 2:
        add_tap("tap1", "10.79.1.1/24")
    try:
        m = boot(board=board, nic=card, taps=taps, mem=MEM, **options)
        for address in (GUEST, SECOND)[:count]:
            m.wait_http(address, BOOT_SECONDS)
            assert get("/f1000.bin", address)[2] == small_site.files["f1000.bin"]
    finally:
        if count == 2:
            sh("ip", "link", "del", "tap1")


def test_matrix_has_each_value_on_its_diagonal():
    for values, axis in ((WAYS, 0), (FIRMWARES, 1), (BOARDS, 2), (CARDS, 3), (COUNTS, 4)):
        assert set(values) == {cell[axis] for cell in diagonal()}
