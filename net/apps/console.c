/*
 * console.c - the command line: reads a line, cuts it into words, runs the command of that name.
 *
 * Silent until a key is pressed: a serial line on which nobody types carries the log and nothing else. There
 * is no password: who holds the cable holds the machine. console.shell=0 on the kernel command line leaves it
 * out.
 */
#include "net/apps/console.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/text.h"
#include "net/apps/words.h"

#define PROMPT       "skiff# "
#define NONSENSE_MAX 10u /* wrong lines in a row: that is no person but a machine, or our own echo */
#define STROKES_MAX  (4 * LINE_EDIT_MAX) /* keys for one line: likewise */
#define DEAF_MS      10000u              /* for so long nothing is read then */

_Static_assert(LINE_EDIT_MAX == 1000, "as the sentence for longer ones says");

/* --- the terminal --- */

static void screen_out(void *ctx, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n <= 0)
            return; /* Ctrl-C: the next read tells */
        text += n;
        len -= (size_t)n;
    }
}

/* Return: 0, CONSOLE_STOPPED, or CONSOLE_GONE. */
static enum console_input more_keys(struct shell *c)
{
    ssize_t n = read(STDIN_FILENO, c->keys, sizeof(c->keys));
    c->keys_at = 0;
    c->keys_len = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return CONSOLE_LINE;
    return n < 0 && errno == EINTR ? CONSOLE_STOPPED : CONSOLE_GONE;
}

enum console_input console_read_line(struct shell *c, const char *prompt)
{
    enum line_edit_event event = LINE_EDIT_MORE;
    size_t strokes = 0;
    line_edit_start(&c->edit, prompt);
    while (event == LINE_EDIT_MORE) {
        enum console_input input = c->keys_at < c->keys_len ? CONSOLE_LINE : more_keys(c);
        if (input == CONSOLE_STOPPED)
            line_edit_give_up(&c->edit);
        if (input != CONSOLE_LINE)
            return input;
        size_t used = line_edit_feed(&c->edit, c->keys + c->keys_at, c->keys_len - c->keys_at, &event);
        c->keys_at += used;
        strokes += used;
        if (strokes > STROKES_MAX && event == LINE_EDIT_MORE) {
            line_edit_give_up(&c->edit);
            return CONSOLE_TOO_LONG;
        }
    }
    return event == LINE_EDIT_END        ? CONSOLE_END
           : event == LINE_EDIT_TOO_LONG ? CONSOLE_TOO_LONG
                                         : CONSOLE_LINE;
}

void console_resume(struct shell *c)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLPRI};
    char none;
    c->stopped = false;
    if (poll(&keys, 1, 0) <= 0)
        return;
    read(STDIN_FILENO, &none, 1);
    c->keys_at = c->keys_len = 0;
    console_printf(c, "^C\n");
}

bool console_stopped(struct shell *c)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLPRI};
    if (!c->stopped)
        c->stopped = poll(&keys, 1, 0) > 0;
    return c->stopped;
}

bool console_wait(struct shell *c, int fd, unsigned ms)
{
    struct pollfd both[2] = {{.fd = STDIN_FILENO, .events = POLLPRI}, {.fd = fd, .events = POLLIN}};
    if (c->stopped || poll(both, 2, (int)ms) <= 0)
        return false;
    c->stopped = both[0].revents & POLLPRI;
    return !c->stopped && both[1].revents;
}

void console_printf(struct shell *c, const char *fmt, ...)
{
    va_list args;
    if (c->stopped)
        return;
    va_start(args, fmt);
    c->stopped = vdprintf(STDOUT_FILENO, fmt, args) < 0;
    va_end(args);
}

void console_show(struct shell *c, struct text *text)
{
    if (!c->stopped && text->len)
        screen_out(NULL, text->data, text->len);
    if (text->failed)
        console_printf(c, "... and more than there is memory for\n");
    text_free(text);
}

int console_fail(struct shell *c, const char *name, const char *why)
{
    console_printf(c, "%s: %s\n", name, why ? why : strerror(errno));
    return 1;
}

int console_usage(struct shell *c, const char *name)
{
    const struct command *command = console_find_command(name);
    if (command)
        console_printf(c, "%s\n", command->usage);
    return 1;
}

/* --- commands --- */

const struct command *console_find_command(const char *name)
{
    for (const struct command *const *c = console_commands; *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}

/* Command names stand at the beginning of a line and behind `help`. */
static const char *complete(void *ctx, const char *line, size_t len, unsigned n)
{
    static const char help[] = "help ";
    if (len >= sizeof(help) - 1 && !memcmp(line, help, sizeof(help) - 1)) {
        line += sizeof(help) - 1;
        len -= sizeof(help) - 1;
    }
    return memchr(line, ' ', len) || !console_commands[n] ? NULL : console_commands[n]->name;
}

/* Throws away what comes. */
static void be_deaf(struct shell *c)
{
    struct timespec now, until;
    console_printf(c, "%u lines that are no commands: nothing is read for %u seconds\n", NONSENSE_MAX,
                   DEAF_MS / 1000);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DEAF_MS / 1000;
    for (clock_gettime(CLOCK_MONOTONIC, &now); now.tv_sec < until.tv_sec;
         clock_gettime(CLOCK_MONOTONIC, &now)) {
        struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN | POLLPRI};
        if (poll(&keys, 1, (int)(until.tv_sec - now.tv_sec) * 1000) > 0 && more_keys(c) == CONSOLE_GONE)
            break;
    }
    c->keys_at = c->keys_len = 0;
    c->nonsense = 0;
}

/* A line that means nothing. */
static void complain(struct shell *c, const char *name, const char *why)
{
    console_printf(c, "%s%s%s\n", name, *name ? ": " : "", why);
    if (++c->nonsense == NONSENSE_MAX)
        be_deaf(c);
}

/* What stands behind the first word, as it was typed. */
static const char *behind_first_word(const char *line)
{
    line += strspn(line, " ");
    line += strcspn(line, " ");
    return line + strspn(line, " ");
}

static void run_line(struct shell *c)
{
    char *words[CONSOLE_WORDS_MAX];
    const char *why;
    strlcpy(c->line, c->edit.line, sizeof(c->line));
    c->rest = behind_first_word(c->edit.line);
    int count = words_split(c->line, words, CONSOLE_WORDS_MAX, &why);
    const struct command *command = count > 0 ? console_find_command(words[0]) : NULL;
    if (count < 0) {
        complain(c, "", why);
    } else if (command) {
        c->nonsense = 0;
        command->run(c, count, words);
    } else if (count) {
        complain(c, words[0], "there is no such command; help lists them");
    }
    console_resume(c);
}

/* From the first key to `exit`. False: there is no terminal any more. */
static bool session(struct shell *c)
{
    c->leave = false;
    if (c->keys_len && (c->keys[0] == '\r' || c->keys[0] == '\n')) /* the key that woke us */
        c->edit.was_cr = c->keys[c->keys_at++] == '\r';
    while (!c->leave) {
        switch (console_read_line(c, PROMPT)) {
        case CONSOLE_LINE:
            run_line(c);
            break;
        case CONSOLE_TOO_LONG:
            complain(c, "", "a line has at most 1000 characters; this one was longer and is not run");
            break;
        case CONSOLE_STOPPED:
            break;
        case CONSOLE_END:
            c->leave = true;
            break;
        case CONSOLE_GONE:
            return false;
        }
    }
    return true;
}

void console_main(void *arg)
{
    struct shell *c = calloc(1, sizeof(*c));
    bool there = c != NULL;
    if (!c)
        printf("console: too little memory for a command line\n");
    while (there) {
        enum console_input first = more_keys(c);
        c->edit.out = screen_out;
        c->edit.complete = complete;
        there = first != CONSOLE_GONE && (first == CONSOLE_STOPPED || session(c));
    }
    if (c) {
        line_edit_free(&c->edit);
        free(c->nstat);
    }
    free(c);
}
