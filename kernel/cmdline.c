/*
 * cmdline.c - the kernel command line, split once into words.
 *
 * Runs before there is memory to allocate, so line and words are static.
 */
#include "kernel/cmdline.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"

#define LINE_MAX_LEN 4096
#define WORDS_MAX    128

struct word {
    const char *key, *value; /* value "" for a bare word */
    bool known;
};

static char line[LINE_MAX_LEN];
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

static void add_word(char *word)
{
    if (nr_words == WORDS_MAX) {
        pr_warn("command line: more than %d words; \"%s\" is ignored", WORDS_MAX, word);
        return;
    }
    char *equals = strchr(word, '=');
    if (equals)
        *equals = '\0';
    words[nr_words++] = (struct word){.key = word, .value = equals ? equals + 1 : ""};
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

void cmdline_init(const char *text)
{
    size_t len = strnlen(text, LINE_MAX_LEN);
    nr_words = 0;
    if (len == LINE_MAX_LEN) {
        len--;
        pr_warn("command line: longer than %d characters; the rest is ignored", LINE_MAX_LEN - 1);
    }
    memcpy(line, text, len);
    line[len] = '\0';

    for (char *at = line; *at;) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        char *word = at;
        at = cut_word(at);
        if (*word)
            add_word(word);
    }
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
        if (!words[i].known)
            pr_warn("command line: nobody knows \"%s%s%s\"; ignored", words[i].key,
                    *words[i].value ? "=" : "", words[i].value);
}
