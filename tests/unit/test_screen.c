/*
 * test_screen.c - the screen as a terminal: what is painted and when, scrolling, the sign; and the keyboard's
 * layouts.
 *
 * links: drivers/video/screen.c drivers/char/keymap.c
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "drivers/char/keymap.h"
#include "drivers/video/screen.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "kernel/tty.h"
#include "tests/host/host.h"

#define COLUMNS 40
#define ROWS    24
#define SIGN    8

/* What the graphics card holds. */
static uint8_t glass[ROWS][COLUMNS];
static unsigned drawn, cursor_row, cursor_column;
static unsigned cost_us; /* of drawing one portion */

static void draw(unsigned row, unsigned column, const uint8_t *text, unsigned count)
{
    assert_true(row < ROWS && column + count <= COLUMNS && count);
    memcpy(&glass[row][column], text, count);
    drawn += count;
    udelay(cost_us); /* while it draws, the clock goes on */
}

static void cursor(unsigned row, unsigned column)
{
    assert_true(row < ROWS && column < COLUMNS);
    cursor_row = row;
    cursor_column = column;
}

static const struct screen_ops ops = {.draw = draw, .cursor = cursor, .portion = 10};

static struct tty *tty(void)
{
    struct tty *tty = tty_next(NULL);
    assert_non_null(tty);
    assert_string_equal(tty->console.name, "tty0");
    return tty;
}

static int setup(void **state)
{
    memset(glass, ' ', sizeof(glass));
    cost_us = 0;
    screen_init(&ops, COLUMNS, ROWS);
    host_advance_ms(100); /* the main loop runs: from now on its timers paint */
    drawn = 0;
    return 0;
}

static int teardown(void **state)
{
    screen_exit();
    host_run();
    return 0;
}

static void print(const char *text)
{
    assert_int_equal(tty_write(tty(), text, strlen(text)), strlen(text));
}

static void assert_row(unsigned row, const char *text)
{
    char expected[COLUMNS + 1];
    snprintf(expected, sizeof(expected), "%-*s", COLUMNS, text);
    if (memcmp(glass[row], expected, COLUMNS))
        fail_msg("row %u: \"%.*s\", not \"%s\"", row, COLUMNS, (const char *)glass[row], text);
}

static void print_lines(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char line[24];
        snprintf(line, sizeof(line), "line %u\n", i);
        print(line);
    }
}

TEST("what is written is painted soon, but not by who writes it")
{
    print("hello\nthere");
    assert_int_equal(drawn, 0);
    host_advance_ms(50);
    assert_row(0, "hello");
    assert_row(1, "there");
    assert_int_equal(cursor_row, 1);
    assert_int_equal(cursor_column, 5);
}

TEST("only what differs is painted")
{
    print("hello\n");
    host_advance_ms(50);
    drawn = 0;
    print("x");
    host_advance_ms(50);
    assert_in_range(drawn, 1, 3); /* and where the cursor was */
}

TEST("a slow card is painted in portions: others have their turn after a tenth of a millisecond")
{
    cost_us = 60; /* each 10 characters */
    for (unsigned i = 0; i < ROWS; i++)
        print("0123456789012345678901234567890123456789");
    unsigned rounds = 0, before;
    do {
        before = drawn;
        host_advance_ms(1);
        assert_true(drawn - before <= 30);
        rounds += drawn != before;
    } while (drawn < ROWS * COLUMNS && rounds < 1000);
    assert_true(rounds >= ROWS * COLUMNS / 30);
    host_advance_ms(200);
    assert_row(ROWS - 1, "0123456789012345678901234567890123456789");
}

TEST("a long line goes on in the next row; tabs, backspace and carriage return move; others are dots")
{
    print("0123456789012345678901234567890123456789ab\n");
    print("a\tb\nabc\b\bX\nabc\rX\n\x01\xff");
    host_advance_ms(50);
    assert_row(0, "0123456789012345678901234567890123456789");
    assert_row(1, "ab");
    assert_row(2, "a       b");
    assert_row(3, "aXc");
    assert_row(4, "Xbc");
    assert_row(5, "..");
}

TEST("the last lines are shown; page up shows earlier ones, and a key the last ones again")
{
    print_lines(0, 100);
    host_advance_ms(200);
    assert_row(ROWS - 1, "line 99");
    assert_row(0, "line 76");
    screen_scroll(-1);
    host_advance_ms(200);
    assert_row(0, "line 53");
    screen_scroll(-100);
    host_advance_ms(200);
    assert_row(0, "line 0");
    screen_scroll(1);
    host_advance_ms(200);
    assert_row(0, "line 23");
    screen_key('x');
    host_advance_ms(200);
    assert_row(ROWS - 1, "line 99");
}

TEST("who looks back goes on seeing the same lines, until they are forgotten")
{
    print_lines(0, 100);
    screen_scroll(-1);
    host_advance_ms(200);
    assert_row(0, "line 53");
    print_lines(100, 110);
    host_advance_ms(200);
    assert_row(0, "line 53");
    print_lines(110, 3000); /* more than are kept */
    host_advance_ms(200);
    screen_scroll(0);
    host_advance_ms(200);
    assert_row(ROWS - 1, "line 2999");
    screen_scroll(-1000);
    host_advance_ms(200);
    assert_int_equal(glass[0][0], 'l');
}

TEST("the sign stands above the lines, in large letters")
{
    print_lines(0, 30);
    tty_set_sign("10.2", "http://10.2/");
    host_advance_ms(200);
    assert_row(6, "  http://10.2/");
    assert_row(ROWS - 1, "line 29");
    assert_row(SIGN, "line 14");
    assert_int_equal(glass[1][2], SCREEN_BLOCK);
    assert_int_equal(glass[5][3], SCREEN_BLOCK); /* the foot of the 1 */
    assert_int_equal(glass[2][2], ' ');
    tty_set_sign("", "no cable");
    host_advance_ms(200);
    assert_row(1, "  no cable");
    assert_row(3, "line 9");
    tty_set_sign("", "");
    host_advance_ms(200);
    assert_row(0, "line 6");
}

TEST("a page that wants the whole screen takes the sign away until the next key")
{
    print_lines(0, 30);
    tty_set_sign("10.2", "http://10.2/");
    host_advance_ms(200);
    print("\fa page\n");
    host_advance_ms(200);
    assert_row(0, "line 7");
    assert_row(ROWS - 1, "a page");
    tty_set_sign("10.3", "http://10.3/"); /* another sign waits, too */
    host_advance_ms(200);
    assert_row(0, "line 7");
    screen_key('x');
    print("x");
    host_advance_ms(200);
    assert_row(6, "  http://10.3/");
    assert_row(ROWS - 1, "x");
}

TEST("a sign too wide for the screen is cut")
{
    tty_set_sign("192.168.178.155", "0123456789012345678901234567890123456789012345");
    host_advance_ms(200);
    assert_row(6, "  01234567890123456789012345678901234567");
}

TEST("flush paints all at once, for a crash")
{
    print("the end");
    tty()->ops->flush(tty());
    assert_row(0, "the end");
}

TEST("before the main loop runs every line is painted at once, and scrolling does not cost a screenful each")
{
    screen_exit();
    memset(glass, ' ', sizeof(glass));
    screen_init(&ops, COLUMNS, ROWS);
    drawn = 0;
    for (unsigned i = 0; i < 3 * ROWS; i++) {
        char line[16];
        snprintf(line, sizeof(line), "boot %02u.......", i);
        memset(line + 7, 'a' + (int)(i % 26), 7);
        print(line);
        print("\n");
        unsigned row = 0;
        while (row < ROWS && memcmp(glass[row], line, strlen(line)))
            row++;
        assert_true(row < ROWS);
    }
    assert_true(drawn < 3 * ROWS * 16 * 3);
    host_advance_ms(200);
    assert_row(ROWS - 1, "boot 71ttttttt");
}

/* --- keys --- */

static struct keyboard_state keys;

static enum key_action key(uint8_t code, char text[8])
{
    return keymap_feed(&keys, code, text);
}

/* What a row of presses types. */
static void assert_types(const char *codes, size_t len, const char *expected)
{
    char all[64] = "", text[8];
    for (size_t i = 0; i < len; i++)
        if (key((uint8_t)codes[i], text) == KEY_TEXT)
            strncat(all, text, 8);
    assert_string_equal(all, expected);
}
#define TYPES(codes, expected) assert_types(codes, sizeof(codes) - 1, expected)

static void layout(const char *name)
{
    keys = (struct keyboard_state){.map = keymap_find(name)};
    assert_non_null(keys.map);
}

TEST("keys type what is on them, plain, with shift and with caps lock")
{
    layout("us");
    TYPES("\x02\x82\x10\x90\x1e\x2c\x39\x35\x0d", "1qaz /=");
    TYPES("\x2a\x02\x10\xaa\x36\x2c\x35\xb6\x10", "!QZ?q");
    TYPES("\x3a\xba\x10\x02\x2a\x10\xaa\x3a\xba\x10", "Q1qq");
    TYPES("\x29\x2b\x56\x28\x1a\x1b", "`\\\\'[]");
}

TEST("the German layout: y and z, umlauts' neighbours, and what AltGr gives")
{
    layout("de");
    TYPES("\x15\x2c\x35\x0d\x2a\x08\x35\xaa", "zy-'/_");
    TYPES("\xe0\x38\x10\x08\x09\x0a\x0b\x0c\x1b\x56\xe0\xb8", "@{[]}\\~|");
    TYPES("\x56\x2a\x56\xaa", "<>");
    TYPES("\x1a\x27\x28", ""); /* no ASCII on them */
}

TEST("control makes control characters, of either control key")
{
    layout("us");
    TYPES("\x1d\x2e\x9d\x2e", "\x03"
                              "c");
    TYPES("\xe0\x1d\x16\xe0\x9d", "\x15");
    TYPES("\x1d\x02\x9d", "");
}

TEST("arrows, Home, End, Delete send what a VT100 does; Enter, Tab and Backspace their characters")
{
    layout("us");
    TYPES("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4b\xe0\x4d", "\x1b[A\x1b[B\x1b[D\x1b[C");
    TYPES("\xe0\x47\xe0\x4f\xe0\x53", "\x1b[H\x1b[F\x1b[3~");
    TYPES("\x1c\x0f\x0e\xe0\x1c\xe0\x35", "\r\t\x7f\r/");
    TYPES("\xe0\x2a\xe0\x48\xe0\xaa\x10", "\x1b[Aq"); /* the shift that comes around arrows is none */
}

TEST("page keys, F12, Ctrl-Alt-Del and Pause")
{
    char text[8];
    layout("us");
    key(0xe0, text);
    assert_int_equal(key(0x49, text), KEY_PAGE_UP);
    key(0xe0, text);
    assert_int_equal(key(0x51, text), KEY_PAGE_DOWN);
    assert_int_equal(key(0x58, text), KEY_REPORT);
    key(0x1d, text);
    key(0x38, text);
    key(0xe0, text);
    assert_int_equal(key(0x53, text), KEY_RESTART);
    layout("us");
    TYPES("\xe1\x1d\x45\xe1\x9d\xc5\x10", "q");
}

TEST("whatever bytes come, nothing but text of a few bytes is made of them")
{
    char text[8];
    layout("de");
    uint32_t random = 1;
    for (unsigned i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        enum key_action action = key((uint8_t)(random >> 24), text);
        assert_int_equal(text[7], 0);
        assert_true((action == KEY_TEXT) == (text[0] != 0 || action == KEY_TEXT));
    }
    assert_null(keymap_find("klingon"));
}

TEST_FIXTURE(setup, teardown)
