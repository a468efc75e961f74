/*
 * cmdline.c - the kernel command line and skiff.cfg, split once into words.
 *
 * Runs before there is memory to allocate, so lines and words are static.
 */
#include "kernel/cmdline.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/config_file.h"
#include "kernel/log.h"

#define LINE_MAX_LEN 4096
#define FILE_MAX_LEN 4096
#define WORDS_MAX    128

struct word {
    const char *key, *value; /* value "" for a bare word */
    unsigned file_line;      /* of skiff.cfg; 0: the command line itself */
    bool known;
};

static char line[LINE_MAX_LEN];
static char file_lines[FILE_MAX_LEN]; /* words of skiff.cfg, line after line, each ended by a NUL */
static size_t file_lines_used;
static struct word words[WORDS_MAX];
static unsigned nr_words;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* '-' and '_' are one in keys. */
static char key_char(char c)
{
    return c == '-' ? '_' : c;
}

static bool key_equal(const char *a, const char *b)
{
    while (*a && key_char(*a) == key_char(*b)) {
        a++;
        b++;
    }
    return key_char(*a) == key_char(*b);
}

/* What follows `prefix` in `key`, or NULL. */
static const char *key_after_prefix(const char *key, const char *prefix)
{
    while (*prefix && key_char(*key) == key_char(*prefix)) {
        key++;
        prefix++;
    }
    return *prefix ? NULL : key;
}

/* The command line has this key, so that of the file does not count. */
static bool is_overridden(const char *key, unsigned file_line)
{
    for (unsigned i = 0; file_line && i < nr_words; i++)
        if (!words[i].file_line && key_equal(words[i].key, key))
            return true;
    return false;
}

static void add_word(char *word, unsigned file_line)
{
    if (nr_words == WORDS_MAX) {
        pr_warn("command line: more than %d words; \"%s\" is ignored", WORDS_MAX, word);
        return;
    }
    char *equals = strchr(word, '=');
    if (equals)
        *equals = '\0';
    if (is_overridden(word, file_line))
        pr_notice(CONFIG_FILE_NAME " line %u: \"%s\" is left out: the command line has its own", file_line,
                  word);
    else
        words[nr_words++] =
            (struct word){.key = word, .value = equals ? equals + 1 : "", .file_line = file_line};
}

/* Ends the word at `from` and removes its quotes, in place. Return: where to go on. */
static char *cut_word(char *from)
{
    char *to = from;
    bool quoted = false;
    for (; *from && (quoted || !is_blank(*from)); from++) {
        if (*from == '"')
            quoted = !quoted;
        else
            *to++ = *from;
    }
    bool more = *from;
    *to = '\0';
    return more ? from + 1 : from;
}

static void split(char *at, unsigned file_line)
{
    while (*at) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        char *word = at;
        at = cut_word(at);
        if (*word)
            add_word(word, file_line);
    }
}

void cmdline_init(const char *text)
{
    size_t len = strnlen(text, LINE_MAX_LEN);
    nr_words = 0;
    file_lines_used = 0;
    if (len == LINE_MAX_LEN) {
        len--;
        pr_warn("command line: longer than %d characters; the rest is ignored", LINE_MAX_LEN - 1);
    }
    memcpy(line, text, len);
    line[len] = '\0';
    split(line, 0);
}

void cmdline_add(const char *text, size_t len, unsigned file_line)
{
    char *copy = file_lines + file_lines_used;
    if (len >= FILE_MAX_LEN - file_lines_used) {
        pr_warn(CONFIG_FILE_NAME " line %u is left out: all lines together may have %d characters", file_line,
                FILE_MAX_LEN - 1);
        return;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    file_lines_used += len + 1;
    split(copy, file_line);
}

const char *cmdline_get(const char *key)
{
    const char *value = NULL;
    for (unsigned i = 0; i < nr_words; i++) {
        if (!key_equal(words[i].key, key))
            continue;
        words[i].known = true;
        value = words[i].value;
    }
    return value;
}

const char *cmdline_get_nth(const char *key, unsigned n)
{
    for (unsigned i = 0; i < nr_words; i++) {
        if (!key_equal(words[i].key, key))
            continue;
        words[i].known = true;
        if (n-- == 0)
            return words[i].value;
    }
    return NULL;
}

long cmdline_get_long(const char *key, long fallback)
{
    const char *value = cmdline_get(key);
    char *end;
    if (!value)
        return fallback;
    long number = strtol(value, &end, 0);
    if (*value && !*end)
        return number;
    pr_warn("command line: %s=%s is not a whole number; using %ld", key, value, fallback);
    return fallback;
}

void cmdline_for_each_prefix(const char *prefix, void (*set)(const char *name, const char *value, void *ctx),
                             void *ctx)
{
    for (unsigned i = 0; i < nr_words; i++) {
        const char *name = key_after_prefix(words[i].key, prefix);
        if (!name || !*name)
            continue;
        words[i].known = true;
        set(name, words[i].value, ctx);
    }
}

void cmdline_warn_unknown(void)
{
    for (unsigned i = 0; i < nr_words; i++)
        if (words[i].known)
            continue;
        else if (words[i].file_line)
            pr_warn(CONFIG_FILE_NAME " line %u: nobody knows \"%s%s%s\"; ignored", words[i].file_line,
                    words[i].key, *words[i].value ? "=" : "", words[i].value);
        else
            pr_warn("command line: nobody knows \"%s%s%s\"; ignored", words[i].key,
                    *words[i].value ? "=" : "", words[i].value);
}
