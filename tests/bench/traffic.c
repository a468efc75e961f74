/*
 * traffic.c - what router_rows.py sends through a router, and counts behind it.
 *
 * usage: traffic datagrams HEADERS IN OUT [WORD=NUMBER] ...    frames out of the packet socket IN, for the
 * UDP socket OUT traffic connections ADDRESS PORT LISTENER [WORD=NUMBER] ...   connections of this namespace
 * to a listener in another
 *
 *   seconds=N   after a quarter of a second that is not counted        window=N    frames under way,
 * connections at a time size=N      of a frame, without its checksum                       flows=N     source
 * ports they take in turn every=N     one of N datagrams has the port of HEADERS, the others the port above
 * it, which nobody waits for gap_us=N    not more often than that                               count=N ends
 * after as many
 *
 * IN, OUT and LISTENER are descriptors that were opened in the namespaces of either side. No more than the
 * window is ever under way: what comes out lets the next ones in, so the figure is what passes without loss,
 * and a guest that drops all the time is seen by its losses. Prints one object of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS, WINDOW, SIZE, FLOWS, EVERY, GAP_US, COUNT, WORDS };
static const char *const words[WORDS] = {"seconds", "window", "size", "flows", "every", "gap_us", "count"};
static long setting[WORDS] = {2, 256, 60, 64, 1, 0, 0};

#define BATCH      32
#define HEADERS    42 /* Ethernet, IPv4 without options, UDP */
#define FRAME_MAX  1514
#define SAMPLES    (1 << 20)
#define NS_PER_S   1000000000ull
#define WARM_NS    (NS_PER_S / 4)
#define SILENCE_MS 60 /* nothing came out for so long: what is under way is lost */

struct stamp {
    uint64_t number;
    uint64_t sent_ns;
} __attribute__((packed));

static uint8_t frames[BATCH][FRAME_MAX];
static struct stamp stamps[BATCH];
static struct iovec out_iov[BATCH], in_iov[BATCH];
static struct mmsghdr out_msg[BATCH], in_msg[BATCH];
static uint32_t delay_ns[SAMPLES];

/* Numbers start at 1; all up to `behind` have come out or never will. */
struct flood {
    int in, out;
    uint64_t next, behind, arrived, next_due_ns;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void check(long result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void prepare(const char *hex)
{
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < BATCH; i++) {
        for (size_t k = 0; k < length && k < HEADERS; k++)
            sscanf(hex + 2 * k, "%2hhx", &frames[i][k]);
        out_iov[i] = (struct iovec){frames[i], (size_t)setting[SIZE]};
        out_msg[i].msg_hdr = (struct msghdr){.msg_iov = &out_iov[i], .msg_iovlen = 1};
        in_iov[i] = (struct iovec){&stamps[i], sizeof(stamps[i])};
        in_msg[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
}

static void put_be16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* As many as the window has room for. A full queue of the device is no loss: they are sent the next time. */
static void send_some(struct flood *f, uint64_t now)
{
    long room = setting[WINDOW] - (long)(f->next - 1 - f->behind);
    int n = 0;
    static const unsigned first_port = 20000, to_port = 9;
    if (now < f->next_due_ns)
        return;
    for (; n < BATCH && n < room && !(n && setting[GAP_US]); n++) {
        struct stamp stamp = {f->next + (uint64_t)n, now};
        put_be16(frames[n] + 34, first_port + (unsigned)(stamp.number % (uint64_t)setting[FLOWS]));
        put_be16(frames[n] + 36, to_port + (stamp.number % (uint64_t)setting[EVERY] ? 1 : 0));
        memcpy(frames[n] + HEADERS, &stamp, sizeof(stamp));
    }
    int sent = n > 0 ? sendmmsg(f->in, out_msg, (unsigned)n, 0) : 0;
    if (sent > 0) {
        f->next += (uint64_t)sent;
        f->next_due_ns = now + (uint64_t)setting[GAP_US] * 1000;
    }
}

static void receive_some(struct flood *f, uint64_t counted_from)
{
    int n = recvmmsg(f->out, in_msg, BATCH, MSG_DONTWAIT, NULL);
    uint64_t now = now_ns();
    for (int i = 0; i < n; i++) {
        if (in_msg[i].msg_len != sizeof(struct stamp) || stamps[i].number >= f->next)
            continue; /* of an earlier run */
        if (stamps[i].number > f->behind)
            f->behind = stamps[i].number;
        if (stamps[i].sent_ns >= counted_from && f->arrived < SAMPLES)
            delay_ns[f->arrived++] = (uint32_t)(now - stamps[i].sent_ns);
    }
}

/* Until something comes out or the next one may go in. */
static void wait_some(struct flood *f)
{
    uint64_t now = now_ns(), until = now + SILENCE_MS * NS_PER_S / 1000;
    bool full = f->next - 1 - f->behind >= (uint64_t)setting[WINDOW];
    if (!full && f->next_due_ns <= now)
        return;
    if (!full && f->next_due_ns < until)
        until = f->next_due_ns;
    struct pollfd poll_out = {f->out, POLLIN, 0};
    struct timespec limit = {0, (long)(until - now)};
    if (!ppoll(&poll_out, 1, &limit, NULL) && full)
        f->behind = f->next - 1;
}

static void datagrams(const char *headers, int in, int out)
{
    struct flood f = {.in = in, .out = out, .next = 1};
    uint64_t start = now_ns(), from = start + (setting[COUNT] ? 0 : WARM_NS), first = 0;
    uint64_t end = from + (uint64_t)setting[SECONDS] * NS_PER_S, limit = (uint64_t)setting[COUNT];
    prepare(headers);
    for (uint64_t now = start; now < end && !(limit && f.behind >= limit); now = now_ns()) {
        if (!first && now >= from)
            first = f.next;
        if (!limit || f.next <= limit)
            send_some(&f, now);
        receive_some(&f, from);
        wait_some(&f);
    }
    double seconds = (double)(now_ns() - from) / (double)NS_PER_S;
    uint64_t sent = f.behind + 1 > first ? f.behind + 1 - first : 0, wanted = sent / (uint64_t)setting[EVERY];
    qsort(delay_ns, f.arrived, sizeof(*delay_ns), compare);
    printf("{\"all\": %llu, \"arrived\": %llu, \"lost\": %.5f, \"rate\": %.1f, ",
           (unsigned long long)f.behind, (unsigned long long)f.arrived,
           wanted > f.arrived ? (double)(wanted - f.arrived) / (double)wanted : 0,
           (double)f.arrived * (double)setting[EVERY] / seconds);
    printf("\"median_us\": %.2f, \"p99_us\": %.2f}\n", f.arrived ? delay_ns[f.arrived / 2] / 1e3 : 0,
           f.arrived ? delay_ns[f.arrived * 99 / 100] / 1e3 : 0);
}

/* --- connections: the listener answers with one byte and closes; the client then closes, too
 * ---------------- */

struct crowd {
    int epoll, listener;
    struct sockaddr_in to;
    uint64_t done, failed;
};

static void open_one(struct crowd *c)
{
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(s, "socket");
    if (connect(s, (struct sockaddr *)&c->to, sizeof(c->to)) && errno != EINPROGRESS)
        check(-1, "connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = s};
    check(epoll_ctl(c->epoll, EPOLL_CTL_ADD, s, &event), "epoll_ctl");
}

static void answer_all(struct crowd *c)
{
    int s;
    while ((s = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (send(s, "x", 1, MSG_NOSIGNAL) != 1)
            c->failed++;
        close(s);
    }
}

/* The byte alone, or the end of the stream. */
static void look_at(struct crowd *c, int s)
{
    char bytes[16];
    ssize_t n;
    while ((n = read(s, bytes, sizeof(bytes))) > 0)
        ;
    if (n < 0 && errno == EAGAIN)
        return;
    c->done += n == 0;
    c->failed += n < 0;
    close(s);
    open_one(c);
}

static void connections(const char *address, int port, int listener)
{
    struct crowd c = {.epoll = epoll_create1(0),
                      .listener = listener,
                      .to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
    struct epoll_event events[BATCH], on_listener = {.events = EPOLLIN, .data.fd = listener};
    inet_pton(AF_INET, address, &c.to.sin_addr);
    check(epoll_ctl(c.epoll, EPOLL_CTL_ADD, listener, &on_listener), "epoll_ctl");
    for (long i = 0; i < setting[WINDOW]; i++)
        open_one(&c);
    uint64_t from = now_ns() + WARM_NS, end = from + (uint64_t)setting[SECONDS] * NS_PER_S, early = 0;
    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
        if (now < from)
            early = c.done;
        int n = epoll_wait(c.epoll, events, BATCH, SILENCE_MS);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                answer_all(&c);
            else
                look_at(&c, events[i].data.fd);
        }
    }
    printf("{\"all\": %llu, \"rate\": %.1f, \"failed\": %llu}\n", (unsigned long long)c.done,
           (double)(c.done - early) * (double)NS_PER_S / (double)(now_ns() - from),
           (unsigned long long)c.failed);
}

static bool parse(const char *argument)
{
    const char *value = strchr(argument, '=');
    for (int i = 0; value && i < WORDS; i++) {
        if (strlen(words[i]) == (size_t)(value - argument) &&
            !strncmp(argument, words[i], strlen(words[i]))) {
            setting[i] = atol(value + 1);
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    bool good = argc >= 5;
    for (int i = 5; i < argc; i++)
        good &= parse(argv[i]);
    good = good && setting[SIZE] >= HEADERS + (long)sizeof(struct stamp) && setting[SIZE] <= FRAME_MAX &&
           setting[EVERY] > 0 && setting[FLOWS] > 0 && setting[WINDOW] > 0;
    if (good && !strcmp(argv[1], "datagrams"))
        datagrams(argv[2], atoi(argv[3]), atoi(argv[4]));
    else if (good && !strcmp(argv[1], "connections"))
        connections(argv[2], atoi(argv[3]), atoi(argv[4]));
    else
        fprintf(stderr, "usage: see the head of tests/bench/traffic.c\n");
    return !good;
}
