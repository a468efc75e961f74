/*
 * vga_text.c - 80x25 characters at 0xb8000.
 */
#include "drivers/video/vga_text.h"

#include "drivers/video/screen.h"
#include "kernel/log.h"
#include "kernel/x86/io.h"

#define VGA_TEXT_BASE 0xb8000
#define VGA_TEXT_SIZE 0x8000
#define COLUMNS       80
#define ROWS          25
#define ATTRIBUTE     0x0700 /* light grey on black */

#define CRTC_INDEX       0x3d4
#define CRTC_DATA        0x3d5
#define CRTC_START_HIGH  0x0c
#define CRTC_CURSOR_HIGH 0x0e

static volatile uint16_t *cells;

/* A 16-bit CRTC register is a pair: high byte first, low byte behind. */
static void crtc_write(uint8_t reg, unsigned v)
{
    outb(CRTC_INDEX, reg);
    outb(CRTC_DATA, (uint8_t)(v >> 8));
    outb(CRTC_INDEX, reg + 1);
    outb(CRTC_DATA, (uint8_t)v);
}

static void vga_draw(unsigned row, unsigned column, const uint8_t *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cells[row * COLUMNS + column + i] = ATTRIBUTE | text[i];
}

static void vga_cursor(unsigned row, unsigned column)
{
    crtc_write(CRTC_CURSOR_HIGH, row * COLUMNS + column);
}

/* Without a graphics card nothing keeps what is written. */
static bool vga_probe(void)
{
    cells[0] = 0x5aa5;
    cells[1] = 0xa55a;
    return cells[0] == 0x5aa5 && cells[1] == 0xa55a;
}

void vga_text_init(void)
{
    static const struct screen_ops ops = {.draw = vga_draw, .cursor = vga_cursor, .portion = COLUMNS};
    if (!console_options("tty0"))
        return;
    cells = ioremap(VGA_TEXT_BASE, VGA_TEXT_SIZE);
    if (!cells || !vga_probe())
        return;
    for (unsigned i = 0; i < COLUMNS * ROWS; i++)
        cells[i] = ATTRIBUTE | ' ';
    crtc_write(CRTC_START_HIGH, 0);
    screen_init(&ops, COLUMNS, ROWS);
}
