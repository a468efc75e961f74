/*
 * cmd_ss.c - `ss`: sockets. Ports are always numbers.
 */
#include <inttypes.h>
#include <skiff/sockets.h>
#include <skiff/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define SS_CHUNK    32
#define SS_ENDPOINT 28

struct ss_wish {
    bool all, listening, tcp, udp, raw, packet, info, memory, summary, no_header;
};

static void format_endpoint(uint32_t addr, uint16_t port, char text[SS_ENDPOINT])
{
    char ip[ADDR_TEXT];
    if (port)
        snprintf(text, SS_ENDPOINT, "%s:%u", format_addr(addr, ip), port);
    else
        snprintf(text, SS_ENDPOINT, "%s:*", format_addr(addr, ip));
}

/* A packet socket's: an EtherType in place of the address, the device in place of the port. */
static void format_packet(const struct skiff_socket *s, char text[SS_ENDPOINT])
{
    char type[8] = "*";
    if (s->ethertype != 3)
        snprintf(type, sizeof(type), s->ethertype ? "%04x" : "-", s->ethertype);
    snprintf(text, SS_ENDPOINT, "%s:%s", type, s->device[0] ? s->device : "*");
}

static bool is_packet(const struct skiff_socket *s)
{
    return s->protocol[0] == 'p' && s->protocol[1] == '_';
}

/* -t, -u, -w and -0, or none of them. */
static bool kind_wanted(const struct ss_wish *wish, const struct skiff_socket *s)
{
    if (!wish->tcp && !wish->udp && !wish->raw && !wish->packet)
        return true;
    if (is_packet(s))
        return wish->packet;
    if (!strcmp(s->protocol, "raw") || !strcmp(s->protocol, "ping"))
        return wish->raw;
    return !strcmp(s->protocol, "tcp") ? wish->tcp : wish->udp;
}

/* The first column, unless there is but one kind; ping sockets stand among the raw ones. */
static bool shows_kind(const struct ss_wish *wish)
{
    return wish->tcp + wish->udp + wish->raw + wish->packet != 1 || wish->raw || wish->packet;
}

static bool wanted(const struct ss_wish *wish, const struct skiff_socket *s)
{
    if (!kind_wanted(wish, s))
        return false;
    if (wish->all)
        return true;
    if (wish->listening)
        return s->listening;
    return !s->listening && strcmp(s->state, "TIME-WAIT") != 0 && strcmp(s->state, "UNCONN") != 0;
}

static void show_options(struct shell *c, const struct tcp_info *info)
{
    if (info->tcpi_options & TCPI_OPT_TIMESTAMPS)
        console_printf(c, " ts");
    if (info->tcpi_options & TCPI_OPT_SACK)
        console_printf(c, " sack");
    if (info->tcpi_options & TCPI_OPT_ECN)
        console_printf(c, " ecn");
}

static void show_info(struct shell *c, const struct skiff_socket *s)
{
    const struct tcp_info *info = &s->info;
    console_printf(c, "\t");
    show_options(c, info);
    console_printf(c, " %s", s->congestion);
    if (info->tcpi_options & TCPI_OPT_WSCALE)
        console_printf(c, " wscale:%u,%u", info->tcpi_snd_wscale, info->tcpi_rcv_wscale);
    console_printf(c, " rto:%u rtt:%u.%03u/%u.%03u mss:%u cwnd:%u", info->tcpi_rto / 1000,
                   info->tcpi_rtt / 1000, info->tcpi_rtt % 1000, info->tcpi_rttvar / 1000,
                   info->tcpi_rttvar % 1000, info->tcpi_snd_mss, info->tcpi_snd_cwnd);
    if (info->tcpi_snd_ssthresh < 0xffff)
        console_printf(c, " ssthresh:%u", info->tcpi_snd_ssthresh);
    console_printf(c, " bytes_acked:%" PRIu64 " bytes_received:%" PRIu64 " segs_out:%u segs_in:%u",
                   info->tcpi_bytes_acked, info->tcpi_bytes_received, info->tcpi_segs_out,
                   info->tcpi_segs_in);
    if (info->tcpi_delivery_rate)
        console_printf(c, " delivery_rate %" PRIu64 "bps", 8 * info->tcpi_delivery_rate);
    if (info->tcpi_unacked)
        console_printf(c, " unacked:%u", info->tcpi_unacked);
    if (info->tcpi_total_retrans)
        console_printf(c, " retrans:%u/%u", info->tcpi_retrans, info->tcpi_total_retrans);
    console_printf(c, "\n");
}

static void show_socket(struct shell *c, const struct ss_wish *wish, const struct skiff_socket *s)
{
    char local[SS_ENDPOINT], peer[SS_ENDPOINT];
    format_endpoint(s->local_addr, s->local_port, local);
    format_endpoint(s->peer_addr, s->peer_port, peer);
    if (is_packet(s)) {
        format_packet(s, local);
        snprintf(peer, sizeof(peer), "*");
    }
    if (shows_kind(wish))
        console_printf(c, "%-6s", s->protocol);
    console_printf(c, "%-11s%-7u%-7u%21s %21s\n", s->state, s->receive_queue, s->send_queue, local, peer);
    if (wish->memory && s->receive_max)
        console_printf(c, "\t skmem:(rb%u,tb%u)\n", s->receive_max, s->send_max);
    if (wish->info && s->congestion[0])
        show_info(c, s);
}

static int show_sockets(struct shell *c, const struct ss_wish *wish)
{
    struct skiff_socket *sockets = malloc(SS_CHUNK * sizeof(*sockets));
    size_t n, skip = 0;
    if (!sockets)
        return console_fail(c, "ss", NULL);
    if (!wish->no_header) {
        if (shows_kind(wish))
            console_printf(c, "Netid ");
        console_printf(c, "State      Recv-Q Send-Q    Local Address:Port     Peer Address:Port\n");
    }
    while (!console_stopped(c) && (n = skiff_socket_list(sockets, SS_CHUNK, skip))) {
        for (size_t i = 0; i < n; i++)
            if (wanted(wish, &sockets[i]))
                show_socket(c, wish, &sockets[i]);
        skip += n;
    }
    free(sockets);
    return 0;
}

static int show_summary(struct shell *c)
{
    unsigned established = (unsigned)skiff_stat("tcp.established"),
             orphans = (unsigned)skiff_stat("tcp.orphans");
    unsigned waiting = (unsigned)skiff_stat("tcp.time_wait"),
             listening = (unsigned)skiff_stat("tcp.listening");
    console_printf(c, "Total: %u\nTCP:   estab %u, listen %u, synrecv %u, orphaned %u, timewait %u\n",
                   (unsigned)skiff_stat("mem.sockets"), established, listening,
                   (unsigned)skiff_stat("tcp.half_open"), orphans, waiting);
    return 0;
}

static bool take_letters(struct ss_wish *wish, const char *letters)
{
    for (; *letters; letters++) {
        wish->all |= *letters == 'a';
        wish->listening |= *letters == 'l';
        wish->tcp |= *letters == 't';
        wish->udp |= *letters == 'u';
        wish->raw |= *letters == 'w';
        wish->packet |= *letters == '0';
        wish->info |= *letters == 'i';
        wish->memory |= *letters == 'm';
        wish->summary |= *letters == 's';
        wish->no_header |= *letters == 'H';
        if (!strchr("altuw0imsnH4", *letters))
            return false;
    }
    return true;
}

static int ss(struct shell *c, int argc, char **argv)
{
    struct ss_wish wish = {0};
    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-' || !argv[i][1] || !take_letters(&wish, argv[i] + 1))
            return console_usage(c, "ss");
    return wish.summary ? show_summary(c) : show_sockets(c, &wish);
}

const struct command ss_command = {
    "ss", "sockets",
    "ss [-a] [-l] [-t] [-u] [-w] [-0] [-n] [-i] [-m] [-H]\n"
    "                                              -a all, -l listening ones, -t TCP, -u UDP,\n"
    "                                              -w raw and ping, -0 packet, -i inside of TCP, -m buffers, -H no headings\n"
    "ss -s                                         how many there are",
    ss};
