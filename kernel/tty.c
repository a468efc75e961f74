/*
 * tty.c - terminals: the keys that come in, and one line shared by the log and a program.
 */
#include "kernel/tty.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "kernel/irq.h"

#define LOG_RESERVE 1024 /* room that programs leave to the log */

static struct list_head ttys = LIST_HEAD_INIT(ttys);

/* --- out --- */

/* Follows the cursor, so that what stands on its line can be wiped off. */
static void follow(struct tty *tty, char c)
{
    if (c == '\n')
        tty->column = tty->width = 0;
    else if (c == '\r')
        tty->column = 0;
    else if (c == '\b')
        tty->column -= tty->column > 0;
    else if ((unsigned char)c >= ' ')
        tty->column++;
    tty->width = max(tty->width, tty->column);
}

/* Puts out all of it; there must be room for one more byte per newline. */
static void put_text(struct tty *tty, const char *text, size_t len)
{
    while (len) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline ? (size_t)(newline - text) : len;
        for (size_t i = 0; i < n; i++)
            follow(tty, text[i]);
        if (n)
            tty->ops->write(tty, text, n);
        if (newline) {
            follow(tty, '\n');
            tty->ops->write(tty, "\r\n", 2);
            n++;
        }
        text += n;
        len -= n;
    }
}

/* "\n" takes two bytes on the line. */
static size_t wire_length(const char *text, size_t len)
{
    size_t wire = len;
    for (size_t i = 0; i < len; i++)
        wire += text[i] == '\n';
    return wire;
}

static void wake_later(struct tty *tty, uint32_t key)
{
    tty->wake_key |= key;
    raise_softirq(&tty->softirq);
}

static void say_lost_lines(struct tty *tty)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "[%u lines lost on this slow console]\n", tty->lost_lines);
    tty->lost_lines = 0;
    put_text(tty, text, (size_t)len);
}

/*
 * Makes room for a line of the log where something stands already. A prompt, behind which somebody waits for
 * keys, will come again; the half of a program's line stays and is ended.
 */
static void clear_line(struct tty *tty)
{
    static const char blanks[TTY_COLUMNS + 1] =
        "                                                                                ";
    if (!tty->width)
        return;
    if (!waitqueue_active(&tty->wait) || tty->width > TTY_COLUMNS) {
        put_text(tty, "\n", 1);
    } else {
        put_text(tty, "\r", 1);
        put_text(tty, blanks, tty->width);
        put_text(tty, "\r", 1);
    }
    tty->reprint = true; /* also for a reader that has been woken and not run yet */
    wake_later(tty, POLLIN);
    tty->column = tty->width = 0;
}

/* A line of the log, with interrupts off (printk): whole, or counted as lost. */
static void log_write(struct console *console, const char *text, size_t len)
{
    struct tty *tty = container_of(console, struct tty, console);
    if (wire_length(text, len) + 2 + min(tty->width, (unsigned)TTY_COLUMNS) > tty->ops->room(tty)) {
        tty->lost_lines++;
        return;
    }
    clear_line(tty);
    put_text(tty, text, len);
}

static void log_flush(struct console *console)
{
    struct tty *tty = container_of(console, struct tty, console);
    if (tty->ops->flush)
        tty->ops->flush(tty);
}

void tty_output_ready(struct tty *tty)
{
    size_t room = tty->ops->room(tty);
    if (tty->lost_lines && room > 2 * LOG_RESERVE) {
        clear_line(tty);
        say_lost_lines(tty);
    }
    if (room > 2 * LOG_RESERVE && waitqueue_active(&tty->write_wait))
        wake_later(tty, POLLOUT);
}

static size_t program_room(struct tty *tty)
{
    size_t room = tty->ops->room(tty);
    return room > LOG_RESERVE ? room - LOG_RESERVE : 0;
}

ssize_t tty_write(struct tty *tty, const char *text, size_t len)
{
    if (tty->interrupted || tty->gone)
        return tty->gone ? -EIO : -EINTR;
    unsigned long flags = local_irq_save();
    size_t room = program_room(tty), n = 0;
    while (n < len && room >= 2) {
        room -= text[n] == '\n' ? 2 : 1;
        n++;
    }
    put_text(tty, text, n);
    local_irq_restore(flags);
    return (ssize_t)n;
}

/* --- in --- */

static unsigned input_len(const struct tty *tty)
{
    return tty->in_head - tty->in_tail;
}

/* Ctrl-C is no key but a stop: it does not queue behind what was typed before. */
void tty_receive(struct tty *tty, char c)
{
    if (!tty->opened)
        return;
    tty->received++;
    if (c == TTY_INTERRUPT) {
        tty->in_tail = tty->in_head;
        tty->interrupted = true;
        wake_later(tty, POLLIN | POLLPRI | POLLOUT);
        return;
    }
    if (input_len(tty) == TTY_INPUT_SIZE) {
        tty->overruns++;
        return;
    }
    tty->input[tty->in_head++ % TTY_INPUT_SIZE] = c;
    wake_later(tty, POLLIN);
}

void tty_overrun(struct tty *tty)
{
    tty->overruns++;
}

ssize_t tty_read(struct tty *tty, char *buf, size_t len)
{
    unsigned long flags = local_irq_save();
    ssize_t n = 0;
    if (tty->interrupted) {
        tty->interrupted = false;
        local_irq_restore(flags);
        return -EINTR;
    }
    if (len && tty->reprint) {
        tty->reprint = false;
        buf[n++] = TTY_REPRINT;
    }
    while ((size_t)n < len && input_len(tty))
        buf[n++] = tty->input[tty->in_tail++ % TTY_INPUT_SIZE];
    local_irq_restore(flags);
    return n;
}

uint32_t tty_poll(struct tty *tty)
{
    uint32_t events = 0;
    unsigned long flags = local_irq_save();
    if (input_len(tty) || tty->reprint)
        events |= POLLIN | POLLRDNORM;
    if (tty->interrupted)
        events |= POLLIN | POLLRDNORM | POLLPRI;
    if (tty->gone)
        events |= POLLIN | POLLRDNORM | POLLHUP;
    if (program_room(tty) >= 2)
        events |= POLLOUT | POLLWRNORM;
    local_irq_restore(flags);
    return events;
}

static void wake_waiters(struct softirq *self)
{
    struct tty *tty = container_of(self, struct tty, softirq);
    unsigned long flags = local_irq_save();
    uint32_t key = tty->wake_key;
    tty->wake_key = 0;
    local_irq_restore(flags);
    wake_up(&tty->wait, key);
    if (key & POLLOUT)
        wake_up(&tty->write_wait, key);
}

/* --- which there are --- */

void tty_open(struct tty *tty)
{
    unsigned long flags = local_irq_save();
    tty->opened = true;
    if (tty->ops->open)
        tty->ops->open(tty);
    local_irq_restore(flags);
}

void tty_register(struct tty *tty, const char *name, const struct tty_ops *ops)
{
    tty->ops = ops;
    tty->console = (struct console){.name = name, .write = log_write, .flush = log_flush};
    init_waitqueue_head(&tty->wait);
    init_waitqueue_head(&tty->write_wait);
    open_softirq(&tty->softirq, TTY_SOFTIRQ, wake_waiters);
    list_add_tail(&tty->list, &ttys);
    register_console(&tty->console);
}

void tty_unregister(struct tty *tty)
{
    unsigned long flags = local_irq_save();
    close_softirq(&tty->softirq);
    list_del_init(&tty->list);
    list_del_init(&tty->console.list);
    tty->gone = true;
    local_irq_restore(flags);
    wake_up(&tty->wait, POLLIN | POLLHUP);
    wake_up(&tty->write_wait, POLLOUT | POLLHUP);
}

void tty_set_sign(const char *large, const char *small)
{
    struct tty *tty;
    list_for_each_entry (tty, &ttys, list)
        if (tty->ops->sign)
            tty->ops->sign(tty, large, small);
}

struct tty *tty_next(const struct tty *prev)
{
    const struct list_head *next = prev ? prev->list.next : ttys.next;
    return next == &ttys ? NULL : list_entry(next, struct tty, list);
}
