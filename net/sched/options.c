/*
 * options.c - the words of a discipline, in and out: "rate=10mbit,burst=32k", as tc(8) writes its values.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/sched/sched.h"

struct unit {
    const char *name;
    uint64_t times, per; /* value * times / per */
};

static const struct unit number_units[] = {{"", 1, 1}, {"p", 1, 1}, {NULL, 0, 0}};
static const struct unit rate_units[] = {
    {"", 1, 8},
    {"bit", 1, 8},
    {"kbit", 1000, 8},
    {"mbit", 1000000, 8},
    {"gbit", 1000000000, 8},
    {"kibit", 1024, 8},
    {"mibit", 1 << 20, 8},
    {"bps", 1, 1},
    {"kbps", 1000, 1},
    {"mbps", 1000000, 1},
    {"gbps", 1000000000, 1},
    {NULL, 0, 0},
};
static const struct unit size_units[] = {
    {"", 1, 1},        {"b", 1, 1},        {"k", 1024, 1}, {"kb", 1024, 1},
    {"m", 1 << 20, 1}, {"mb", 1 << 20, 1}, {NULL, 0, 0},
};
static const struct unit time_units[] = {
    {"us", 1000, 1},      {"usec", 1000, 1},      {"ms", 1000000, 1}, {"msec", 1000000, 1},
    {"s", 1000000000, 1}, {"sec", 1000000000, 1}, {NULL, 0, 0},
};

static const struct {
    const struct unit *units;
    const char *example;
} option_kinds[] = {
    [OPTION_NUMBER] = {number_units, "a number like 1000"},
    [OPTION_RATE] = {rate_units, "a rate like 10mbit, 500kbit or 125kbps (bytes)"},
    [OPTION_SIZE] = {size_units, "a size like 1514, 32k or 1m"},
    [OPTION_TIME] = {time_units, "a time like 5ms or 500us"},
};

/* Digits and a unit. Return: whether it is one, and fits. */
static bool parse_value(const char *text, size_t len, const struct unit *units, uint64_t *value)
{
    uint64_t number = 0;
    size_t digits = 0;

    for (; digits < len && isdigit((unsigned char)text[digits]); digits++) {
        if (digits >= 10)
            return false;
        number = number * 10 + (uint64_t)(text[digits] - '0');
    }
    if (!digits)
        return false;
    for (; units->name; units++) {
        if (strlen(units->name) == len - digits && !strncasecmp(units->name, text + digits, len - digits)) {
            *value = number * units->times / units->per; /* 10^10 * 10^9 at most: fits 64 bits unsigned */
            return true;
        }
    }
    return false;
}

static int option_value(const char *what, const struct qdisc_option *option, const char *text, size_t len,
                        struct qdisc_why *why)
{
    uint64_t value;

    if (option->kind == OPTION_WORD) {
        if (!len || len >= QDISC_WORD_MAX) {
            snprintf(why->text, sizeof(why->text), "%s: %s= wants a name", what, option->key);
            return -EINVAL;
        }
        memcpy(option->value, text, len);
        ((char *)option->value)[len] = '\0';
        return 0;
    }
    if (!parse_value(text, len, option_kinds[option->kind].units, &value)) {
        snprintf(why->text, sizeof(why->text), "%s: %s=%.*s is not %s", what, option->key, (int)len, text,
                 option_kinds[option->kind].example);
        return -EINVAL;
    }
    if (value < option->min || value > option->max) {
        snprintf(why->text, sizeof(why->text), "%s: %s=%.*s is out of range: %llu to %llu%s", what,
                 option->key, (int)len, text, (unsigned long long)option->min,
                 (unsigned long long)option->max,
                 option->kind == OPTION_RATE   ? " bytes per second"
                 : option->kind == OPTION_SIZE ? " bytes"
                 : option->kind == OPTION_TIME ? " ns"
                                               : "");
        return -EINVAL;
    }
    *(uint64_t *)option->value = value;
    return 0;
}

static int option_unknown(const char *what, const char *text, size_t len, const struct qdisc_option *table,
                          struct qdisc_why *why)
{
    size_t at = (size_t)snprintf(why->text, sizeof(why->text), "%s: it knows no \"%.*s\"; it knows", what,
                                 (int)min(len, (size_t)24), text);

    for (; table->key && at < sizeof(why->text); table++)
        at += (size_t)snprintf(why->text + at, sizeof(why->text) - at, " %s", table->key);
    return -EINVAL;
}

/* One word between commas. */
static int option_parse(const char *what, const char *text, size_t len, const struct qdisc_option *table,
                        struct qdisc_why *why)
{
    const char *equals = memchr(text, '=', len);
    size_t key_len = equals ? (size_t)(equals - text) : len;

    for (const struct qdisc_option *o = table; o->key; o++) {
        bool flag = o->kind == OPTION_FLAG, no = flag && key_len > 2 && !strncmp(text, "no", 2);
        const char *key = no ? text + 2 : text;
        size_t n = no ? key_len - 2 : key_len;

        if (strlen(o->key) != n || strncmp(o->key, key, n) || flag != !equals)
            continue;
        if (flag) {
            *(uint64_t *)o->value = !no;
            return 0;
        }
        return option_value(what, o, equals + 1, len - key_len - 1, why);
    }
    return option_unknown(what, text, len, table, why);
}

int qdisc_parse_options(const char *what, const char *text, const struct qdisc_option *table,
                        struct qdisc_why *why)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        int err = len ? option_parse(what, text, len, table, why) : 0;

        if (err)
            return err;
        text += len + (text[len] == ',');
    }
    return 0;
}

static const char *scaled(uint64_t value, const uint64_t *steps, const char *const *names, char *buf)
{
    while (*steps > 1 && (value < *steps || value % *steps)) {
        steps++;
        names++;
    }
    snprintf(buf, QDISC_TEXT_MAX, "%llu%s", (unsigned long long)(value / *steps), *names);
    return buf;
}

const char *qdisc_rate_text(uint64_t bytes_per_second, char *buf)
{
    static const uint64_t steps[] = {1000000000, 1000000, 1000, 1};
    static const char *const names[] = {"Gbit", "Mbit", "Kbit", "bit"};

    return scaled(bytes_per_second * 8, steps, names, buf);
}

const char *qdisc_time_text(uint64_t ns, char *buf)
{
    static const uint64_t steps[] = {1000000000, 1000000, 1000, 1};
    static const char *const names[] = {"s", "ms", "us", "ns"};

    return scaled(ns, steps, names, buf);
}
