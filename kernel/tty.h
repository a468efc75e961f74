/*
 * tty.h - a terminal: a line or a screen with keys, on which the log is shown and a program may talk.
 *
 * A driver (drivers/char/serial.c; a screen with its keyboard is another) gives the ways to put text out and
 * hands in what is typed, from its interrupt handler. net/socket/tty_file.c makes a descriptor of it. Both
 * share the line, and the log goes first: where somebody waits for keys behind a prompt, the prompt is wiped
 * off, the log's line is written, and the reader is asked to write its prompt again.
 *
 *     typed --> tty_receive() --> input (bounded) --> tty_read()          irq -> softirq -> reader
 *     shown <-- ops->write()  <-- tty_write(), the log's lines            whoever prints
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include <sys/types.h>

#include "kernel/log.h"
#include "kernel/softirq.h"
#include "kernel/wait.h"

#define TTY_INPUT_SIZE 1024 /* a power of two; what is typed or pasted faster than it is read */
#define TTY_COLUMNS    80   /* a prompt longer than this is not wiped off but left standing */

#define TTY_INTERRUPT 0x03 /* Ctrl-C: never read; what was typed before is gone, and reads and writes end */
#define TTY_REPRINT   0x12 /* Ctrl-R, read by whoever must write the prompt and what was typed again */

struct tty;

/* Called with interrupts off. */
struct tty_ops {
    size_t (*room)(struct tty *tty);                              /* bytes that write() takes now */
    void (*write)(struct tty *tty, const char *text, size_t len); /* at most room(); "\r\n" ends a line */
    void (*flush)(struct tty *tty);                               /* wait until all is out; may be NULL */
    void (*open)(struct tty *tty); /* somebody reads from now on: keys are wanted; may be NULL */
    /* Shows a sign above all lines, in letters that are read from afar; may be NULL */
    void (*sign)(struct tty *tty, const char *large, const char *small);
};

struct tty {
    struct console console; /* the log's way onto it */
    struct list_head list;
    const struct tty_ops *ops;
    struct softirq softirq; /* wakes those who wait: a handler may not */
    struct wait_queue_head wait, write_wait;
    uint32_t wake_key;
    char input[TTY_INPUT_SIZE];
    unsigned in_head, in_tail; /* head: next to write; they count on and on */
    uint64_t received, overruns;
    unsigned lost_lines;    /* of the log, for want of room */
    unsigned column, width; /* of the cursor; of what stands on its line */
    bool opened, interrupted, reprint, gone;
    bool deaf; /* there is no keyboard: nobody will ever type */
};

/* The log is shown on it from now on, what there is of it at once. ops are borrowed; *tty is zeroed. */
void tty_register(struct tty *tty, const char *name, const struct tty_ops *ops);
/* It is unplugged: reads give end of file, writes -EIO. It may be freed once its readers have closed it. */
void tty_unregister(struct tty *tty);

/*
 * What each terminal that can shows from now on, beside what scrolls: `large` of digits and dots, `small` of
 * any characters; "" for none.
 */
void tty_set_sign(const char *large, const char *small);

/* All terminals, in the order they came; start with NULL. */
struct tty *tty_next(const struct tty *prev);

/* --- for drivers, also from interrupt handlers --- */

void tty_receive(struct tty *tty, char c);
void tty_overrun(struct tty *tty); /* the hardware has lost a key */
void tty_output_ready(struct tty *tty);

/* --- for whoever reads and writes it --- */

/* Keys are kept from now on; until then they are thrown away. */
void tty_open(struct tty *tty);

/* What was typed, up to len bytes; 0: nothing (or nothing ever again: tty->gone); -EINTR once after each
 * Ctrl-C. */
ssize_t tty_read(struct tty *tty, char *buf, size_t len);

/* As much as fits now ("\n" becomes "\r\n"): bytes of text taken, or -EINTR while a Ctrl-C is unread. */
ssize_t tty_write(struct tty *tty, const char *text, size_t len);

/* POLLIN, POLLPRI (an unread Ctrl-C), POLLOUT, POLLHUP. Woken on tty->wait; who waits to write also on
 * write_wait. */
uint32_t tty_poll(struct tty *tty);

#endif
