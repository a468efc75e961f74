/*
 * bad_wire.c - a wire that treats frames badly: a tap device of its own on one side, an interface on the
 * other.
 *
 *     bad_wire TAP INTERFACE [WORD=NUMBER] ...
 *
 *     loss=PERCENT    of the frames do not arrive
 *     twice=PERCENT   arrive twice
 *     late=PERCENT    are overtaken: they take `hold` ms longer than the others
 *     damage=PERCENT  arrive with one bit turned over, behind the Ethernet header
 *     hold=MS delay=MS   how long frames take at all, and the late ones more (5; 0)
 *     rate=MBIT       per second and direction, with a queue of `queue` ms in front (50) that drops what is
 * over tail=1          the last segment of each long download is lost, once seed=NUMBER
 *
 * TAP is made here and is this machine's end; INTERFACE is the tap that QEMU holds. Both directions are
 * treated alike; what befalls a frame comes from the seed and the number of the frame in its direction, so
 * that all guests that send the same meet with the same. Says "ready" when frames pass.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull

struct frame {
    struct frame *next;
    uint64_t due_ns;
    size_t len;
    uint8_t data[];
};

/* One direction: where its frames go, those under way in the order they are due, when the line is free again.
 */
struct direction {
    int from, to;
    bool from_guest;
    uint64_t random_state, free_ns;
    struct frame *first, *last;
};

enum { LOSS, TWICE, LATE, DAMAGE, HOLD, DELAY, RATE, QUEUE, TAIL, SEED, WORDS };
static const char *const words[WORDS] = {"loss",  "twice", "late",  "damage", "hold",
                                         "delay", "rate",  "queue", "tail",   "seed"};
static double setting[WORDS] = {[HOLD] = 5, [QUEUE] = 50, [SEED] = 1};

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * NS_PER_MS + (uint64_t)t.tv_nsec;
}

/* xorshift64*, as a share of 1 */
static double draw(struct direction *dir)
{
    uint64_t x = dir->random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    dir->random_state = x;
    return (double)(x * 0x2545f4914f6cdd1d >> 11) / (1ull << 53);
}

/* Does this segment bring the byte `tail` of its connection, for the first time? */
static bool is_tail(const uint8_t *frame, size_t len)
{
    static uint32_t first; /* the number of the connection's first byte of data */
    static bool was_lost;

    if (len < 54 || frame[12] != 8 || frame[13] || frame[23] != 6)
        return false;
    int ip_len = (frame[14] & 15) * 4, total = frame[16] << 8 | frame[17];
    const uint8_t *tcp = frame + 14 + ip_len;
    int data = total - ip_len - (tcp[12] >> 4) * 4;
    uint32_t seq = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 | (uint32_t)tcp[6] << 8 | tcp[7];
    if (tcp[13] & 2) {
        first = seq + 1;
        was_lost = false;
    }
    if (was_lost || data <= 0 || seq - first + (uint32_t)data < (uint32_t)setting[TAIL])
        return false;
    was_lost = true;
    return true;
}

static void deliver(struct direction *dir, const uint8_t *frame, size_t len)
{
    if (write(dir->to, frame, len) < 0)
        perror("bad_wire: write");
}

static void enqueue(struct direction *dir, const uint8_t *data, size_t len, uint64_t due_ns)
{
    struct frame **at = &dir->first, *frame = malloc(sizeof(*frame) + len);
    check(frame ? 0 : -1, "malloc");
    frame->due_ns = due_ns;
    frame->len = len;
    memcpy(frame->data, data, len);
    if (dir->last && dir->last->due_ns <= due_ns)
        at = &dir->last->next;
    while (*at && (*at)->due_ns <= due_ns)
        at = &(*at)->next;
    frame->next = *at;
    *at = frame;
    if (!frame->next)
        dir->last = frame;
}

static void deliver_due(struct direction *dir, uint64_t now)
{
    while (dir->first && dir->first->due_ns <= now) {
        struct frame *frame = dir->first;
        dir->first = frame->next;
        if (!dir->first)
            dir->last = NULL;
        deliver(dir, frame->data, frame->len);
        free(frame);
    }
}

/* When the line has carried all of the frame; 0: the queue in front of it is full. */
static uint64_t through_line(struct direction *dir, size_t len, uint64_t now)
{
    if (setting[RATE] <= 0)
        return now;
    if (dir->free_ns < now)
        dir->free_ns = now;
    if ((double)(dir->free_ns - now) > setting[QUEUE] * NS_PER_MS)
        return 0;
    dir->free_ns += (uint64_t)((double)len * 8000 / setting[RATE]);
    return dir->free_ns;
}

static bool befalls(struct direction *dir, int word)
{
    return draw(dir) * 100 < setting[word];
}

static void carry(struct direction *dir)
{
    uint8_t frame[65536];
    ssize_t got = read(dir->from, frame, sizeof(frame));
    if (got <= 0)
        return;
    size_t len = (size_t)got;
    /* All four are drawn for each frame: the number of the frame alone decides. */
    bool lost = befalls(dir, LOSS), twice = befalls(dir, TWICE), late = befalls(dir, LATE);
    bool damaged = befalls(dir, DAMAGE);
    uint64_t now = now_ns(), through = through_line(dir, len, now);
    if (lost || !through || (setting[TAIL] > 0 && dir->from_guest && is_tail(frame, len)))
        return;
    if (damaged && len > ETH_HLEN)
        frame[ETH_HLEN + (size_t)(draw(dir) * (double)(len - ETH_HLEN))] ^= 1;
    uint64_t due = through + (uint64_t)((setting[DELAY] + (late ? setting[HOLD] : 0)) * NS_PER_MS);
    for (int copies = 1 + twice; copies > 0; copies--) {
        if (due > now)
            enqueue(dir, frame, len, due);
        else
            deliver(dir, frame, len);
    }
}

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR);
    check(fd, "/dev/net/tun");
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    check(ioctl(fd, TUNSETIFF, &request), name);
    return fd;
}

static int open_packet(const char *name)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), size = 4 << 20, on = 1;
    check(fd, "packet socket");
    address.sll_ifindex = (int)if_nametoindex(name);
    check(address.sll_ifindex ? 0 : -1, name);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    check(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), "PACKET_IGNORE_OUTGOING");
    check(bind(fd, (struct sockaddr *)&address, sizeof(address)), name);
    return fd;
}

static bool parse(const char *argument)
{
    const char *value = strchr(argument, '=');
    for (int i = 0; value && i < WORDS; i++) {
        if (strlen(words[i]) == (size_t)(value - argument) &&
            !strncmp(argument, words[i], (size_t)(value - argument))) {
            setting[i] = atof(value + 1);
            return true;
        }
    }
    return false;
}

/* Until a frame comes or the next one under way is due. */
static void wait_for_frames(struct pollfd fds[2], const struct direction dir[2])
{
    uint64_t due = UINT64_MAX, now = now_ns();
    for (int i = 0; i < 2; i++) {
        if (dir[i].first && dir[i].first->due_ns < due)
            due = dir[i].first->due_ns;
    }
    uint64_t left = due <= now ? 0 : due - now;
    struct timespec limit = {(time_t)(left / (1000 * NS_PER_MS)), (long)(left % (1000 * NS_PER_MS))};
    check(ppoll(fds, 2, due == UINT64_MAX ? NULL : &limit, NULL), "poll");
}

int main(int argc, char **argv)
{
    for (int i = 3; i < argc; i++) {
        if (!parse(argv[i]))
            argc = 0;
    }
    if (argc < 3) {
        fprintf(stderr, "usage: bad_wire TAP INTERFACE [WORD=NUMBER] ...\n");
        return 1;
    }
    int tap = open_tap(argv[1]), guest = open_packet(argv[2]);
    uint64_t seed = (uint64_t)setting[SEED] * 0x9e3779b97f4a7c15;
    struct direction dir[2] = {{.from = tap, .to = guest, .random_state = seed | 1},
                               {.from = guest, .to = tap, .from_guest = true, .random_state = ~seed | 1}};
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[] = {{tap, POLLIN, 0}, {guest, POLLIN, 0}};
        wait_for_frames(fds, dir);
        for (int i = 0; i < 2; i++) {
            deliver_due(&dir[i], now_ns());
            if (fds[i].revents)
                carry(&dir[i]);
        }
    }
}
