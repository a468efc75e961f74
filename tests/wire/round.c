/*
 * round.c - one connection between two stacks of libskiff.so that goes round the circle of sequence numbers:
 * gigabytes without a loss, in which the marks of the last recovery grow older than half the circle, then a
 * bad stretch, and again.
 *
 *     round GIBIBYTES SEED
 *
 * Every byte is compared. Says "ok", or what was wrong; the seed replays it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/skiff.h"

#define PERIOD  1048573u /* bytes until the text repeats: prime */
#define CHUNK   262144u
#define BAD_LEN (16ull << 20) /* bytes of a bad stretch */
#define EVERY   (9ull << 28)  /* one begins after so many: more than half the circle */
#define QUEUE   4096u
#define TURN_NS 50000u

static uint8_t text[PERIOD + CHUNK], buf[CHUNK];
static uint64_t random_state;

struct frame {
    size_t len;
    uint8_t data[9018];
};

/* One stack and the frames on their way to it. */
static struct side {
    struct skiff_stack *stack;
    struct skiff_device *dev;
    struct frame *queue;
    unsigned head, tail;
    int fd;
} side[2];

static bool bad;

static _Noreturn void fail(const char *what)
{
    printf("%s (errno %d)\n", what, errno);
    exit(1);
}

/* xorshift64*: of a thousand */
static bool chance(unsigned permille)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 0x2545f4914f6cdd1d >> 33) % 1000 < permille;
}

static void enqueue(struct side *to, const void *frame, size_t len)
{
    if (!to->queue || to->tail - to->head == QUEUE)
        return;
    struct frame *f = &to->queue[to->tail++ % QUEUE];
    f->len = len;
    memcpy(f->data, frame, len);
}

/* What a stack sends, bound for the other: in a bad stretch some are lost, some come twice or are overtaken.
 */
static void transmit(void *ctx, const void *frame, size_t len)
{
    struct side *to = ctx;
    if (bad && chance(20))
        return;
    enqueue(to, frame, len);
    if (bad && chance(10))
        enqueue(to, frame, len);
    if (bad && chance(30) && to->tail - to->head > 1) {
        struct frame *last = &to->queue[(to->tail - 1) % QUEUE], *other = &to->queue[(to->tail - 2) % QUEUE];
        static struct frame spare;
        spare = *last;
        *last = *other;
        *other = spare;
    }
}

static void open_side(unsigned i)
{
    const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    struct side *s = &side[i];
    s->stack = skiff_stack_create(i ? "receiver" : "sender");
    s->dev = skiff_device_add(s->stack, mac[i], 9000, transmit, &side[!i]);
    s->queue = malloc(QUEUE * sizeof(*s->queue));
    if (!s->dev || !s->queue || skiff_address_add(s->dev, i ? "10.0.0.2/24" : "10.0.0.1/24") ||
        skiff_neighbour_add(s->dev, i ? "10.0.0.1" : "10.0.0.2", mac[!i]))
        fail("no stack");
}

/* A turn of the clock: what is on its way arrives. */
static void turn(void)
{
    skiff_clock_advance(TURN_NS);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned n = side[i].tail - side[i].head; n; n--) {
            struct frame *f = &side[i].queue[side[i].head++ % QUEUE];
            if (skiff_device_receive(side[i].dev, f->data, f->len))
                fail("a frame was refused");
        }
}

static void connect_sides(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(5001)};
    int listener = skiff_socket(side[1].stack, AF_INET, SOCK_STREAM, 0);
    skiff_bind(side[1].stack, listener, (void *)&addr, sizeof(addr));
    skiff_listen(side[1].stack, listener, 1);
    side[0].fd = skiff_socket(side[0].stack, AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    skiff_connect(side[0].stack, side[0].fd, (void *)&addr, sizeof(addr));
    for (unsigned i = 0; i < 100; i++)
        turn();
    side[1].fd = skiff_accept(side[1].stack, listener, NULL, NULL);
    if (side[1].fd < 0)
        fail("no connection");
}

static uint64_t send_some(uint64_t sent, uint64_t size)
{
    ssize_t n = 1;
    while (n > 0 && sent < size) {
        size_t len = size - sent < CHUNK ? (size_t)(size - sent) : CHUNK;
        n = skiff_send(side[0].stack, side[0].fd, text + sent % PERIOD, len, 0);
        if (n < 0 && errno != EAGAIN)
            fail("send");
        sent += n > 0 ? (uint64_t)n : 0;
    }
    return sent;
}

static uint64_t receive_some(uint64_t received)
{
    ssize_t n;
    while ((n = skiff_recv(side[1].stack, side[1].fd, buf, sizeof(buf), 0)) > 0) {
        if (memcmp(buf, text + received % PERIOD, (size_t)n) != 0)
            fail("wrong bytes");
        /* A word back now and then, which finds the other's marks as old. */
        if ((received + (uint64_t)n) >> 28 != received >> 28 &&
            skiff_send(side[1].stack, side[1].fd, "and?", 4, 0) != 4)
            fail("send back");
        received += (uint64_t)n;
    }
    return received;
}

static uint64_t counter(const char *name)
{
    return skiff_counter(side[0].stack, name);
}

/* Until all has arrived. What is sent again outside of bad stretches and what follows them is a mistake. */
static void talk(uint64_t size)
{
    uint64_t sent = 0, received = 0, mark = 0, needless = 0, stuck = 0;
    bool settled = true;
    while (received < size) {
        uint64_t before_it = received, at;
        sent = send_some(sent, size);
        turn();
        received = receive_some(received);
        stuck = received == before_it ? stuck + 1 : 0;
        if (stuck * TURN_NS > 60000000000ull)
            fail("nothing moves for a minute");
        at = received % EVERY;
        bad = received >= EVERY && at < BAD_LEN;
        if (settled && bad)
            needless += counter("TcpRetransSegs") - mark;
        if (settled && bad && !mark) /* until now nothing was lost, overtaken or taken back */
            needless += counter("TcpExtTCPSACKReorder") + counter("TcpExtTCPLossProbes");
        if (!settled && !bad && at > 2 * BAD_LEN)
            mark = counter("TcpRetransSegs");
        settled = !bad && at > 2 * BAD_LEN;
    }
    if (needless || (size > EVERY && !counter("TcpRetransSegs")))
        fail(needless ? "sent again without need" : "the bad stretches were not bad");
    if (counter("TcpExtTCPTimeouts") > 2 * (size / EVERY))
        fail("too many time-outs");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    random_state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15 | 1;
    skiff_seed(random_state);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i < PERIOD ? (uint8_t)((i / 8 + 1) * 0x9e3779b97f4a7c15u >> 8 * (i % 8)) : text[i - PERIOD];
    open_side(0);
    open_side(1);
    connect_sides();
    talk((uint64_t)(atof(argv[1]) * (1 << 30)));
    printf("ok: %llu segments sent again, %llu time-outs\n", (unsigned long long)counter("TcpRetransSegs"),
           (unsigned long long)counter("TcpExtTCPTimeouts"));
    return 0;
}
