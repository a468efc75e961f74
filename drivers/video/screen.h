/*
 * screen.h - a screen as a terminal: lines that scroll, a sign above them, and who paints it.
 *
 *     log, programs --> write: lines in memory --> (later) paint: what differs from what is shown -->
 * ops->draw()
 *
 * Writing costs a copy in memory. Painting is slow - each access of a graphics card's memory may take as long
 * as a hundred of RAM - so it is done by a timer, in portions: the network never waits for the screen.
 */
#ifndef DRIVERS_VIDEO_SCREEN_H
#define DRIVERS_VIDEO_SCREEN_H

#include "kernel/types.h"

#define SCREEN_COLUMNS_MAX 160
#define SCREEN_ROWS_MAX    64
#define SCREEN_BLOCK       0xdb /* a full block, in the sign's large letters; the rest is ASCII */

/* How a kind of screen shows characters. Called with interrupts off. */
struct screen_ops {
    void (*draw)(unsigned row, unsigned column, const uint8_t *text, unsigned count);
    void (*cursor)(unsigned row, unsigned column); /* shows it there; the letter where it was is drawn anew */
    unsigned portion; /* characters drawn at a time: some 50 us of work on a slow card */
};

/**
 * screen_init - the log is shown on a screen of this size from now on, as terminal tty0
 * @ops: borrowed
 * Until the main loop runs it is painted with every line; larger or smaller sizes than it can hold are cut.
 */
void screen_init(const struct screen_ops *ops, unsigned columns, unsigned rows);

/* There is no screen any more. */
void screen_exit(void);

/*
 * A key was pressed: to whoever reads the terminal. Nothing where there is no screen. A form feed on the
 * terminal takes the sign away, so that a page has the whole screen; a key brings it back.
 */
void screen_key(char c);
/* There is a keyboard: programs may read here. */
void screen_has_keyboard(void);

/* Shows earlier lines (negative) or later ones, by so many screenfuls; a new key brings the last ones back.
 */
void screen_scroll(int pages);

#endif
