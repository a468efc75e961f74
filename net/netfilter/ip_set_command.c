/*
 * ip_set_command.c - sets as text: the commands of ipset, typed or as lines of a file (ipset save).
 *
 * In a file nothing is in force before the last line has been read: members gather beside the set they will
 * belong to. A set that is created again there gets its members anew.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/netfilter/ip_set.h"
#include "net/netfilter/iptables_parse.h"

/* Members that wait for the end of the text. */
struct ip_set_stage {
    struct list_head list; /* xt_parse.staged_sets */
    struct ip_set *set;
    struct ip_set_members *members; /* owned */
    bool is_new;                    /* the set was made for it */
};

struct ip_set_cmd {
    struct xt_parse *in;
    struct xt_text *out;
    bool exist;         /* -exist: what is there already, or is not, is no mistake */
    uint32_t timeout_s; /* of a member to be added */
};

static const char *const ip_set_types[] = {"hash:ip", "hash:net", "hash:ip,port", "hash:net,port", NULL};

/* --- waiting --- */

static struct ip_set_stage *ip_set_staged(struct xt_parse *in, const struct ip_set *set)
{
    struct ip_set_stage *stage;

    list_for_each_entry (stage, &in->staged_sets, list)
        if (stage->set == set)
            return stage;
    return NULL;
}

/* Takes members over, also when it fails. */
static struct ip_set_stage *ip_set_stage(struct xt_parse *in, struct ip_set *set,
                                         struct ip_set_members *members, bool is_new)
{
    struct ip_set_stage *stage = members ? kzalloc(sizeof(*stage)) : NULL;

    if (!stage) {
        ip_set_members_destroy(members);
        xt_parse_nomem(in);
        return NULL;
    }
    *stage = (struct ip_set_stage){.set = set, .members = members, .is_new = is_new};
    list_add_tail(&stage->list, &in->staged_sets);
    return stage;
}

void ip_set_commit(struct xt_parse *in)
{
    struct ip_set_stage *stage, *next;

    list_for_each_entry_safe (stage, next, &in->staged_sets, list) {
        ip_set_members_destroy(stage->set->members);
        stage->set->members = stage->members;
        list_del_init(&stage->list);
        kfree(stage);
    }
}

void ip_set_unstage(struct xt_parse *in)
{
    struct ip_set_stage *stage, *next;

    list_for_each_entry_safe (stage, next, &in->staged_sets, list) {
        ip_set_members_destroy(stage->members);
        if (stage->is_new)
            ip_set_destroy(stage->set);
        list_del_init(&stage->list);
        kfree(stage);
    }
}

/* --- words --- */

static struct ip_set *ip_set_named(struct xt_parse *in)
{
    const char *name = xt_parse_word(in);
    struct ip_set *set = name ? ip_set_find(in->net, name) : NULL;

    if (name && !set) {
        xt_parse_error(in, "there is no set \"%.40s\"; make it with: create %.40s hash:ip", name, name);
        in->err = -ENOENT;
    }
    return set;
}

/* The members that a command changes. */
static struct ip_set_members *ip_set_open(struct xt_parse *in, struct ip_set *set)
{
    struct ip_set_stage *stage;

    if (!in->staging)
        return set->members;
    stage = ip_set_staged(in, set);
    if (!stage)
        stage = ip_set_stage(in, set, ip_set_members_copy(set->members), false);
    return stage ? stage->members : NULL;
}

static bool ip_set_take_exist(struct ip_set_cmd *cmd)
{
    if (!xt_parse_take(cmd->in, "-exist") && !xt_parse_take(cmd->in, "-!"))
        return false;
    cmd->exist = true;
    return true;
}

static int ip_set_end(struct ip_set_cmd *cmd)
{
    while (ip_set_take_exist(cmd))
        ;
    if (xt_parse_done(cmd->in))
        return 0;
    return xt_parse_error(cmd->in, "\"%.40s\" is not understood here; leave it out", xt_parse_word(cmd->in));
}

/* What a member says: addresses from .. to (a prefix, for nets), protocol and port. */
struct ip_set_member {
    uint32_t from, to;
    uint8_t prefix, protocol;
    uint16_t port;
};

static int ip_set_parse_port(struct xt_parse *in, const char *text, struct ip_set_member *m)
{
    const char *colon = strchr(text, ':');
    uint64_t port;

    m->protocol = IPPROTO_TCP;
    if (colon && !strncmp(text, "udp:", 4))
        m->protocol = IPPROTO_UDP;
    else if (colon && strncmp(text, "tcp:", 4))
        return xt_parse_error(in, "\"%.40s\" is no port; write 80, tcp:80 or udp:53", text);
    if (xt_parse_number(colon ? colon + 1 : text, 65535, &port))
        return xt_parse_error(in, "\"%.40s\" is no port; write 80, tcp:80 or udp:53", text);
    m->port = (uint16_t)port;
    return 0;
}

static int ip_set_parse_addrs(struct xt_parse *in, enum ip_set_type type, char *text, struct ip_set_member *m)
{
    char *dash = strchr(text, '-');
    be32 addr, mask, to, full;
    int err;

    if (dash && ip_set_has_nets(type))
        return xt_parse_error(in, "this set holds prefixes; write 10.0.0.0/24, not a range");
    if (dash)
        *dash = '\0';
    err = xt_parse_addr_text(in, text, &addr, &mask);
    if (!err && dash)
        err = xt_parse_addr_text(in, dash + 1, &to, &full);
    if (err)
        return err;
    m->from = be32_to_cpu(addr);
    m->to = dash ? be32_to_cpu(to) : m->from | ~be32_to_cpu(mask);
    m->prefix = (uint8_t)xt_mask_length(mask);
    if (m->to < m->from || (~be32_to_cpu(mask) & (~be32_to_cpu(mask) + 1)))
        return xt_parse_error(in, "\"%.40s\" is no range of addresses; write FROM-TO, or /0 to /32", text);
    if (!ip_set_has_nets(type) && m->to - m->from >= IP_SET_MAXELEM)
        return xt_parse_error(in, "more than %d addresses at once; write them as hash:net", IP_SET_MAXELEM);
    return 0;
}

static int ip_set_parse_member(struct xt_parse *in, enum ip_set_type type, struct ip_set_member *m)
{
    char *text = xt_parse_word(in) ? in->words[in->at - 1] : NULL, *comma;

    *m = (struct ip_set_member){.from = 0};
    if (!text)
        return -EINVAL;
    comma = strchr(text, ',');
    if (!comma == ip_set_has_ports(type))
        return xt_parse_error(in,
                              comma ? "this set holds addresses alone; leave out \"%s\""
                                    : "this set holds addresses with ports; write ADDRESS,tcp:80 (\"%s\")",
                              comma ? comma : text);
    if (comma) {
        *comma = '\0';
        if (ip_set_parse_port(in, comma + 1, m))
            return -EINVAL;
    }
    return ip_set_parse_addrs(in, type, text, m);
}

/* --- commands --- */

static int ip_set_check_new(struct ip_set_cmd *cmd, const char *name)
{
    size_t len = strlen(name);
    bool right = len && len < IP_SET_NAME && name[0] != '-';
    unsigned count = 0;
    struct ip_set *set;

    for (const char *c = name; *c; c++)
        right = right && *c > ' ' && (uint8_t)*c < 127 && !strchr("\"'\\,#", *c);
    if (!right)
        return xt_parse_error(cmd->in, "\"%.40s\" is no name for a set; write up to 31 letters and digits",
                              name);
    list_for_each_entry (set, &cmd->in->net->xt->sets, list)
        count++;
    if (count >= IP_SETS_MAX)
        return xt_parse_error(cmd->in, "more than %d sets; put some together", IP_SETS_MAX);
    return 0;
}

/* "family inet hashsize 1024 maxelem 65536 timeout 300": how large the table begins is our own affair. */
static int ip_set_parse_params(struct ip_set_cmd *cmd, struct ip_set_params *params)
{
    uint32_t ignored;

    params->max = IP_SET_MAXELEM;
    for (;;) {
        if (xt_parse_take(cmd->in, "family")) {
            static const char *const families[] = {"inet", NULL};

            if (xt_parse_name(cmd->in, "family", families) < 0)
                return -EINVAL;
        } else if (xt_parse_take(cmd->in, "hashsize")) {
            if (xt_parse_u32(cmd->in, 1, UINT32_MAX, &ignored))
                return -EINVAL;
        } else if (xt_parse_take(cmd->in, "maxelem")) {
            if (xt_parse_u32(cmd->in, 1, IP_SET_MAXELEM_MAX, &params->max))
                return -EINVAL;
        } else if (xt_parse_take(cmd->in, "timeout")) {
            params->timed = true;
            if (xt_parse_u32(cmd->in, 0, IP_SET_TIMEOUT_MAX, &params->timeout_s))
                return -EINVAL;
        } else if (xt_parse_take(cmd->in, "forceadd")) {
            params->forceadd = true;
        } else if (!ip_set_take_exist(cmd)) {
            return ip_set_end(cmd);
        }
    }
}

static int ip_set_cmd_create(struct ip_set_cmd *cmd)
{
    struct xt_parse *in = cmd->in;
    const char *name = xt_parse_word(in);
    struct ip_set *old = name ? ip_set_find(in->net, name) : NULL, *set;
    struct ip_set_params params = {.max = 0};
    struct ip_set_members *members;
    int type;

    if (!name || (!old && ip_set_check_new(cmd, name)))
        return in->err;
    type = xt_parse_name(in, "type of set", ip_set_types);
    if (type < 0)
        return type;
    if (old && old->type != (enum ip_set_type)type)
        return xt_parse_error(in, "set %s is a %s already; destroy it first", name, ip_set_types[old->type]);
    params.type = (enum ip_set_type)type;
    if (ip_set_parse_params(cmd, &params))
        return in->err;
    if (old && (!in->staging || ip_set_staged(in, old))) {
        if (cmd->exist)
            return 0;
        xt_parse_error(in, "set %s is there already", name);
        return in->err = -EEXIST;
    }
    members = ip_set_members_create(in->net, &params);
    set = members && !old ? ip_set_create(in->net, name, (enum ip_set_type)type) : old;
    if (!members || !set) {
        ip_set_members_destroy(members);
        return xt_parse_nomem(in);
    }
    if (!in->staging) {
        set->members = members;
        return 0;
    }
    if (ip_set_stage(in, set, members, !old))
        return 0;
    if (!old)
        ip_set_destroy(set);
    return -ENOMEM;
}

static int ip_set_add_one(struct ip_set_cmd *cmd, struct ip_set *set, struct ip_set_members *members,
                          const struct ip_set_key *key)
{
    int err;

    if (members->count >= members->max)
        ip_set_sweep(members, members->room + members->count);
    err = ip_set_add(members, key, cmd->timeout_s, cmd->exist);
    if (!err)
        return 0;
    if (err == -ENOMEM)
        return xt_parse_nomem(cmd->in);
    if (err == -ENOSPC)
        return xt_parse_error(cmd->in, "set %s is full with %u members; create it with a larger maxelem",
                              set->name, members->count);
    xt_parse_error(cmd->in, "set %s has this member already; -exist lets it pass", set->name);
    return cmd->in->err = err;
}

static int ip_set_del_one(struct ip_set_cmd *cmd, struct ip_set *set, struct ip_set_members *members,
                          const struct ip_set_key *key)
{
    int err = ip_set_del(members, key);

    if (!err || cmd->exist)
        return 0;
    xt_parse_error(cmd->in, "set %s has no such member; -exist lets it pass", set->name);
    return cmd->in->err = err;
}

/* "timeout 60" behind a member: else that of the set. */
static int ip_set_parse_timeout(struct ip_set_cmd *cmd, const struct ip_set *set,
                                const struct ip_set_members *members)
{
    while (ip_set_take_exist(cmd))
        ;
    cmd->timeout_s = members->timeout_s;
    if (!xt_parse_take(cmd->in, "timeout"))
        return 0;
    if (!members->timed)
        return xt_parse_error(cmd->in, "set %s has no timeouts; create it with one: create %s %s timeout 300",
                              set->name, set->name, ip_set_types[set->type]);
    return xt_parse_u32(cmd->in, 0, IP_SET_TIMEOUT_MAX, &cmd->timeout_s);
}

static int ip_set_each(struct ip_set_cmd *cmd,
                       int (*fn)(struct ip_set_cmd *cmd, struct ip_set *set, struct ip_set_members *members,
                                 const struct ip_set_key *key))
{
    struct ip_set *set = ip_set_named(cmd->in);
    struct ip_set_members *members;
    struct ip_set_member m;
    int err;

    if (!set || ip_set_parse_member(cmd->in, set->type, &m))
        return cmd->in->err;
    members = ip_set_open(cmd->in, set);
    if (!members || (fn == ip_set_add_one && ip_set_parse_timeout(cmd, set, members)) || ip_set_end(cmd))
        return cmd->in->err;
    for (uint64_t addr = m.from; addr <= m.to; addr++) {
        struct ip_set_key key = {
            .addr = cpu_to_be32(addr), .port = m.port, .protocol = m.protocol, .prefix = 33};

        if (ip_set_has_nets(set->type))
            key.prefix = (uint8_t)(m.prefix + 1);
        err = fn(cmd, set, members, &key);
        if (err)
            return err;
        if (ip_set_has_nets(set->type))
            break;
    }
    return 0;
}

static int ip_set_cmd_add(struct ip_set_cmd *cmd)
{
    return ip_set_each(cmd, ip_set_add_one);
}

static int ip_set_cmd_del(struct ip_set_cmd *cmd)
{
    return ip_set_each(cmd, ip_set_del_one);
}

static int ip_set_cmd_test(struct ip_set_cmd *cmd)
{
    struct ip_set *set = ip_set_named(cmd->in);
    const char *text = xt_parse_peek(cmd->in);
    struct ip_set_member m;

    if (!set || ip_set_parse_member(cmd->in, set->type, &m) || ip_set_end(cmd))
        return cmd->in->err;
    if (ip_set_test(set, cpu_to_be32(m.from), m.protocol, m.port)) {
        xt_print(cmd->out, "%s is in set %s.\n", text, set->name);
        return 0;
    }
    xt_parse_error(cmd->in, "%s is NOT in set %s", text, set->name);
    return cmd->in->err = -ENOENT;
}

/* One set if it is named, else all. */
static int ip_set_for(struct ip_set_cmd *cmd, int (*fn)(struct ip_set_cmd *cmd, struct ip_set *set))
{
    struct ip_set *set, *next;
    int err = 0;

    if (!xt_parse_done(cmd->in)) {
        set = ip_set_named(cmd->in);
        return !set || ip_set_end(cmd) ? cmd->in->err : fn(cmd, set);
    }
    list_for_each_entry_safe (set, next, &cmd->in->net->xt->sets, list)
        if (!err)
            err = fn(cmd, set);
    return err;
}

static int ip_set_flush_one(struct ip_set_cmd *cmd, struct ip_set *set)
{
    struct ip_set_members *members = ip_set_open(cmd->in, set);

    if (!members)
        return cmd->in->err;
    ip_set_flush(members);
    return 0;
}

static int ip_set_destroy_one(struct ip_set_cmd *cmd, struct ip_set *set)
{
    if (set->references) {
        xt_parse_error(cmd->in, "%u rules refer to set %s; delete them first", set->references, set->name);
        return cmd->in->err = -EBUSY;
    }
    ip_set_destroy(set);
    return 0;
}

static void ip_set_print_member(struct xt_text *out, enum ip_set_type type, const struct ip_set_key *key)
{
    uint32_t mask = key->prefix > 1 ? 0xffffffffu << (33 - key->prefix) : 0;

    xt_print_addr(out, key->addr, cpu_to_be32(mask), true);
    if (ip_set_has_ports(type))
        xt_print(out, ",%s:%u", key->protocol == IPPROTO_UDP ? "udp" : "tcp", key->port);
}

static void ip_set_print_members(struct xt_text *out, const struct ip_set *set, const char *prefix)
{
    uint32_t left_s;

    for (uint32_t i = 0; i < set->members->room; i++) {
        if (!ip_set_member_at(set->members, i, &left_s))
            continue;
        xt_print(out, "%s%s%s", prefix, *prefix ? set->name : "", *prefix ? " " : "");
        ip_set_print_member(out, set->type, &set->members->keys[i]);
        if (set->members->timed)
            xt_print(out, " timeout %u", left_s);
        xt_print(out, "\n");
    }
}

/* What `create` would say of it; what has ended goes first, so that the figures are right. */
static void ip_set_print_params(struct xt_text *out, struct ip_set_members *m)
{
    ip_set_sweep(m, m->room + m->count);
    xt_print(out, "family inet hashsize %u maxelem %u", m->room, m->max);
    if (m->timed)
        xt_print(out, " timeout %u", m->timeout_s);
    xt_print(out, "%s\n", m->forceadd ? " forceadd" : "");
}

static int ip_set_list_one(struct ip_set_cmd *cmd, struct ip_set *set)
{
    struct ip_set_members *m = set->members;

    xt_print(cmd->out, "Name: %s\nType: %s\nRevision: 0\nHeader: ", set->name, ip_set_types[set->type]);
    ip_set_print_params(cmd->out, m);
    xt_print(cmd->out, "Size in memory: %zu\nReferences: %u\nNumber of entries: %u\nMembers:\n",
             sizeof(*set) + sizeof(*m) +
                 m->room * (sizeof(*m->keys) + (m->timed ? sizeof(*m->expires_ms) : 0)),
             set->references, m->count);
    ip_set_print_members(cmd->out, set, "");
    if (set->list.next != &cmd->in->net->xt->sets)
        xt_print(cmd->out, "\n");
    return 0;
}

static int ip_set_save_one(struct ip_set_cmd *cmd, struct ip_set *set)
{
    xt_print(cmd->out, "create %s %s ", set->name, ip_set_types[set->type]);
    ip_set_print_params(cmd->out, set->members);
    ip_set_print_members(cmd->out, set, "add ");
    return 0;
}

static int ip_set_cmd_flush(struct ip_set_cmd *cmd)
{
    return ip_set_for(cmd, ip_set_flush_one);
}

static int ip_set_cmd_destroy(struct ip_set_cmd *cmd)
{
    return ip_set_for(cmd, ip_set_destroy_one);
}

static int ip_set_cmd_list(struct ip_set_cmd *cmd)
{
    return ip_set_for(cmd, ip_set_list_one);
}

static int ip_set_cmd_save(struct ip_set_cmd *cmd)
{
    return ip_set_for(cmd, ip_set_save_one);
}

/* The names stay where rules look for them; what is behind changes places. */
static int ip_set_cmd_swap(struct ip_set_cmd *cmd)
{
    struct ip_set *a = ip_set_named(cmd->in), *b = a ? ip_set_named(cmd->in) : NULL;
    struct ip_set_members *members;

    if (!b || ip_set_end(cmd))
        return cmd->in->err;
    if (a->type != b->type)
        return xt_parse_error(cmd->in, "%s is a %s and %s a %s; only sets of one type change places", a->name,
                              ip_set_types[a->type], b->name, ip_set_types[b->type]);
    members = a->members;
    a->members = b->members;
    b->members = members;
    return 0;
}

static const struct ip_set_command {
    const char *name, *brief;
    int (*run)(struct ip_set_cmd *cmd);
    bool typed_only;
} ip_set_commands[] = {
    {"create", "-N", ip_set_cmd_create, false}, {"add", "-A", ip_set_cmd_add, false},
    {"del", "-D", ip_set_cmd_del, false},       {"flush", "-F", ip_set_cmd_flush, false},
    {"test", "-T", ip_set_cmd_test, true},      {"destroy", "-X", ip_set_cmd_destroy, true},
    {"list", "-L", ip_set_cmd_list, true},      {"save", "-S", ip_set_cmd_save, true},
    {"swap", "-W", ip_set_cmd_swap, true},
};

bool ip_set_is_command(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(ip_set_commands); i++)
        if (!strcmp(word, ip_set_commands[i].name))
            return true;
    return false;
}

int ip_set_run(struct xt_parse *in, struct xt_text *out)
{
    struct ip_set_cmd cmd = {.in = in, .out = out};
    const char *word;

    while (ip_set_take_exist(&cmd))
        ;
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(ip_set_commands); i++) {
        const struct ip_set_command *command = &ip_set_commands[i];

        if (strcmp(word, command->name) && strcmp(word, command->brief))
            continue;
        if (in->staging && command->typed_only)
            return xt_parse_error(in, "%s has no place in a file; write create, add, del or flush",
                                  command->name);
        return command->run(&cmd);
    }
    return xt_parse_error(
        in,
        "\"%.40s\" is no command of ipset; write create, add, del, test, flush, destroy, list, "
        "save or swap",
        word);
}

static int ip_set_run_typed(struct xt_parse *in, struct xt_text *out)
{
    xt_parse_take(in, "ipset");
    return ip_set_run(in, out);
}

int ip_set_command(struct net *net, const char *line, struct xt_text *out)
{
    return xt_parse_command(net, line, out, ip_set_run_typed);
}
