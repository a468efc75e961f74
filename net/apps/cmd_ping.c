/*
 * cmd_ping.c - `ping`: ICMP echo by a raw socket, one request per interval until Ctrl-C or -c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/commands.h"
#include "net/apps/internet_checksum.h"
#include "net/apps/parse.h"

#define ICMP_ECHO_REPLY   0
#define ICMP_UNREACHABLE  3
#define ICMP_ECHO_REQUEST 8
#define ICMP_EXCEEDED     11
#define ICMP_LEN          8
#define PING_DATA_MAX     65507u
#define PING_MARK         0x534b4946u /* in front of our data, so that another's reply is none of ours */

struct icmp_echo {
    uint8_t type, code;
    uint16_t checksum, id, sequence; /* as on the wire */
};

struct ping {
    struct shell *console;
    int fd;
    uint32_t to;
    uint64_t count, interval_ms, data_len, wait_ms, ttl;
    uint16_t id;
    uint8_t *packet; /* out, and big enough for what comes in */
    size_t packet_size;
    unsigned sent, received, errors;
    uint64_t started_us, min_us, max_us, sum_us;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}

/* What our data begins with, as far as there is room for it. */
struct ping_stamp {
    uint64_t sent_us;
    uint32_t mark;
};

static bool send_request(struct ping *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = p->to};
    struct ping_stamp stamp = {.sent_us = now_us(), .mark = PING_MARK};
    size_t len = ICMP_LEN + p->data_len;
    struct icmp_echo echo = {
        .type = ICMP_ECHO_REQUEST, .id = htons(p->id), .sequence = htons((uint16_t)(p->sent + 1))};
    for (size_t i = 0; i < p->data_len; i++)
        p->packet[ICMP_LEN + i] = (uint8_t)i;
    if (p->data_len >= sizeof(stamp))
        memcpy(p->packet + ICMP_LEN, &stamp, sizeof(stamp));
    memcpy(p->packet, &echo, sizeof(echo));
    echo.checksum = internet_checksum(internet_checksum_add(0, p->packet, len));
    memcpy(p->packet, &echo, sizeof(echo));
    p->sent++;
    if (sendto(p->fd, p->packet, len, 0, (struct sockaddr *)&to, sizeof(to)) >= 0)
        return true;
    console_printf(p->console, "ping: sendmsg: %s\n", strerror(errno));
    p->errors++;
    return false;
}

static void show_reply(struct ping *p, const uint8_t *icmp, size_t len, const struct sockaddr_in *from,
                       uint8_t ttl)
{
    struct icmp_echo echo;
    struct ping_stamp stamp;
    char addr[ADDR_TEXT];
    memcpy(&echo, icmp, sizeof(echo));
    p->received++;
    console_printf(p->console, "%zu bytes from %s: icmp_seq=%u ttl=%u", len,
                   format_addr(from->sin_addr.s_addr, addr), ntohs(echo.sequence), ttl);
    if (len >= ICMP_LEN + sizeof(stamp)) {
        memcpy(&stamp, icmp + ICMP_LEN, sizeof(stamp));
        uint64_t took = now_us() - stamp.sent_us;
        p->min_us = p->received == 1 || took < p->min_us ? took : p->min_us;
        p->max_us = took > p->max_us ? took : p->max_us;
        p->sum_us += took;
        console_printf(p->console, " time=%u.%03u ms", (unsigned)(took / 1000), (unsigned)(took % 1000));
    }
    console_printf(p->console, "\n");
}

/* An error about one of our requests: it quotes our header and the first eight bytes behind it. */
static void show_error(struct ping *p, const uint8_t *icmp, size_t len, const struct sockaddr_in *from)
{
    struct icmp_echo echo;
    char addr[ADDR_TEXT];
    if (len < ICMP_LEN + 20 || len < ICMP_LEN + (icmp[ICMP_LEN] & 15u) * 4 + sizeof(echo))
        return;
    memcpy(&echo, icmp + ICMP_LEN + (icmp[ICMP_LEN] & 15u) * 4, sizeof(echo));
    if (icmp[ICMP_LEN + 9] != IPPROTO_ICMP || echo.type != ICMP_ECHO_REQUEST || echo.id != htons(p->id))
        return;
    p->errors++;
    console_printf(p->console, "From %s icmp_seq=%u %s\n", format_addr(from->sin_addr.s_addr, addr),
                   ntohs(echo.sequence),
                   icmp[0] == ICMP_EXCEEDED ? "Time to live exceeded"
                   : icmp[1] == 0           ? "Destination Net Unreachable"
                   : icmp[1] == 1           ? "Destination Host Unreachable"
                   : icmp[1] == 4           ? "Frag needed and DF set"
                   : icmp[1] >= 9           ? "Packet filtered"
                                            : "Destination Unreachable");
}

/* A raw socket hears all ICMP there is, each with its IPv4 header. Return: it was an answer to us. */
static bool take_packet(struct ping *p)
{
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(p->fd, p->packet, p->packet_size, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
    size_t hdr_len = n > 0 ? (p->packet[0] & 15u) * 4 : 0;
    struct icmp_echo echo;
    if (n < 20 || hdr_len < 20 || (size_t)n < hdr_len + ICMP_LEN)
        return false;
    const uint8_t *icmp = p->packet + hdr_len;
    size_t len = (size_t)n - hdr_len;
    memcpy(&echo, icmp, sizeof(echo));
    if (echo.type == ICMP_UNREACHABLE || echo.type == ICMP_EXCEEDED)
        show_error(p, icmp, len, &from);
    if (echo.type != ICMP_ECHO_REPLY || echo.id != htons(p->id))
        return false;
    if (len >= ICMP_LEN + sizeof(struct ping_stamp)) {
        uint32_t mark;
        memcpy(&mark, icmp + ICMP_LEN + offsetof(struct ping_stamp, mark), sizeof(mark));
        if (mark != PING_MARK)
            return false;
    }
    show_reply(p, icmp, len, &from, p->packet[8]);
    return true;
}

/* Hears what comes until `until`, or until as many have come as were asked for. */
static void listen_until(struct ping *p, uint64_t until_us)
{
    uint64_t now;
    while ((now = now_us()) < until_us && !p->console->stopped) {
        if (p->count && p->received + p->errors >= p->count)
            return;
        if (console_wait(p->console, p->fd, (unsigned)((until_us - now + 999) / 1000)))
            take_packet(p);
    }
}

static void show_summary(struct ping *p, const char *name)
{
    unsigned lost = p->sent - (p->received < p->sent ? p->received : p->sent);
    uint64_t took_ms = (now_us() - p->started_us) / 1000;
    console_resume(p->console);
    console_printf(p->console, "\n--- %s ping statistics ---\n%u packets transmitted, %u received, ", name,
                   p->sent, p->received);
    if (p->errors)
        console_printf(p->console, "+%u errors, ", p->errors);
    console_printf(p->console, "%u%% packet loss, time %llums\n", p->sent ? lost * 100 / p->sent : 0,
                   (unsigned long long)took_ms);
    if (!p->received || !p->max_us)
        return;
    uint64_t avg = p->sum_us / p->received;
    console_printf(p->console, "rtt min/avg/max = %u.%03u/%u.%03u/%u.%03u ms\n", (unsigned)(p->min_us / 1000),
                   (unsigned)(p->min_us % 1000), (unsigned)(avg / 1000), (unsigned)(avg % 1000),
                   (unsigned)(p->max_us / 1000), (unsigned)(p->max_us % 1000));
}

/* "0.2" seconds in milliseconds. */
static bool parse_seconds(const char *word, uint64_t *ms)
{
    char whole[8];
    size_t len = strcspn(word, ".");
    uint64_t seconds = 0, fraction = 0, scale = 100;
    if (len >= sizeof(whole))
        return false;
    memcpy(whole, word, len);
    whole[len] = '\0';
    if (len && !parse_number(whole, 0, 86400, &seconds))
        return false;
    for (word += len + (word[len] == '.'); *word; word++, scale /= 10) {
        if (*word < '0' || *word > '9')
            return false;
        fraction += (uint64_t)(*word - '0') * scale;
    }
    *ms = seconds * 1000 + fraction;
    return true;
}

static bool take_option(struct ping *p, char letter, const char *value)
{
    switch (letter) {
    case 'c':
        return parse_number(value, 1, UINT32_MAX, &p->count);
    case 's':
        return parse_number(value, 0, PING_DATA_MAX, &p->data_len);
    case 'i':
        return parse_seconds(value, &p->interval_ms) && p->interval_ms >= 10;
    case 'W':
        return parse_seconds(value, &p->wait_ms) && p->wait_ms;
    case 't':
        return parse_number(value, 1, 255, &p->ttl);
    }
    return false;
}

static const char *take_options(struct ping *p, int argc, char **argv)
{
    const char *host = NULL;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            char letter = argv[i][1];
            const char *value = letter ? argv[i] + 2 : "";
            if (!*value)
                value = i + 1 < argc ? argv[++i] : "";
            if (!take_option(p, letter, value))
                return NULL;
        } else if (host) {
            return NULL;
        } else {
            host = argv[i];
        }
    }
    return host;
}

static void run(struct ping *p, const char *host)
{
    char addr[ADDR_TEXT];
    console_printf(p->console, "PING %s (%s) %u(%u) bytes of data.\n", host, format_addr(p->to, addr),
                   (unsigned)p->data_len, (unsigned)p->data_len + ICMP_LEN + 20);
    p->started_us = now_us();
    while (!console_stopped(p->console) && (!p->count || p->sent < p->count)) {
        uint64_t sent_us = now_us();
        send_request(p);
        bool last = p->count && p->sent == p->count;
        listen_until(p, sent_us + (last ? p->wait_ms : p->interval_ms) * 1000);
    }
    show_summary(p, host);
}

static int open_socket(struct ping *p)
{
    int ttl = (int)p->ttl;
    p->packet_size = ICMP_LEN + p->data_len + 60 > 2048 ? ICMP_LEN + p->data_len + 60 : 2048;
    p->packet = malloc(p->packet_size);
    p->fd = p->packet ? socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) : -1;
    if (p->fd >= 0 && ttl && setsockopt(p->fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl))) {
        close(p->fd);
        p->fd = -1;
    }
    return p->fd;
}

static int ping(struct shell *c, int argc, char **argv)
{
    struct ping p = {
        .console = c, .interval_ms = 1000, .data_len = 56, .wait_ms = 10000, .id = (uint16_t)rand()};
    const char *host = take_options(&p, argc, argv);
    int result = 1;
    if (!host)
        return console_usage(c, "ping");
    if (inet_pton(AF_INET, host, &p.to) != 1) {
        console_printf(c, "ping: %s: names are not looked up here; write an address such as 192.0.2.1\n",
                       host);
        return 1;
    }
    if (open_socket(&p) < 0) {
        console_fail(c, "ping: socket", NULL);
    } else {
        run(&p, host);
        close(p.fd);
        result = !p.received;
    }
    free(p.packet);
    return result;
}

const struct command ping_command = {
    "ping", "ask a host for an answer",
    "ping [-c COUNT] [-i SECONDS] [-s BYTES] [-t TTL] [-W SECONDS] ADDRESS    Ctrl-C ends it", ping};
