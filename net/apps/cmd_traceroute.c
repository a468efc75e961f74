/*
 * cmd_traceroute.c - `traceroute`: the routers on the way to a host. Probes that live for 1, 2, 3 ... hops
 * are sent, each router at which one ends says so (ICMP time exceeded), and the host itself says port
 * unreachable, or with -I answers an echo request. What was said is read from the socket's queue of errors
 * (IP_RECVERR), which also tells which probe it is about.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/commands.h"
#include "net/apps/parse.h"

#define TRACE_DATA 32u    /* bytes of a probe behind its UDP or ICMP header */
#define TRACE_PORT 33434u /* the first probe's; one up with each */
#define ICMP_LEN   8u

struct trace {
    struct shell *console;
    int fd;
    bool icmp; /* -I */
    uint32_t to;
    uint64_t first, hops, queries, wait_ms, port;
    uint16_t sent;    /* probes so far; the number of the last one */
    uint64_t sent_us; /* when that was */
    uint32_t shown;   /* router in this line already, 0: none */
    bool arrived;     /* the host has answered, or the way ends for good */
};

/* What has come back about the last probe. */
struct trace_answer {
    uint32_t from;
    bool final;       /* there is nothing behind it */
    const char *mark; /* why the way ends, if not at the host; "" */
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}

/* --- probes --- */

static bool hand_over(struct trace *t, const uint8_t *probe, const struct sockaddr_in *to)
{
    size_t len = t->icmp ? ICMP_LEN + TRACE_DATA : TRACE_DATA;
    return sendto(t->fd, probe, len, 0, (const struct sockaddr *)to, sizeof(*to)) >= 0;
}

static bool send_probe(struct trace *t, uint64_t ttl)
{
    uint8_t probe[ICMP_LEN + TRACE_DATA] = {ICMP_ECHO};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = t->to};
    int value = (int)ttl;
    t->sent++;
    t->sent_us = now_us();
    probe[6] = (uint8_t)(t->sent >> 8); /* of an echo request: its sequence number */
    probe[7] = (uint8_t)t->sent;
    if (!t->icmp)
        to.sin_port = htons((uint16_t)(t->port + t->sent - 1));
    /* The first attempt may be told of an error that came late, about an earlier probe. */
    if (setsockopt(t->fd, IPPROTO_IP, IP_TTL, &value, sizeof(value)) ||
        (!hand_over(t, probe, &to) && !hand_over(t, probe, &to))) {
        console_printf(t->console, "\ntraceroute: sendto: %s\n", strerror(errno));
        return false;
    }
    return true;
}

/* As traceroute has always marked them. */
static const char *unreachable_mark(const struct sock_extended_err *ee, bool icmp)
{
    if (ee->ee_type != ICMP_DEST_UNREACH)
        return "";
    switch (ee->ee_code) {
    case ICMP_NET_UNREACH:
        return " !N";
    case ICMP_HOST_UNREACH:
        return " !H";
    case ICMP_PROT_UNREACH:
        return " !P";
    case ICMP_PORT_UNREACH:
        return icmp ? " !p" : ""; /* that is how the host answers a probe of UDP */
    case ICMP_FRAG_NEEDED:
        return " !F";
    case ICMP_PKT_FILTERED:
    case ICMP_NET_ANO:
    case ICMP_HOST_ANO:
        return " !X";
    }
    return " !";
}

/* --- answers --- */

static bool is_last_probe(const struct trace *t, const struct sockaddr_in *to, const uint8_t *quoted,
                          size_t len)
{
    if (t->icmp)
        return len >= ICMP_LEN && (uint16_t)(quoted[6] << 8 | quoted[7]) == t->sent;
    return ntohs(to->sin_port) == (uint16_t)(t->port + t->sent - 1);
}

/* An ICMP error about one of ours. */
static bool read_error(struct trace *t, struct trace_answer *answer)
{
    uint8_t quoted[64], control[256];
    struct sockaddr_in to = {0}, offender;
    struct sock_extended_err ee;
    struct iovec iov = {quoted, sizeof(quoted)};
    struct msghdr msg = {.msg_name = &to,
                         .msg_namelen = sizeof(to),
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(t->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
    struct cmsghdr *cmsg = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!cmsg || cmsg->cmsg_type != IP_RECVERR || cmsg->cmsg_len < CMSG_LEN(sizeof(ee) + sizeof(offender)))
        return false;
    memcpy(&ee, CMSG_DATA(cmsg), sizeof(ee));
    memcpy(&offender, CMSG_DATA(cmsg) + sizeof(ee), sizeof(offender));
    if (ee.ee_origin != SO_EE_ORIGIN_ICMP || !is_last_probe(t, &to, quoted, (size_t)n))
        return false;
    *answer = (struct trace_answer){.from = offender.sin_addr.s_addr,
                                    .final = ee.ee_type != ICMP_TIME_EXCEEDED,
                                    .mark = unreachable_mark(&ee, t->icmp)};
    return true;
}

/* The host's own: an echo reply, or whatever a service at that port of UDP says. */
static bool read_reply(struct trace *t, struct trace_answer *answer)
{
    uint8_t data[64];
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(t->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
    if (n < 0 || !is_last_probe(t, &from, data, (size_t)n))
        return false;
    *answer = (struct trace_answer){.from = from.sin_addr.s_addr, .final = true, .mark = ""};
    return true;
}

/* Waits for what comes back about the last probe. */
static bool wait_for_answer(struct trace *t, struct trace_answer *answer)
{
    uint64_t until_us = t->sent_us + t->wait_ms * 1000, now;
    while ((now = now_us()) < until_us && !console_stopped(t->console)) {
        if (console_wait(t->console, t->fd, (unsigned)((until_us - now + 999) / 1000)) &&
            (read_error(t, answer) || read_reply(t, answer)))
            return true;
    }
    return false;
}

/* --- lines --- */

static bool trace_query(struct trace *t, uint64_t ttl)
{
    struct trace_answer answer;
    char addr[ADDR_TEXT];
    if (!send_probe(t, ttl))
        return false;
    if (!wait_for_answer(t, &answer)) {
        console_printf(t->console, " *");
        return !t->console->stopped;
    }
    uint64_t took = now_us() - t->sent_us;
    if (answer.from != t->shown)
        console_printf(t->console, " %s", format_addr(answer.from, addr));
    t->shown = answer.from;
    console_printf(t->console, "  %u.%03u ms%s", (unsigned)(took / 1000), (unsigned)(took % 1000),
                   answer.mark);
    t->arrived = t->arrived || answer.final;
    return true;
}

static int run(struct trace *t, const char *host)
{
    char addr[ADDR_TEXT];
    console_printf(t->console, "traceroute to %s (%s), %u hops max, %u byte packets\n", host,
                   format_addr(t->to, addr), (unsigned)t->hops, TRACE_DATA + 28);
    for (uint64_t ttl = t->first; ttl <= t->hops && !t->arrived; ttl++) {
        t->shown = 0;
        console_printf(t->console, "%2u ", (unsigned)ttl);
        for (uint64_t query = 0; query < t->queries; query++)
            if (!trace_query(t, ttl))
                return 1;
        console_printf(t->console, "\n");
    }
    return 0;
}

/* --- options --- */

static bool take_option(struct trace *t, char letter, const char *value)
{
    uint64_t seconds;
    switch (letter) {
    case 'f':
        return parse_number(value, 1, 255, &t->first);
    case 'm':
        return parse_number(value, 1, 255, &t->hops);
    case 'q':
        return parse_number(value, 1, 10, &t->queries);
    case 'p':
        return parse_number(value, 1, 60000, &t->port);
    case 'w':
        if (!parse_number(value, 1, 60, &seconds))
            return false;
        t->wait_ms = seconds * 1000;
        return true;
    }
    return false;
}

static const char *take_options(struct trace *t, int argc, char **argv)
{
    const char *host = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-I")) {
            t->icmp = true;
        } else if (!strcmp(argv[i], "-n")) {
            continue; /* as it always is */
        } else if (argv[i][0] == '-') {
            char letter = argv[i][1];
            const char *value = letter ? argv[i] + 2 : "";
            if (!*value)
                value = i + 1 < argc ? argv[++i] : "";
            if (!take_option(t, letter, value))
                return NULL;
        } else if (host) {
            return NULL;
        } else {
            host = argv[i];
        }
    }
    return t->first <= t->hops ? host : NULL;
}

static int traceroute(struct shell *c, int argc, char **argv)
{
    struct trace t = {
        .console = c, .first = 1, .hops = 30, .queries = 3, .wait_ms = 5000, .port = TRACE_PORT};
    const char *host = take_options(&t, argc, argv);
    int on = 1, result = 1;
    if (!host)
        return console_usage(c, "traceroute");
    if (inet_pton(AF_INET, host, &t.to) != 1) {
        console_printf(
            c, "traceroute: %s: names are not looked up here; write an address such as 192.0.2.1\n", host);
        return 1;
    }
    t.fd = socket(AF_INET, SOCK_DGRAM, t.icmp ? IPPROTO_ICMP : IPPROTO_UDP);
    if (t.fd < 0 || setsockopt(t.fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)))
        console_fail(c, "traceroute: socket", NULL);
    else
        result = run(&t, host);
    if (t.fd >= 0)
        close(t.fd);
    return result;
}

const struct command traceroute_command = {
    "traceroute", "the routers on the way to a host",
    "traceroute [-I] [-f FIRST] [-m HOPS] [-q QUERIES] [-w SECONDS] [-p PORT] ADDRESS\n"
    "    by datagrams, with -I by echo requests; Ctrl-C ends it",
    traceroute};
