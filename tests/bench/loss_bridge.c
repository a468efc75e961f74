/*
 * loss_bridge.c - a wire that loses frames: a tap device of its own on one side, an interface on the other.
 *
 *     loss_bridge TAP INTERFACE PERCENT SEED     loses PERCENT of the frames, in both directions
 *     loss_bridge TAP INTERFACE tail SEED        loses the last segment of each long download, once
 *
 * TAP is made here and is this machine's end; INTERFACE is the tap that QEMU holds. Both directions are the
 * same for every guest: the losses come from SEED and the number of the frame. Says "ready" when frames pass.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAIL_AFTER   20   /* data segments before one that is not full counts as the tail */
#define FULL_SEGMENT 1400 /* bytes of data */

static uint64_t random_state;
static double loss; /* share of 1; below 0: tail mode */
static int data_segments;

static void check(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

/* xorshift64*, as a share of 1 */
static double draw(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (double)(random_state * 0x2545f4914f6cdd1d >> 11) / (1ull << 53);
}

/* Is this the short segment that ends a long download, seen for the first time? */
static bool is_tail(const uint8_t *frame, ssize_t len)
{
    if (len < 54 || frame[12] != 8 || frame[13] || frame[23] != 6)
        return false;
    int ip_len = (frame[14] & 15) * 4, total = frame[16] << 8 | frame[17];
    const uint8_t *tcp = frame + 14 + ip_len;
    int data = total - ip_len - (tcp[12] >> 4) * 4;
    if (tcp[13] & 2)
        data_segments = 0;
    if (data >= FULL_SEGMENT)
        data_segments++;
    if (data <= 0 || data >= FULL_SEGMENT || data_segments < TAIL_AFTER)
        return false;
    data_segments = 0;
    return true;
}

static bool is_lost(const uint8_t *frame, ssize_t len, bool from_guest)
{
    if (loss >= 0)
        return draw() < loss;
    return from_guest && is_tail(frame, len);
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

static void carry(int from, int to, bool from_guest)
{
    uint8_t frame[65536];
    ssize_t len = read(from, frame, sizeof(frame));
    if (len > 0 && !is_lost(frame, len, from_guest) && write(to, frame, (size_t)len) < 0)
        perror("loss_bridge: write");
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: loss_bridge TAP INTERFACE PERCENT|tail SEED\n");
        return 1;
    }
    loss = strcmp(argv[3], "tail") == 0 ? -1 : atof(argv[3]) / 100;
    random_state = strtoull(argv[4], NULL, 10) * 0x9e3779b97f4a7c15 | 1;
    int tap = open_tap(argv[1]), guest = open_packet(argv[2]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[] = {{tap, POLLIN, 0}, {guest, POLLIN, 0}};
        check(poll(fds, 2, -1), "poll");
        if (fds[0].revents)
            carry(tap, guest, false);
        if (fds[1].revents)
            carry(guest, tap, true);
    }
}
