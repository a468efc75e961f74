/*
 * ip_set.c - the members of sets: an open hash table with linear probing, at most three quarters full.
 */
#include "net/netfilter/ip_set.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/netfilter/xt_rules.h"

#define IP_SET_ROOM_MIN 16u

/* --- the table --- */

static uint32_t ip_set_slot(const struct ip_set_members *m, const struct ip_set_key *key)
{
    return (uint32_t)hsiphash_3u32((__force uint32_t)key->addr, key->port,
                                   (uint32_t)key->protocol << 8 | key->prefix, &m->secret) &
           (m->room - 1);
}

static bool ip_set_same(const struct ip_set_key *a, const struct ip_set_key *b)
{
    return !memcmp(a, b, sizeof(*a));
}

/* Where the key is, or the empty place where it would go. */
static struct ip_set_key *ip_set_place(const struct ip_set_members *m, const struct ip_set_key *key)
{
    uint32_t i = ip_set_slot(m, key);

    while (m->keys[i].prefix && !ip_set_same(&m->keys[i], key))
        i = (i + 1) & (m->room - 1);
    return &m->keys[i];
}

struct ip_set_members *ip_set_members_create(struct net *net, enum ip_set_type type, uint32_t max)
{
    struct ip_set_members *m = kzalloc(sizeof(*m));

    if (!m)
        return NULL;
    m->type = type;
    m->max = max;
    m->secret = net->secret;
    m->room = IP_SET_ROOM_MIN;
    m->keys = kcalloc(m->room, sizeof(*m->keys));
    if (!m->keys) {
        kfree(m);
        return NULL;
    }
    return m;
}

struct ip_set_members *ip_set_members_copy(const struct ip_set_members *from)
{
    struct ip_set_members *m = kmalloc(sizeof(*m));

    if (!m)
        return NULL;
    *m = *from;
    m->keys = kcalloc(m->room, sizeof(*m->keys));
    if (!m->keys) {
        kfree(m);
        return NULL;
    }
    memcpy(m->keys, from->keys, m->room * sizeof(*m->keys));
    return m;
}

void ip_set_members_destroy(struct ip_set_members *m)
{
    if (!m)
        return;
    kfree(m->keys);
    kfree(m);
}

static int ip_set_grow(struct ip_set_members *m)
{
    struct ip_set_key *old = m->keys, *keys = kcalloc((size_t)m->room * 2, sizeof(*keys));
    uint32_t room = m->room;

    if (!keys)
        return -ENOMEM;
    m->keys = keys;
    m->room = room * 2;
    for (uint32_t i = 0; i < room; i++)
        if (old[i].prefix)
            *ip_set_place(m, &old[i]) = old[i];
    kfree(old);
    return 0;
}

int ip_set_add(struct ip_set_members *m, const struct ip_set_key *key)
{
    if (ip_set_has(m, key))
        return -EEXIST;
    if (m->count >= m->max)
        return -ENOSPC;
    if (m->count + 1 > m->room / 4 * 3 && ip_set_grow(m))
        return -ENOMEM;
    *ip_set_place(m, key) = *key;
    m->count++;
    m->nr_prefix[key->prefix - 1]++;
    m->prefixes |= 1ull << (key->prefix - 1);
    return 0;
}

/* Those that were pushed past the gap move up, so that no search ends there too early. */
static void ip_set_close_gap(struct ip_set_members *m, uint32_t gap)
{
    uint32_t mask = m->room - 1;

    for (uint32_t i = (gap + 1) & mask; m->keys[i].prefix; i = (i + 1) & mask) {
        uint32_t home = ip_set_slot(m, &m->keys[i]);

        if (((i - home) & mask) < ((i - gap) & mask))
            continue; /* its search begins behind the gap */
        m->keys[gap] = m->keys[i];
        gap = i;
    }
    m->keys[gap] = (struct ip_set_key){.prefix = 0};
}

int ip_set_del(struct ip_set_members *m, const struct ip_set_key *key)
{
    struct ip_set_key *place = ip_set_place(m, key);

    if (!place->prefix)
        return -ENOENT;
    ip_set_close_gap(m, (uint32_t)(place - m->keys));
    m->count--;
    if (--m->nr_prefix[key->prefix - 1] == 0)
        m->prefixes &= ~(1ull << (key->prefix - 1));
    return 0;
}

bool ip_set_has(const struct ip_set_members *m, const struct ip_set_key *key)
{
    return ip_set_place(m, key)->prefix != 0;
}

void ip_set_flush(struct ip_set_members *m)
{
    memset(m->keys, 0, m->room * sizeof(*m->keys));
    memset(m->nr_prefix, 0, sizeof(m->nr_prefix));
    m->count = 0;
    m->prefixes = 0;
}

/* --- sets --- */

static bool ip_set_test_net(const struct ip_set_members *m, be32 addr)
{
    for (uint64_t left = m->prefixes; left; left &= left - 1) {
        unsigned len = (unsigned)__builtin_ctzll(left);
        struct ip_set_key key = {.addr = addr & cpu_to_be32(len ? 0xffffffffu << (32 - len) : 0),
                                 .prefix = (uint8_t)(len + 1)};

        if (ip_set_has(m, &key))
            return true;
    }
    return false;
}

bool ip_set_test(const struct ip_set *set, be32 addr, uint8_t protocol, uint16_t port)
{
    struct ip_set_key key = {.addr = addr, .prefix = 33};

    switch (set->type) {
    case IP_SET_NET:
        return ip_set_test_net(set->members, addr);
    case IP_SET_IP_PORT:
        key.port = port;
        key.protocol = protocol;
        return ip_set_has(set->members, &key);
    case IP_SET_IP:
        return ip_set_has(set->members, &key);
    }
    return false;
}

struct ip_set *ip_set_find(struct net *net, const char *name)
{
    struct ip_set *set;

    list_for_each_entry (set, &net->xt->sets, list)
        if (!strcmp(set->name, name))
            return set;
    return NULL;
}

struct ip_set *ip_set_create(struct net *net, const char *name, enum ip_set_type type)
{
    struct ip_set *set = kzalloc(sizeof(*set));

    if (!set)
        return NULL;
    strlcpy(set->name, name, sizeof(set->name));
    set->type = type;
    list_add_tail(&set->list, &net->xt->sets);
    return set;
}

void ip_set_destroy(struct ip_set *set)
{
    list_del_init(&set->list);
    ip_set_members_destroy(set->members);
    kfree(set);
}

void ip_set_exit(struct net *net)
{
    struct ip_set *set, *next;

    list_for_each_entry_safe (set, next, &net->xt->sets, list)
        ip_set_destroy(set);
}
