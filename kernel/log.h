/*
 * log.h - the kernel log: kept in a ring (dmesg), copied to every console.
 *
 * A line is "[    1.234567] text". Printing never waits: consoles drain the ring by interrupt. What
 * a slow console misses is counted and said on it.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "kernel/list.h"

enum log_level { LOG_ERR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* One call is one line; the newline at the end is optional. Lines are cut at 240 characters. */
void printk(enum log_level level, const char *fmt, ...) __printf(2, 3);

#define pr_err(...)    printk(LOG_ERR, __VA_ARGS__)
#define pr_warn(...)   printk(LOG_WARNING, __VA_ARGS__)
#define pr_notice(...) printk(LOG_NOTICE, __VA_ARGS__)
#define pr_info(...)   printk(LOG_INFO, __VA_ARGS__)
#define pr_debug(...)  printk(LOG_DEBUG, __VA_ARGS__)

/* A place where log lines are shown. `write` takes text with newlines and must not block. */
struct console {
    struct list_head list;
    const char *name;
    void (*write)(struct console *self, const char *text, size_t len);
    void (*flush)(struct console *self); /* wait until all is out: panic and power-off only; may be NULL */
};

/* Shows it the log so far, then every new line. */
void register_console(struct console *console);
void console_flush_all(void);

/*
 * Reads the command line: loglevel=N (levels below N are shown, the others go to the ring only), quiet,
 * debug; and warns of a console= that does not exist.
 */
void log_configure(void);

/*
 * Whether the command line wants a console: what follows the comma of the last console=NAME,options ("" if
 * nothing), NULL if other consoles are named but not this one. If none that exists is named, all are wanted.
 */
const char *console_options(const char *name);

/* From now on every line waits until it is out. For panic. */
void log_set_synchronous(void);

/**
 * log_read - copy the next line of the log, without its newline
 * @pos: where to go on; 0 starts at the oldest. Lines overwritten meanwhile are skipped.
 * Return: its length (cut to size - 1, NUL-terminated), or -1 if there is none.
 */
long log_read(uint64_t *pos, enum log_level *level, char *buf, size_t size);

#endif
