/*
 * sysctl.c - settings by name.
 *
 * Each room registers a table of its own ints, and of texts it reads and writes itself; the command line
 * (sysctl.net.ipv4.x=y) and the console reach them here, within the limits the owner gave.
 */
#include "net/core/sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "net/core/net.h"

#define SYSCTL_MAX_VALUES 8
#define SYSCTL_TEXT_MAX   96

void register_sysctl(struct net *net, struct sysctl_table *table, struct sysctl_entry *entries)
{
    table->entries = entries;
    list_add_tail(&table->list, &net->sysctl_tables);
}

void unregister_sysctl(struct sysctl_table *table)
{
    list_del_init(&table->list);
}

void sysctl_for_each(struct net *net, bool (*fn)(const struct sysctl_entry *entry, void *ctx), void *ctx)
{
    const struct sysctl_table *table;

    list_for_each_entry (table, &net->sysctl_tables, list) {
        for (const struct sysctl_entry *entry = table->entries; entry->name; entry++) {
            if (!fn(entry, ctx))
                return;
        }
    }
}

struct sysctl_search {
    const char *name;
    const struct sysctl_entry *found;
};

static bool sysctl_match(const struct sysctl_entry *entry, void *ctx)
{
    struct sysctl_search *search = ctx;

    if (strcmp(entry->name, search->name) != 0)
        return true;
    search->found = entry;
    return false;
}

/* The owner of an entry hears of its new value. */
static void sysctl_tell(struct net *net, const struct sysctl_entry *entry)
{
    const struct sysctl_table *table;

    list_for_each_entry (table, &net->sysctl_tables, list) {
        if (!table->changed)
            continue;
        for (const struct sysctl_entry *e = table->entries; e->name; e++) {
            if (e == entry) {
                table->changed(net, entry);
                return;
            }
        }
    }
}

static const struct sysctl_entry *sysctl_find(struct net *net, const char *name)
{
    struct sysctl_search search = {.name = name};

    sysctl_for_each(net, sysctl_match, &search);
    return search.found;
}

static int sysctl_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/*
 * One whole number, also as 0x200, with blanks around it. 0, -EINVAL, or -ERANGE for one no int can hold;
 * *text moves behind it.
 */
static int sysctl_parse_int(const char **text, int *value)
{
    const char *p = *text;
    long long number = 0;
    bool negative = *p == '-';

    p += negative;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    int (*is_digit)(int) = hex ? isxdigit : isdigit;
    p += hex ? 2 : 0;
    if (!is_digit((unsigned char)*p))
        return -EINVAL;
    for (; is_digit((unsigned char)*p); p++) {
        number = number * (hex ? 16 : 10) + sysctl_digit(*p);
        if (number > (long long)INT_MAX + 1)
            return -ERANGE;
    }
    if (*p && !isspace((unsigned char)*p))
        return -EINVAL;
    if (negative)
        number = -number;
    if (number > INT_MAX)
        return -ERANGE;
    while (isspace((unsigned char)*p))
        p++;
    *text = p;
    *value = (int)number;
    return 0;
}

static int sysctl_set_text(struct net *net, const struct sysctl_text *text, const char *value)
{
    char trimmed[SYSCTL_TEXT_MAX];
    size_t len = strlen(value);

    if (!text->set)
        return -EACCES;
    while (len && isspace((unsigned char)value[len - 1]))
        len--;
    if (len >= sizeof(trimmed))
        return -EINVAL;
    memcpy(trimmed, value, len);
    trimmed[len] = '\0';
    return text->set(net, trimmed);
}

int sysctl_set(struct net *net, const char *name, const char *value)
{
    const struct sysctl_entry *entry = sysctl_find(net, name);
    int values[SYSCTL_MAX_VALUES];

    if (!entry)
        return -ENOENT;
    if (entry->count > SYSCTL_MAX_VALUES)
        return -EINVAL;
    while (isspace((unsigned char)*value))
        value++;
    if (entry->count == SYSCTL_TEXT)
        return sysctl_set_text(net, entry->data, value);
    for (int i = 0; i < entry->count; i++) {
        int err = sysctl_parse_int(&value, &values[i]);
        if (err)
            return err;
        if (values[i] < entry->min || values[i] > entry->max)
            return -ERANGE;
    }
    if (*value)
        return -EINVAL;
    memcpy(entry->data, values, (size_t)entry->count * sizeof(values[0])); /* all or nothing */
    sysctl_tell(net, entry);
    return 0;
}

int sysctl_get(struct net *net, const char *name, char *buf, size_t size)
{
    const struct sysctl_entry *entry = sysctl_find(net, name);
    size_t len = 0;

    if (!entry)
        return -ENOENT;
    if (size)
        buf[0] = '\0';
    if (entry->count == SYSCTL_TEXT)
        return ((const struct sysctl_text *)entry->data)->get(net, buf, size);
    const int *values = entry->data;
    for (int i = 0; i < entry->count; i++) {
        size_t at = min(len, size);
        len += (size_t)snprintf(buf + at, size - at, i ? " %d" : "%d", values[i]);
    }
    return (int)len;
}
