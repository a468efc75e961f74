/*
 * screen.c - the lines of a screen, and what of them is painted.
 *
 * Lines are kept in a ring, more than a screen shows, to scroll back to. `shown` is what the graphics card
 * holds, so that only what differs is painted. The sign (kernel/tty.h) takes rows at the top away from them.
 */
#include "drivers/video/screen.h"

#include <string.h>

#include "kernel/irq.h"
#include "kernel/softirq.h"
#include "kernel/time.h"
#include "kernel/timer.h"
#include "kernel/tty.h"

#define POOL_SIZE       (24u * 1024) /* of all lines: 307 of 80 characters */
#define TAB_WIDTH       8
#define SIGN_ROWS       8                     /* margin, five of large letters, the small line, margin */
#define SIGN_ROWS_LEAST 20                    /* a lower screen has no sign */
#define PAINT_DELAY_MS  20                    /* after a change: what follows at once is painted with it */
#define PAINT_EVERY_MS  1                     /* while there is more to paint */
#define PAINT_BUDGET    (100 * NSEC_PER_USEC) /* each time */
#define TTY_ROOM        4096                  /* nothing is ever full: it scrolls */

static struct screen {
    struct tty tty;
    const struct screen_ops *ops;
    struct softirq paint_softirq; /* arms the timer: printing may be done by an interrupt handler */
    struct timer paint_timer;
    uint8_t lines[POOL_SIZE];
    uint8_t shown[SCREEN_ROWS_MAX * SCREEN_COLUMNS_MAX];
    uint8_t sign[SIGN_ROWS * SCREEN_COLUMNS_MAX];
    unsigned columns, rows;
    unsigned held;         /* lines in the ring */
    unsigned line, column; /* where the next character goes; `line` counts on and on */
    unsigned back;         /* lines that the view is behind the last */
    unsigned sign_rows;    /* 0: there is none */
    bool sign_away;        /* it has made room for a page, until the next key */
    unsigned cursor;       /* its place in `shown` */
    bool at_end;           /* a new line is due before the next character */
    bool running;          /* the main loop is there: its timers paint */
    unsigned jump;         /* before: lines shown too low, as scrolling by one would cost a screenful each */
} screen;

static uint8_t *line_at(unsigned line)
{
    return screen.lines + line % screen.held * screen.columns;
}

static unsigned sign_rows(void)
{
    return screen.sign_away ? 0 : screen.sign_rows;
}

static unsigned view_rows(void)
{
    return screen.rows - sign_rows();
}

/* The line at the top of the view; negative: above the first there is. */
static long top_line(void)
{
    long top = (long)screen.line + 1 + screen.jump - (long)view_rows() - screen.back;
    return max(top, screen.line >= screen.held ? (long)(screen.line - screen.held + 1) : 0L);
}

/* What ought to stand in a row of the screen. */
static const uint8_t *row_text(unsigned row)
{
    static const uint8_t blank[SCREEN_COLUMNS_MAX] = {[0 ... SCREEN_COLUMNS_MAX - 1] = ' '};
    if (row < sign_rows())
        return screen.sign + row * screen.columns;
    long line = top_line() + (row - sign_rows());
    return line > (long)screen.line ? blank : line_at((unsigned)line);
}

/* --- painting --- */

/* Paints a portion of what differs in a row. Return: false if nothing did. */
static bool paint_portion(unsigned row)
{
    const uint8_t *text = row_text(row);
    uint8_t *shown = screen.shown + row * screen.columns;
    unsigned first = 0, count;
    if (!memcmp(text, shown, screen.columns))
        return false;
    while (text[first] == shown[first])
        first++;
    count = min(screen.columns - first, screen.ops->portion);
    while (text[first + count - 1] == shown[first + count - 1])
        count--;
    screen.ops->draw(row, first, text + first, count);
    memcpy(shown + first, text + first, count);
    return true;
}

/* Where the cursor was stands a letter again, once it is painted. */
static void forget_cursor(void)
{
    screen.shown[screen.cursor] = 0;
}

static void paint_cursor(void)
{
    long row = (long)screen.line - top_line() + sign_rows();
    unsigned column = min(screen.column, screen.columns - 1);
    if (row >= screen.rows)
        row = screen.rows - 1;
    screen.cursor = (unsigned)row * screen.columns + column;
    screen.ops->cursor((unsigned)row, column);
}

/* Return: false if the time was up before all was painted. */
static bool paint(ktime_t budget)
{
    ktime_t end = ktime_get() + budget;
    forget_cursor();
    for (unsigned row = 0; row < screen.rows; row++)
        while (paint_portion(row))
            if (budget && ktime_get() >= end)
                return false;
    paint_cursor();
    return true;
}

static void paint_some(struct timer *self)
{
    unsigned long flags = local_irq_save();
    screen.running = true;
    screen.jump = 0;
    bool done = paint(PAINT_BUDGET);
    local_irq_restore(flags);
    if (!done)
        mod_timer(self, ktime_get_ms() + PAINT_EVERY_MS);
}

static void changed(void)
{
    if (!screen.running)
        paint(0);
    raise_softirq(&screen.paint_softirq);
}

static void paint_soon(struct softirq *self)
{
    if (!timer_pending(&screen.paint_timer))
        mod_timer(&screen.paint_timer, ktime_get_ms() + PAINT_DELAY_MS);
}

/* --- writing --- */

static void new_line(void)
{
    screen.line++;
    screen.column = 0;
    screen.at_end = false;
    memset(line_at(screen.line), ' ', screen.columns);
    if (screen.back && screen.back + view_rows() < screen.held)
        screen.back++; /* who looks back goes on seeing the same */
    if (screen.running)
        return;
    if (screen.jump)
        screen.jump--;
    else if (screen.line >= view_rows())
        screen.jump = view_rows() / 2;
}

static void put_char(char c)
{
    switch (c) {
    case '\r':
        screen.column = 0;
        return;
    case '\n':
        if (screen.at_end)
            new_line();
        screen.at_end = true;
        return;
    case '\b':
        screen.column -= screen.column > 0;
        return;
    case '\a':
        return;
    case '\f': /* a page that wants the whole screen */
        screen.sign_away = true;
        return;
    }
    if (screen.at_end || screen.column == screen.columns)
        new_line();
    if (c == '\t')
        screen.column = min((screen.column + TAB_WIDTH) & ~(TAB_WIDTH - 1u), screen.columns);
    else
        line_at(screen.line)[screen.column++] = c >= ' ' && c <= '~' ? (uint8_t)c : '.';
}

static size_t screen_room(struct tty *tty)
{
    return TTY_ROOM;
}

static void screen_write(struct tty *tty, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put_char(text[i]);
    changed();
}

static void screen_flush(struct tty *tty)
{
    screen.back = 0;
    paint(0);
}

/* --- the sign --- */

/* Letters five rows high, for numbers: a 1 is a block. */
#define LARGE_ROWS 5
static const struct {
    char c;
    uint8_t width;
    uint8_t rows[LARGE_ROWS];
} large_letters[] = {
    {'0', 4, {0b1111, 0b1001, 0b1001, 0b1001, 0b1111}},
    {'1', 2, {0b11, 0b01, 0b01, 0b01, 0b01}},
    {'2', 4, {0b1111, 0b0001, 0b1111, 0b1000, 0b1111}},
    {'3', 4, {0b1111, 0b0001, 0b0111, 0b0001, 0b1111}},
    {'4', 4, {0b1001, 0b1001, 0b1111, 0b0001, 0b0001}},
    {'5', 4, {0b1111, 0b1000, 0b1111, 0b0001, 0b1111}},
    {'6', 4, {0b1111, 0b1000, 0b1111, 0b1001, 0b1111}},
    {'7', 4, {0b1111, 0b0001, 0b0010, 0b0100, 0b0100}},
    {'8', 4, {0b1111, 0b1001, 0b1111, 0b1001, 0b1111}},
    {'9', 4, {0b1111, 0b1001, 0b1111, 0b0001, 0b1111}},
    {'.', 1, {0, 0, 0, 0, 1}},
};

static void sign_put(unsigned row, unsigned column, uint8_t c)
{
    if (column < screen.columns)
        screen.sign[row * screen.columns + column] = c;
}

static void sign_large(const char *text)
{
    unsigned column = 2;
    for (; *text; text++)
        for (size_t i = 0; i < ARRAY_SIZE(large_letters); i++) {
            if (large_letters[i].c != *text)
                continue;
            unsigned width = large_letters[i].width;
            for (unsigned row = 0; row < LARGE_ROWS; row++)
                for (unsigned x = 0; x < width; x++)
                    if (large_letters[i].rows[row] & (1u << (width - 1 - x)))
                        sign_put(1 + row, column + x, SCREEN_BLOCK);
            column += width + 1;
        }
}

static void screen_sign(struct tty *tty, const char *large, const char *small)
{
    unsigned long flags = local_irq_save();
    memset(screen.sign, ' ', sizeof(screen.sign));
    screen.sign_rows = screen.rows < SIGN_ROWS_LEAST ? 0 : *large ? SIGN_ROWS : *small ? 3 : 0;
    if (*large)
        sign_large(large);
    for (unsigned i = 0; small[i]; i++)
        sign_put(screen.sign_rows > 3 ? 6 : 1, 2 + i, (uint8_t)small[i]);
    changed();
    local_irq_restore(flags);
}

/* --- keys --- */

void screen_has_keyboard(void)
{
    screen.tty.deaf = false;
}

void screen_key(char c)
{
    if (!screen.ops)
        return;
    screen_scroll(0);
    screen.sign_away = false;
    tty_receive(&screen.tty, c);
}

void screen_scroll(int pages)
{
    unsigned long flags = local_irq_save();
    unsigned page = view_rows() - 1, most = min(screen.line + 1, screen.held);
    most = most > view_rows() ? most - view_rows() : 0;
    unsigned before = screen.back;
    if (!screen.ops || !pages)
        screen.back = 0;
    else if (pages < 0)
        screen.back = min(screen.back + (unsigned)-pages * page, most);
    else
        screen.back -= min(screen.back, (unsigned)pages * page);
    if (screen.ops && screen.back != before)
        changed();
    local_irq_restore(flags);
}

void screen_init(const struct screen_ops *ops, unsigned columns, unsigned rows)
{
    static const struct tty_ops tty_ops = {
        .room = screen_room, .write = screen_write, .flush = screen_flush, .sign = screen_sign};
    screen = (struct screen){.ops = ops,
                             .columns = min(columns, (unsigned)SCREEN_COLUMNS_MAX),
                             .rows = min(rows, (unsigned)SCREEN_ROWS_MAX)};
    screen.held = POOL_SIZE / screen.columns;
    screen.tty.deaf = true;
    open_softirq(&screen.paint_softirq, TTY_SOFTIRQ, paint_soon);
    timer_setup(&screen.paint_timer, paint_some);
    memset(screen.lines, ' ', sizeof(screen.lines));
    tty_register(&screen.tty, "tty0", &tty_ops);
    raise_softirq(&screen.paint_softirq); /* the first round of the main loop is the sign that it runs */
}

void screen_exit(void)
{
    tty_unregister(&screen.tty);
    close_softirq(&screen.paint_softirq);
    del_timer(&screen.paint_timer);
    screen.ops = NULL;
}
