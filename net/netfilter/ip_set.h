/*
 * ip_set.h - sets of addresses, by name: one rule (-m set) asks for thousands of them at the cost of one.
 *
 *     hash:ip       addresses
 *     hash:net      prefixes; one probe for each length in use
 *     hash:ip,port  address, protocol and port
 *     hash:net,port prefix, protocol and port
 *
 * A set is a name that rules refer to, and members that may be exchanged as a whole behind it. Members lie in
 * an open hash table under a secret key, so nobody can choose addresses that collide.
 *
 * Members of a set with timeouts end by themselves: from then on nobody finds them, and their places are
 * swept a few at a time by those who add others. So a packet that adds its sender (-j SET) never pays for
 * many. When a set is full it takes no more, unless it says forceadd: then one of its members makes room.
 */
#ifndef NET_NETFILTER_IP_SET_H
#define NET_NETFILTER_IP_SET_H

#include "net/core/net.h"

struct xt_parse;
struct xt_text;

#define IP_SET_NAME        32       /* with the NUL */
#define IP_SETS_MAX        1024     /* in one stack */
#define IP_SET_MAXELEM     65536    /* members, unless the set says otherwise */
#define IP_SET_MAXELEM_MAX 262144   /* ... at most */
#define IP_SET_TIMEOUT_MAX 2147483u /* seconds, as in Linux */
#define IP_SET_SWEEP       8u       /* places looked at for each member that is added ... */
#define IP_SET_SWEEP_FULL  1024u    /* ... and when the set is full */

enum ip_set_type { IP_SET_IP, IP_SET_NET, IP_SET_IP_PORT, IP_SET_NET_PORT };

static inline bool ip_set_has_ports(enum ip_set_type type)
{
    return type == IP_SET_IP_PORT || type == IP_SET_NET_PORT;
}

static inline bool ip_set_has_nets(enum ip_set_type type)
{
    return type == IP_SET_NET || type == IP_SET_NET_PORT;
}

/* A member, or a packet's question. */
struct ip_set_key {
    be32 addr;
    uint16_t port;
    uint8_t protocol;
    uint8_t prefix; /* 0 - 32, plus one: 0 is an empty place */
};
_Static_assert(sizeof(struct ip_set_key) == 8, "one word");

struct ip_set_members {
    enum ip_set_type type;
    struct siphash_key secret;
    uint32_t count, max, room; /* room: a power of two */
    uint32_t nr_prefix[33];
    uint64_t prefixes; /* bit n: there are members with a prefix of n */
    struct ip_set_key *keys;
    bool timed;           /* members may end by themselves ... */
    uint32_t timeout_s;   /* ... after so long, unless they say otherwise; 0: they stay */
    bool forceadd;        /* full: a member makes room for a new one */
    uint32_t swept;       /* the place to be swept next */
    uint64_t *expires_ms; /* of each place, on ktime_get_ms(); 0: stays. NULL if the set is not timed */
};

struct ip_set {
    struct list_head list; /* netns_xt.sets */
    char name[IP_SET_NAME];
    enum ip_set_type type;
    unsigned references; /* rules */
    struct ip_set_members *members;
};

/* --- ip_set.c --- */

/* What `create` says of a set. */
struct ip_set_params {
    enum ip_set_type type;
    uint32_t max;
    bool timed, forceadd;
    uint32_t timeout_s;
};

struct ip_set_members *__must_check ip_set_members_create(struct net *net,
                                                          const struct ip_set_params *params);
struct ip_set_members *__must_check ip_set_members_copy(const struct ip_set_members *from);
void ip_set_members_destroy(struct ip_set_members *members); /* NULL is fine */
/**
 * ip_set_add - one more member
 * @timeout_s: ends so many seconds from now; 0: stays. Of a set without timeouts: ignored
 * @again:     one that is there already is no mistake, and begins its time anew
 *
 * Return: 0, -EEXIST, -ENOSPC (full), -ENOMEM.
 */
int ip_set_add(struct ip_set_members *members, const struct ip_set_key *key, uint32_t timeout_s, bool again);
int ip_set_del(struct ip_set_members *members, const struct ip_set_key *key);        /* 0, -ENOENT */
bool ip_set_has(const struct ip_set_members *members, const struct ip_set_key *key); /* exactly this member */
void ip_set_sweep(struct ip_set_members *members, uint32_t places); /* what has ended there goes */
/* Whether there is a member at this place; *left_s: seconds it has left, rounded up, 0: it stays. */
bool ip_set_member_at(const struct ip_set_members *members, uint32_t place, uint32_t *left_s);
/* The member a packet's address (and protocol and port) would be. */
struct ip_set_key ip_set_key_of(const struct ip_set *set, be32 addr, uint8_t protocol, uint16_t port);
void ip_set_flush(struct ip_set_members *members);

/* Whether the set holds this address (and protocol and port). */
bool ip_set_test(const struct ip_set *set, be32 addr, uint8_t protocol, uint16_t port);

struct ip_set *ip_set_find(struct net *net, const char *name);
struct ip_set *__must_check ip_set_create(struct net *net, const char *name, enum ip_set_type type);
void ip_set_destroy(struct ip_set *set); /* without references */
void ip_set_exit(struct net *net);

/* --- ip_set_command.c --- */

bool ip_set_is_command(const char *word);
/* The words of a line as a command; while a text is read, on sets that wait for its end. */
int __must_check ip_set_run(struct xt_parse *in, struct xt_text *out);
void ip_set_commit(struct xt_parse *in);  /* the text was right: what waited is in force */
void ip_set_unstage(struct xt_parse *in); /* it was not: forget it */

#endif
