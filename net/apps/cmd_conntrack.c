/*
 * cmd_conntrack.c - `conntrack`: the connections that are tracked.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <skiff/conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define CHUNK 32

static const struct {
    uint8_t number;
    const char *name;
} protocols[] = {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_ICMP, "icmp"}};

static const char *protocol_name(uint8_t number)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (protocols[i].number == number)
            return protocols[i].name;
    return "unknown";
}

static void show_tuple(struct shell *c, uint8_t protocol, const struct skiff_conn_tuple *t)
{
    char src[ADDR_TEXT], dst[ADDR_TEXT];
    console_printf(c, "src=%s dst=%s ", format_addr(t->src, src), format_addr(t->dst, dst));
    if (protocol == IPPROTO_ICMP)
        console_printf(c, "type=%u code=%u id=%u ", t->dst_port >> 8, t->dst_port & 0xff, t->src_port);
    else if (t->src_port || t->dst_port)
        console_printf(c, "sport=%u dport=%u ", t->src_port, t->dst_port);
}

static void show_connection(struct shell *c, const struct skiff_conn *conn)
{
    console_printf(c, "%-8s %u %u %s%s", protocol_name(conn->protocol), conn->protocol, conn->timeout_s,
                   conn->state, conn->state[0] ? " " : "");
    show_tuple(c, conn->protocol, &conn->original);
    if (!(conn->flags & SKIFF_CONN_SEEN_REPLY))
        console_printf(c, "[UNREPLIED] ");
    show_tuple(c, conn->protocol, &conn->reply);
    if (conn->flags & SKIFF_CONN_ASSURED)
        console_printf(c, "[ASSURED] ");
    console_printf(c, "mark=%u use=1\n", conn->mark);
}

static bool matches(const struct skiff_conn *conn, const struct skiff_conn_filter *f)
{
    const struct skiff_conn_tuple *t = &f->original;
    return (!f->protocol || f->protocol == conn->protocol) && (!t->src || t->src == conn->original.src) &&
           (!t->dst || t->dst == conn->original.dst) &&
           (!t->src_port || t->src_port == conn->original.src_port) &&
           (!t->dst_port || t->dst_port == conn->original.dst_port);
}

static int list(struct shell *c, const struct skiff_conn_filter *filter)
{
    struct skiff_conn *conns = malloc(CHUNK * sizeof(*conns));
    uint64_t cursor = 0;
    unsigned shown = 0;
    int n;
    if (!conns)
        return console_fail(c, "conntrack", NULL);
    while (!console_stopped(c) && (n = skiff_conntrack_list(conns, CHUNK, &cursor)) > 0)
        for (int i = 0; i < n; i++)
            if (matches(&conns[i], filter)) {
                show_connection(c, &conns[i]);
                shown++;
            }
    free(conns);
    console_printf(c, "conntrack: %u flow entries have been shown.\n", shown);
    return 0;
}

static int show_statistics(struct shell *c)
{
    struct skiff_conntrack_stats s;
    skiff_conntrack_stats(&s);
    console_printf(c,
                   "found=%" PRIu64 " invalid=%" PRIu64 " insert=%" PRIu64 " insert_failed=%" PRIu64
                   " drop=%" PRIu64 " early_drop=%" PRIu64 " error=%" PRIu64 " clash_resolve=%" PRIu64
                   " untracked=%" PRIu64 " count=%u max=%u\n",
                   s.found, s.invalid, s.insert, s.insert_failed, s.drop, s.early_drop, s.icmp_error,
                   s.clash_resolve, s.untracked, s.count, s.max);
    return 0;
}

static bool take_pair(struct skiff_conn_filter *f, const char *key, const char *value)
{
    uint64_t port;
    if (!strcmp(key, "-p"))
        for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
            if (!strcmp(value, protocols[i].name)) {
                f->protocol = protocols[i].number;
                return true;
            }
    if (!strcmp(key, "-s") || !strcmp(key, "-d"))
        return inet_pton(AF_INET, value, key[1] == 's' ? &f->original.src : &f->original.dst) == 1;
    if ((strcmp(key, "--sport") != 0 && strcmp(key, "--dport") != 0) || !parse_number(value, 1, 65535, &port))
        return false;
    *(key[2] == 's' ? &f->original.src_port : &f->original.dst_port) = (uint16_t)port;
    return true;
}

static int conntrack(struct shell *c, int argc, char **argv)
{
    struct skiff_conn_filter filter = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    if (argc % 2)
        return console_usage(c, "conntrack");
    for (int i = 2; i + 1 < argc; i += 2)
        if (!take_pair(&filter, argv[i], argv[i + 1]))
            return console_usage(c, "conntrack");
    if (!strcmp(verb, "-L"))
        return list(c, &filter);
    if (argc == 2 && !strcmp(verb, "-S"))
        return show_statistics(c);
    if ((argc == 2 && !strcmp(verb, "-F")) || (argc > 2 && !strcmp(verb, "-D"))) {
        console_printf(c, "conntrack: %d flow entries have been deleted.\n",
                       skiff_conntrack_delete(verb[1] == 'F' ? NULL : &filter));
        return 0;
    }
    return console_usage(c, "conntrack");
}

const struct command conntrack_command = {
    "conntrack", "the connections that are tracked",
    "conntrack -L|-D [-p tcp|udp|icmp] [-s ADDRESS] [-d ADDRESS] [--sport N] [--dport N]    shows, ends\n"
    "conntrack -F                                                                          ends all\n"
    "conntrack -S                                                                          figures",
    conntrack};
