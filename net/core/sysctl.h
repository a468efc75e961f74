/*
 * sysctl.h - settings by name, as sysctl knows them: "net.ipv4.tcp_rmem".
 */
#ifndef NET_CORE_SYSCTL_H
#define NET_CORE_SYSCTL_H

#include <stddef.h>

#include "kernel/list.h"

struct net;

/* How an entry that is no number is read and written. */
struct sysctl_text {
    int (*set)(struct net *net,
               const char *value); /* without blanks around it. 0 or -E...; NULL: read only */
    int (*get)(struct net *net, char *buf, size_t size); /* the length it has, as snprintf() */
};

struct sysctl_entry {
    const char *name; /* in full, with dots */
    void *data;       /* count ints, in the owner's state; with SYSCTL_TEXT a struct sysctl_text */
    int count;
    int min, max; /* of each */
};
#define SYSCTL_TEXT 0 /* as count */

/* Embedded by the owner; entries end with name == NULL. */
struct sysctl_table {
    struct list_head list;
    struct sysctl_entry *entries;
    void (*changed)(struct net *net, const struct sysctl_entry *entry); /* has a new value; may be NULL */
};

void register_sysctl(struct net *net, struct sysctl_table *table, struct sysctl_entry *entries);
void unregister_sysctl(struct sysctl_table *table);

/* "4096 131072 6291456" for three ints. 0, -ENOENT, -EINVAL (no number, wrong count), -ERANGE, -EACCES. */
int sysctl_set(struct net *net, const char *name, const char *value);
/* The value as text: its length, or -ENOENT. */
int sysctl_get(struct net *net, const char *name, char *buf, size_t size);
/* Calls fn for every entry until it returns false. */
void sysctl_for_each(struct net *net, bool (*fn)(const struct sysctl_entry *entry, void *ctx), void *ctx);

#endif
