/*
 * framebuffer.c - the framebuffer console: each character 8 by 16 dots, or twice that on a fine screen.
 */
#include "drivers/video/framebuffer.h"

#include <string.h>

#include "drivers/video/font.h"
#include "drivers/video/screen.h"
#include "kernel/log.h"
#include "kernel/x86/io.h"

#define CELL_WIDTH  8
#define CELL_HEIGHT 16
#define TOP_MARGIN  2    /* of a letter in its cell */
#define FINE_WIDTH  1600 /* from here on dots are doubled, to stay legible */
#define FINE_HEIGHT 1000
#define SCALE_MAX   2

static struct {
    volatile uint8_t *base;
    unsigned pitch, bytes, scale;
    uint32_t ink, paper; /* as dots are stored */
} fb;

/* A colour, 0 to 255 each, as a dot of this format. */
static uint32_t dot(const struct boot_framebuffer *b, unsigned red, unsigned green, unsigned blue)
{
    return (uint32_t)(red >> (8 - b->red_bits)) << b->red_shift |
           (uint32_t)(green >> (8 - b->green_bits)) << b->green_shift |
           (uint32_t)(blue >> (8 - b->blue_bits)) << b->blue_shift;
}

/* The dots of one row of a letter, the leftmost in bit 7. */
static uint8_t letter_row(uint8_t c, unsigned row)
{
    if (c == SCREEN_BLOCK)
        return 0xff;
    if (c < FONT_FIRST || c > FONT_LAST || row < TOP_MARGIN || row >= TOP_MARGIN + FONT_ROWS)
        return 0;
    return (uint8_t)(font[c - FONT_FIRST][row - TOP_MARGIN] << 1);
}

/* One line of dots of several letters, made in memory and written in eights: accesses are what counts. */
static void draw_dots(volatile uint8_t *to, const uint8_t *text, unsigned count, unsigned row)
{
    static uint8_t line[SCREEN_COLUMNS_MAX * CELL_WIDTH * SCALE_MAX * 4 + 8];
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        uint8_t bits = letter_row(text[i], row);
        for (unsigned x = 0; x < CELL_WIDTH * fb.scale; x++) {
            uint32_t d = bits & (0x80u >> x / fb.scale) ? fb.ink : fb.paper;
            memcpy(line + len, &d, sizeof(d)); /* what is too much is overwritten by the next */
            len += fb.bytes;
        }
    }
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word;
        memcpy(&word, line + at, sizeof(word));
        *(volatile uint64_t *)(to + at) = word;
    }
}

static volatile uint8_t *cell_at(unsigned row, unsigned column)
{
    unsigned cell_bytes = CELL_WIDTH * fb.scale * fb.bytes; /* a multiple of eight */
    return fb.base + (size_t)row * CELL_HEIGHT * fb.scale * fb.pitch + column * cell_bytes;
}

static void framebuffer_draw(unsigned row, unsigned column, const uint8_t *text, unsigned count)
{
    volatile uint8_t *to = cell_at(row, column);
    for (unsigned y = 0; y < CELL_HEIGHT * fb.scale; y++, to += fb.pitch)
        draw_dots(to, text, count, y / fb.scale);
}

/* A line of ink under the letter. */
static void framebuffer_cursor(unsigned row, unsigned column)
{
    static const uint8_t block = SCREEN_BLOCK;
    volatile uint8_t *to = cell_at(row, column) + (size_t)(CELL_HEIGHT - 1) * fb.scale * fb.pitch;
    for (unsigned y = 0; y < fb.scale; y++, to += fb.pitch)
        draw_dots(to, &block, 1, 0);
}

static bool is_direct_colour(const struct boot_framebuffer *b)
{
    return b->type == BOOT_FB_RGB && (b->bits_per_pixel + 7) / 8 >= 2 && (b->bits_per_pixel + 7) / 8 <= 4 &&
           b->red_bits - 1u < 8 && b->green_bits - 1u < 8 && b->blue_bits - 1u < 8 && b->red_shift < 32 &&
           b->green_shift < 32 && b->blue_shift < 32;
}

void framebuffer_init(const struct boot_framebuffer *b)
{
    static const struct screen_ops ops = {
        .draw = framebuffer_draw, .cursor = framebuffer_cursor, .portion = 16};
    if (fb.base || !console_options("tty0"))
        return;
    if (!is_direct_colour(b) || b->width < 20 * CELL_WIDTH || b->height < 5 * CELL_HEIGHT ||
        b->pitch < (uint64_t)b->width * ((b->bits_per_pixel + 7) / 8) || b->pitch > 1u << 20 ||
        b->height > 1u << 14)
        return;
    fb.base = ioremap_wc(b->addr, (size_t)b->pitch * b->height);
    if (!fb.base)
        return;
    fb.pitch = b->pitch;
    fb.bytes = (b->bits_per_pixel + 7u) / 8;
    fb.scale = b->width >= FINE_WIDTH && b->height >= FINE_HEIGHT ? 2 : 1;
    fb.ink = dot(b, 0xd0, 0xd0, 0xd0);
    fb.paper = dot(b, 0, 0, 0);
    for (size_t at = 0; at + 8 <= (size_t)b->pitch * b->height; at += 8)
        *(volatile uint64_t *)(fb.base + at) = 0;
    screen_init(&ops, b->width / (CELL_WIDTH * fb.scale), b->height / (CELL_HEIGHT * fb.scale));
}
