"""The screen as a person in front of the machine sees it, read back from what QEMU shows, and the keyboard."""
import functools
import re
import time

from conftest import ROOT

CELL_WIDTH, CELL_HEIGHT, TOP_MARGIN = 8, 16, 2
BLOCK = "\u2588"  # of the large letters
ROWS_OF_LARGE = 5

NAMES = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", ".": "dot", ",": "comma", "/": "slash", ";": "semicolon",
         "'": "apostrophe", "\\": "backslash", "[": "bracket_left", "]": "bracket_right"}


@functools.cache
def font():
    """The character of each cell of dots, as the kernel's sources have them."""
    source = (ROOT / "drivers/video/font.c").read_text()
    cells = {(0,) * CELL_HEIGHT: " ", (0xff,) * CELL_HEIGHT: BLOCK}
    for name, body in re.findall(r"\['(\\?.)' - FONT_FIRST\] = \{(.*?)\}", source, re.S):
        rows = [int(bits, 2) << 1 for bits in re.findall(r"0b([01]{7})", body)]
        cell = [0] * TOP_MARGIN + rows
        cells[tuple(cell + [0] * (CELL_HEIGHT - len(cell)))] = name[-1]
    assert len(cells) == 94 + 2, "each character has dots of its own"
    return cells


def read_picture(path):
    """The lines of text in a PPM file; "?" for what is no letter. Dots may be doubled."""
    magic, size, _, dots = path.read_bytes().split(b"\n", 3)
    assert magic == b"P6"
    width, height = map(int, size.split())
    scale = 2 if width >= 1600 and height >= 1000 else 1
    red = dots[::3]
    lit = red.translate(bytes([*[0] * 64, *[1] * 192]))
    lines = []
    for top in range(0, height - CELL_HEIGHT * scale + 1, CELL_HEIGHT * scale):
        rows = [lit[(top + y * scale) * width:(top + y * scale + 1) * width:scale] for y in range(CELL_HEIGHT)]
        line = ""
        for left in range(0, width // scale - CELL_WIDTH + 1, CELL_WIDTH):
            cell = [int.from_bytes(row[left:left + CELL_WIDTH], "big") for row in rows]
            cell = [sum((value >> 8 * bit & 1) << bit for bit in range(8)) if value else 0 for value in cell]
            line += font().get(tuple(cell)) or font().get((*cell[:-1], 0), "?")  # the cursor: its lowest row
        lines.append(line.rstrip())
    return lines


class Person:
    """Eyes and fingers. `graphics`: the screen is dots, else 80x25 characters at 0xb8000."""

    def __init__(self, machine, graphics=None):
        self.machine, self.graphics = machine, graphics

    def lines(self):
        if not self.graphics:
            return self.machine.screen()
        path = self.graphics / "picture.ppm"
        self.machine.monitor(f"screendump {path}")
        return read_picture(path)

    def wait(self, pattern, timeout=60):
        """The match of a regular expression in what is on the screen now, once there is one."""
        end = time.monotonic() + timeout
        while True:
            text = "\n".join(self.lines()) + "\n"
            match = re.search(pattern, text, re.M)
            if match:
                return match
            if time.monotonic() > end or self.machine.process.poll() is not None:
                raise AssertionError(f"{pattern!r} is not on the screen:\n{text}\nthe log:\n{self.machine.log()}")
            time.sleep(0.1)

    def large(self):
        """What stands on the screen in large letters, as rows of blocks and blanks."""
        lines = self.lines()[1:1 + ROWS_OF_LARGE]
        return [re.sub(f"[^{BLOCK}]", " ", line).rstrip() for line in lines]

    def key(self, *names):
        """Keys one after another; "ctrl-c" is both at once."""
        for name in names:
            self.machine.monitor(f"sendkey {name} 20")
            time.sleep(0.05)  # a person's pace: the controller has room for few

    def type(self, text):
        for c in text:
            self.key("shift-" + c.lower() if c.isupper() else NAMES.get(c, c))


LARGE = {
    "0": ("1111", "1001", "1001", "1001", "1111"), "1": ("11", "01", "01", "01", "01"),
    "2": ("1111", "0001", "1111", "1000", "1111"), "7": ("1111", "0001", "0010", "0100", "0100"),
    "9": ("1111", "1001", "1111", "0001", "1111"), ".": ("0", "0", "0", "0", "1"),
}


def large(text):
    """An address as it ought to stand there: two columns from the left, one between letters."""
    rows = ["  " + "0".join(LARGE[c][row] for c in text) for row in range(ROWS_OF_LARGE)]
    return [row.replace("0", " ").replace("1", BLOCK).rstrip() for row in rows]
