/*
 * cmdline.h - the kernel command line, read as Linux reads it.
 *
 * Words are separated by blanks; "double quotes" keep blanks together; key=value or a bare key.
 * '-' and '_' are the same in keys. "a.b.c=v" with a known prefix (sysctl.) is passed to its room.
 * Whoever knows a word asks for it; words nobody asked for are warned about by cmdline_warn_unknown().
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "kernel/types.h"

/* Copies and splits the line; too long a line (4 KiB) is cut with a warning. */
void cmdline_init(const char *line);

/**
 * cmdline_add - more words, from a line of skiff.cfg
 * @text, @len: the line (copied)
 * @file_line: its number, for what the log says of them; at least 1
 *
 * A word whose key stands on the command line itself is left out, with a note in the log: who starts the
 * machine by hand has the last word. All of them together may have 4 KiB.
 */
void cmdline_add(const char *text, size_t len, unsigned file_line);

/* The value of the last `key`; "" for a bare word; NULL if absent. Marks the word as known. */
const char *cmdline_get(const char *key);

/* The same for keys that may stand several times (ip=): value number `n` from 0, NULL past the last. */
const char *cmdline_get_nth(const char *key, unsigned n);

/* A whole number; absent or no number gives `fallback`, the latter with a warning that shows the word. */
long cmdline_get_long(const char *key, long fallback);

/* Calls `set(name, value, ctx)` for every word "prefixNAME=VALUE", and marks these as known. */
void cmdline_for_each_prefix(const char *prefix, void (*set)(const char *name, const char *value, void *ctx),
                             void *ctx);

/* One warning for each word that nobody asked for. */
void cmdline_warn_unknown(void);

#endif
