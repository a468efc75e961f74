/*
 * line_edit.h - one line of input, edited on any terminal: keys in, screen bytes out.
 *
 * The screen is sent printable characters, backspace, carriage return, newline and bell, and nothing else, so
 * a terminal need understand no escape sequences; what a terminal sends for its arrow keys is understood. The
 * line takes one row; a longer one slides past behind '<' and '>'.
 */
#ifndef NET_APPS_LINE_EDIT_H
#define NET_APPS_LINE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_EDIT_MAX     1000 /* characters of a line; a longer one is refused whole, never run in part */
#define LINE_EDIT_COLUMNS 79   /* of the row; the 80th would make some terminals begin another one */
#define LINE_EDIT_HISTORY 50   /* lines remembered */

enum line_edit_event {
    LINE_EDIT_MORE,     /* the line is not finished */
    LINE_EDIT_LINE,     /* it is: edit->line */
    LINE_EDIT_END,      /* Ctrl-D on an empty line */
    LINE_EDIT_TOO_LONG, /* finished, and longer than LINE_EDIT_MAX: edit->line is its beginning */
};

struct line_edit {
    char line[LINE_EDIT_MAX + 1]; /* NUL-terminated */
    size_t len, cursor;

    /* Called with the bytes for the screen. */
    void (*out)(void *ctx, const char *text, size_t len);
    /* What may stand in the place of the last word of line[0..len): candidate n from 0, NULL after the last.
     * May be NULL. */
    const char *(*complete)(void *ctx, const char *line, size_t len, unsigned n);
    void *ctx;

    /* --- private --- */
    const char *prompt;
    bool too_long, was_cr, was_tab, quiet_history;
    unsigned escape; /* enum escape_state */
    unsigned number; /* of the escape sequence: ESC [ number ~ */
    char killed[LINE_EDIT_MAX + 1];

    char *history[LINE_EDIT_HISTORY]; /* oldest first */
    unsigned history_count, history_at;
    char edited[LINE_EDIT_MAX + 1]; /* the new line, while an old one is shown */

    char shown[LINE_EDIT_COLUMNS]; /* what stands in the row, and where its cursor is */
    size_t shown_len, shown_cursor;
    size_t left; /* first character of the line that is shown */
};

/* *edit is zeroed but for out, complete and ctx. */
void line_edit_start(struct line_edit *edit,
                     const char *prompt);    /* an empty line behind the prompt (borrowed) */
void line_edit_free(struct line_edit *edit); /* the history */

/* The lines to come are no commands: they are not remembered. */
void line_edit_remember(struct line_edit *edit, bool on);

/**
 * line_edit_feed - keys
 * @event: what they led to. After anything but LINE_EDIT_MORE: line_edit_start() again.
 * Return: how many bytes were used; those behind a finished line are for the next one.
 */
size_t line_edit_feed(struct line_edit *edit, const char *keys, size_t len, enum line_edit_event *event);

/* Ctrl-C: the line is given up, and the screen says so. */
void line_edit_give_up(struct line_edit *edit);

#endif
