/*
 * vga_text.c - 80x25 characters at 0xb8000: the kernel log on the screen.
 *
 * The screen shows 25 lines of a memory that holds 204. Scrolling moves the window one line down (the
 * CRTC's start address), which costs one line's writes instead of a screenful; each of them is slow, on
 * a bus or in an emulator. Only at the end of the memory the screen is copied back to its beginning.
 */
#include "drivers/video/vga_text.h"

#include "kernel/log.h"
#include "kernel/x86/io.h"

#define VGA_TEXT_BASE 0xb8000
#define VGA_TEXT_SIZE 0x8000
#define COLUMNS       80
#define ROWS          25
#define LINES_HELD    (VGA_TEXT_SIZE / 2 / COLUMNS)
#define BLANK         0x0720 /* a space, light grey on black */
#define ATTRIBUTE     0x0700
#define TAB_WIDTH     8

#define CRTC_INDEX       0x3d4
#define CRTC_DATA        0x3d5
#define CRTC_START_HIGH  0x0c
#define CRTC_CURSOR_HIGH 0x0e

/* A line is written whole, four cells at a time: the number of accesses is what counts. */
union row {
    uint16_t cells[COLUMNS];
    uint64_t words[COLUMNS / 4];
};

static struct {
    volatile union row *rows;
    union row row;         /* content of the line being written */
    unsigned top;          /* line of the memory shown first */
    unsigned line, column; /* where the next character goes; `line` counts from the memory's beginning */
    bool at_end;           /* a newline is due before the next character */
} vga;

/* A 16-bit CRTC register is a pair: high byte first, low byte behind. */
static void crtc_write(uint8_t reg, unsigned v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, (uint8_t)(v >> 8));
    outb(CRTC_INDEX, reg + 1);
    outb(CRTC_DATA, (uint8_t)v);
}

static void row_show(unsigned line)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vga.row.words); i++)
        vga.rows[line].words[i] = vga.row.words[i];
}

static void row_clear(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(vga.row.words); i++)
        vga.row.words[i] = BLANK * 0x0001000100010001ull;
}

static void back_to_beginning(void)
{
    for (unsigned line = 0; line < ROWS - 1; line++)
        for (unsigned i = 0; i < ARRAY_SIZE(vga.row.words); i++)
            vga.rows[line].words[i] = vga.rows[vga.line - (ROWS - 1) + line].words[i];
    vga.line = ROWS - 1;
    vga.top = 0;
}

static void new_line(void)
{
    row_show(vga.line);
    row_clear();
    vga.at_end = false;
    vga.column = 0;
    if (++vga.line == LINES_HELD)
        back_to_beginning();
    if (vga.line >= vga.top + ROWS)
        vga.top = vga.line - (ROWS - 1);
}

static void put_char(char c)
{
    if (vga.at_end || vga.column >= COLUMNS)
        new_line();
    if (c == '\n')
        vga.at_end = true;
    else if (c == '\t')
        vga.column = (vga.column + TAB_WIDTH) & ~(TAB_WIDTH - 1u);
    else
        vga.row.cells[vga.column++] = (uint16_t)(ATTRIBUTE | (c >= ' ' && c <= '~' ? (uint8_t)c : '.'));
}

static void vga_write(struct console *self, const char *text, size_t len)
{
    unsigned top = vga.top;
    for (size_t i = 0; i < len; i++)
        put_char(text[i]);
    row_show(vga.line);
    if (vga.top != top)
        crtc_write(CRTC_START_HIGH, vga.top * COLUMNS);
    crtc_write(CRTC_CURSOR_HIGH, vga.line * COLUMNS + min(vga.column, COLUMNS - 1u));
}

/* Without a graphics card nothing keeps what is written. */
static bool vga_probe(void)
{
    const uint64_t pattern = 0x5aa5a55a12345678;
    vga.rows[0].words[0] = pattern;
    vga.rows[0].words[1] = ~pattern;
    return vga.rows[0].words[0] == pattern && vga.rows[0].words[1] == ~pattern;
}

void vga_text_init(void)
{
    static struct console console = {.name = "tty0", .write = vga_write};
    if (!console_options("tty0"))
        return;
    vga.rows = ioremap(VGA_TEXT_BASE, VGA_TEXT_SIZE);
    if (!vga.rows || !vga_probe())
        return;
    row_clear();
    for (unsigned line = 0; line < ROWS; line++)
        row_show(line);
    crtc_write(CRTC_START_HIGH, 0);
    register_console(&console);
}
