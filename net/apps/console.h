/*
 * console.h - a command line on a terminal: descriptors 0 (keys) and 1 (screen), and what its commands share.
 *
 * A command is a file of its own, cmd_<name>.c, and a line in the table of console_commands.c. It takes its
 * words, answers by console_printf() and returns; if it works for long it looks at console_stopped(). It
 * answers in the shape of the program whose name it has.
 */
#ifndef NET_APPS_CONSOLE_H
#define NET_APPS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/apps/line_edit.h"

#define CONSOLE_WORDS_MAX 64

struct nstat_history;
struct text;

struct shell {
    struct line_edit edit;
    char keys[64]; /* read and not yet used */
    size_t keys_len, keys_at;
    char line[LINE_EDIT_MAX + 1]; /* the command, cut into words */
    const char *rest;             /* the command as it was typed, behind its first word */
    bool stopped;                 /* Ctrl-C: nothing more is printed */
    bool leave;                   /* `exit` */
    unsigned nonsense;            /* lines in a row that were no commands */
    struct nstat_history *nstat;  /* of cmd_nstat.c */
};

struct command {
    const char *name;
    const char *what;  /* a few words for the list */
    const char *usage; /* lines, the command's name in each */
    int (*run)(struct shell *shell, int argc, char **argv);
};

/* All of them, by name; ends with NULL. */
extern const struct command *const console_commands[];
const struct command *console_find_command(const char *name); /* NULL: there is none */

/* The task: the console of whatever its descriptors 0 and 1 are, for as long as the machine runs. */
void console_main(void *arg);

/* --- for commands; those that return int return the command's result: 0, or 1 --- */

/* Once stopped it prints nothing, so a command that only prints need not look. */
void console_printf(struct shell *shell, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All of a text, which is freed. */
void console_show(struct shell *shell, struct text *text);

/* Says how the command is used. Return: 1. */
int console_usage(struct shell *shell, const char *name);

/* A line "name: sentence", without a sentence errno's. Return: 1. */
int console_fail(struct shell *shell, const char *name, const char *why);

/* Has Ctrl-C been pressed? */
bool console_stopped(struct shell *shell);

/* Ctrl-C has been heard and ended the work: its last words may be printed. */
void console_resume(struct shell *shell);

/* Waits until fd (-1: nothing) can be read or ms have passed. Return: it can. False too when stopped. */
bool console_wait(struct shell *shell, int fd, unsigned ms);

enum console_input { CONSOLE_LINE, CONSOLE_END, CONSOLE_STOPPED, CONSOLE_TOO_LONG, CONSOLE_GONE };

/* One more line, behind a prompt of its own, into console->edit.line. GONE: there is no terminal any more. */
enum console_input console_read_line(struct shell *shell, const char *prompt);

#endif
