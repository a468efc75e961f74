/*
 * ip_set.c - the members of sets: an open hash table with linear probing, at most three quarters full.
 */
#include "net/netfilter/ip_set.h"

#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "kernel/time.h"
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

/* Its time is over: nobody finds it any more, though its place is still taken. */
static bool ip_set_ended(const struct ip_set_members *m, uint32_t place)
{
    return unlikely(m->expires_ms != NULL) && m->expires_ms[place] && m->expires_ms[place] <= ktime_get_ms();
}

/* Where the key is, or the empty place where it would go. */
static struct ip_set_key *ip_set_place(const struct ip_set_members *m, const struct ip_set_key *key)
{
    uint32_t i = ip_set_slot(m, key);

    while (m->keys[i].prefix && !ip_set_same(&m->keys[i], key))
        i = (i + 1) & (m->room - 1);
    return &m->keys[i];
}

/* Places for `room` members, in keys and, if they are timed, expires_ms: 0 or -ENOMEM. */
static int ip_set_alloc(const struct ip_set_members *m, uint32_t room, struct ip_set_key **keys,
                        uint64_t **expires_ms)
{
    *keys = kcalloc(room, sizeof(**keys));
    *expires_ms = *keys && m->timed ? kcalloc(room, sizeof(**expires_ms)) : NULL;
    if (*keys && (*expires_ms || !m->timed))
        return 0;
    kfree(*keys);
    return -ENOMEM;
}

struct ip_set_members *ip_set_members_create(struct net *net, const struct ip_set_params *params)
{
    struct ip_set_members *m = kzalloc(sizeof(*m));

    if (!m)
        return NULL;
    m->type = params->type;
    m->max = params->max;
    m->timed = params->timed;
    m->timeout_s = params->timeout_s;
    m->forceadd = params->forceadd;
    m->secret = net->secret;
    m->room = IP_SET_ROOM_MIN;
    if (ip_set_alloc(m, m->room, &m->keys, &m->expires_ms)) {
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
    if (ip_set_alloc(m, m->room, &m->keys, &m->expires_ms)) {
        kfree(m);
        return NULL;
    }
    memcpy(m->keys, from->keys, m->room * sizeof(*m->keys));
    if (m->timed)
        memcpy(m->expires_ms, from->expires_ms, m->room * sizeof(*m->expires_ms));
    return m;
}

void ip_set_members_destroy(struct ip_set_members *m)
{
    if (!m)
        return;
    kfree(m->keys);
    kfree(m->expires_ms);
    kfree(m);
}

static int ip_set_grow(struct ip_set_members *m)
{
    struct ip_set_members old = *m;

    if (ip_set_alloc(m, old.room * 2, &m->keys, &m->expires_ms)) {
        *m = old;
        return -ENOMEM;
    }
    m->room = old.room * 2;
    m->swept = 0;
    for (uint32_t i = 0; i < old.room; i++) {
        struct ip_set_key *place;

        if (!old.keys[i].prefix)
            continue;
        place = ip_set_place(m, &old.keys[i]);
        *place = old.keys[i];
        if (m->timed)
            m->expires_ms[place - m->keys] = old.expires_ms[i];
    }
    kfree(old.keys);
    kfree(old.expires_ms);
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
        if (m->timed)
            m->expires_ms[gap] = m->expires_ms[i];
        gap = i;
    }
    m->keys[gap] = (struct ip_set_key){.prefix = 0};
}

static void ip_set_remove(struct ip_set_members *m, uint32_t place)
{
    unsigned length = m->keys[place].prefix - 1u;

    ip_set_close_gap(m, place);
    m->count--;
    if (--m->nr_prefix[length] == 0)
        m->prefixes &= ~(1ull << length);
}

/* A gap is closed by a member from further on: the same place is looked at again. */
void ip_set_sweep(struct ip_set_members *m, uint32_t places)
{
    for (uint32_t n = m->timed ? places : 0; n; n--) {
        if (m->keys[m->swept].prefix && ip_set_ended(m, m->swept))
            ip_set_remove(m, m->swept);
        else
            m->swept = (m->swept + 1) & (m->room - 1);
    }
}

/* One place for a new member: 0, -ENOSPC, -ENOMEM. */
static int ip_set_make_room(struct ip_set_members *m)
{
    ip_set_sweep(m, m->count < m->max ? IP_SET_SWEEP : IP_SET_SWEEP_FULL);
    if (m->count >= m->max && m->forceadd) {
        /* Whoever comes next behind the place last swept: under the secret that is nobody's choice. */
        while (!m->keys[m->swept].prefix)
            m->swept = (m->swept + 1) & (m->room - 1);
        ip_set_remove(m, m->swept);
    }
    if (m->count >= m->max)
        return -ENOSPC;
    return m->count + 1 > m->room / 4 * 3 ? ip_set_grow(m) : 0;
}

int ip_set_add(struct ip_set_members *m, const struct ip_set_key *key, uint32_t timeout_s, bool again)
{
    uint64_t expires_ms = timeout_s ? ktime_get_ms() + timeout_s * 1000ull : 0;
    struct ip_set_key *place = ip_set_place(m, key);
    int err;

    if (!place->prefix) {
        err = ip_set_make_room(m);
        if (err)
            return err;
        place = ip_set_place(m, key);
        *place = *key;
        m->count++;
        m->nr_prefix[key->prefix - 1]++;
        m->prefixes |= 1ull << (key->prefix - 1);
    } else if (!again && !ip_set_ended(m, (uint32_t)(place - m->keys))) {
        return -EEXIST;
    }
    if (m->timed)
        m->expires_ms[place - m->keys] = expires_ms;
    return 0;
}

int ip_set_del(struct ip_set_members *m, const struct ip_set_key *key)
{
    uint32_t place = (uint32_t)(ip_set_place(m, key) - m->keys);
    bool ended = ip_set_ended(m, place);

    if (!m->keys[place].prefix)
        return -ENOENT;
    ip_set_remove(m, place);
    return ended ? -ENOENT : 0;
}

bool ip_set_has(const struct ip_set_members *m, const struct ip_set_key *key)
{
    uint32_t place = (uint32_t)(ip_set_place(m, key) - m->keys);

    return m->keys[place].prefix && !ip_set_ended(m, place);
}

bool ip_set_member_at(const struct ip_set_members *m, uint32_t place, uint32_t *left_s)
{
    *left_s = 0;
    if (!m->keys[place].prefix || ip_set_ended(m, place))
        return false;
    if (m->timed && m->expires_ms[place])
        *left_s = (uint32_t)((m->expires_ms[place] - ktime_get_ms() + 999) / 1000);
    return true;
}

void ip_set_flush(struct ip_set_members *m)
{
    memset(m->keys, 0, m->room * sizeof(*m->keys));
    memset(m->nr_prefix, 0, sizeof(m->nr_prefix));
    m->swept = 0;
    m->count = 0;
    m->prefixes = 0;
}

/* --- sets --- */

static bool ip_set_test_net(const struct ip_set_members *m, struct ip_set_key key)
{
    be32 addr = key.addr;

    for (uint64_t left = m->prefixes; left; left &= left - 1) {
        unsigned len = (unsigned)__builtin_ctzll(left);

        key.addr = addr & cpu_to_be32(len ? 0xffffffffu << (32 - len) : 0);
        key.prefix = (uint8_t)(len + 1);
        if (ip_set_has(m, &key))
            return true;
    }
    return false;
}

struct ip_set_key ip_set_key_of(const struct ip_set *set, be32 addr, uint8_t protocol, uint16_t port)
{
    struct ip_set_key key = {.addr = addr, .prefix = 33};

    if (ip_set_has_ports(set->type)) {
        key.port = port;
        key.protocol = protocol;
    }
    return key;
}

bool ip_set_test(const struct ip_set *set, be32 addr, uint8_t protocol, uint16_t port)
{
    struct ip_set_key key = ip_set_key_of(set, addr, protocol, port);

    return ip_set_has_nets(set->type) ? ip_set_test_net(set->members, key) : ip_set_has(set->members, &key);
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
