/*
 * fake_terminal.h - a terminal for tests: what a driver would be, and the eyes and fingers of who sits at it.
 */
#ifndef TESTS_UNIT_FAKE_TERMINAL_H
#define TESTS_UNIT_FAKE_TERMINAL_H

#include <string.h>

#include "kernel/tty.h"
#include "tests/host/host.h"

#define TERMINAL_BUFFER 4096

struct fake_terminal {
    struct tty tty;
    size_t waiting;      /* bytes written and not yet gone down the line */
    bool stuck;          /* nothing goes */
    char bytes[1 << 17]; /* all that ever went, as it went */
    size_t len;
    unsigned opens;
};

static struct fake_terminal terminal;

static size_t terminal_room(struct tty *tty)
{
    return TERMINAL_BUFFER - terminal.waiting;
}

static void terminal_write(struct tty *tty, const char *text, size_t len)
{
    assert_true(len <= terminal_room(tty));
    assert_true(len < sizeof(terminal.bytes) - terminal.len);
    memcpy(terminal.bytes + terminal.len, text, len);
    terminal.len += len;
    terminal.bytes[terminal.len] = '\0';
    terminal.waiting += len;
    if (!terminal.stuck)
        terminal.waiting = 0;
}

static void terminal_opened(struct tty *tty)
{
    terminal.opens++;
}

static const struct tty_ops terminal_ops = {
    .room = terminal_room, .write = terminal_write, .open = terminal_opened};

static inline void terminal_plug_in(void)
{
    memset(&terminal, 0, sizeof(terminal));
    tty_register(&terminal.tty, "ttyT0", &terminal_ops);
}

/* The line moves again: all that waited is gone, and the driver says so. */
static inline void terminal_drain(void)
{
    terminal.waiting = 0;
    tty_output_ready(&terminal.tty);
    host_run();
}

static inline void terminal_type(const char *keys)
{
    for (; *keys; keys++)
        tty_receive(&terminal.tty, *keys);
    host_run();
}

static inline void terminal_clear(void)
{
    terminal.len = 0;
    terminal.bytes[0] = '\0';
}

/* What a person sees: backspaces and carriage returns carried out, lines without blanks at their end. */
static inline const char *terminal_screen(void)
{
    static char screen[sizeof(terminal.bytes)];
    size_t start = 0, at = 0, end = 0;
    for (size_t i = 0; i < terminal.len; i++) {
        char c = terminal.bytes[i];
        if (c == '\r') {
            at = start;
        } else if (c == '\b') {
            at -= at > start;
        } else if (c == '\n') {
            while (end > start && screen[end - 1] == ' ')
                end--;
            screen[end++] = '\n';
            start = at = end;
        } else if (c != '\a') {
            screen[at++] = c;
            end = at > end ? at : end;
        }
    }
    screen[end] = '\0';
    return screen;
}

#endif
