/*
 * nfqueue.h - packets for a program to judge: what rules with -j NFQUEUE --queue-num N hand over.
 *
 *     int fd = skiff_nfqueue_open(N, 0, 0);
 *     union { struct skiff_nfqueue_packet head; uint8_t bytes[2048]; } packet;
 *
 *     while (read(fd, &packet, sizeof(packet)) > 0) {
 *         struct skiff_nfqueue_verdict v = {.id = packet.head.id, .verdict = SKIFF_NFQUEUE_ACCEPT};
 *         write(fd, &v, sizeof(v));
 *     }
 *
 * Each read() gives one packet; without O_NONBLOCK it waits for one (poll and epoll: POLLIN). Packets may be
 * judged in any order, several by one write() of several verdicts. What has not been judged when the
 * descriptor is closed is dropped, and so is what waits when a device of its way goes down. Without a program
 * on the queue its packets are dropped, unless the rule says --queue-bypass.
 *
 * Implemented in net/socket/nfqueue.c for the stack of the running task.
 */
#ifndef SKIFF_NFQUEUE_H
#define SKIFF_NFQUEUE_H

#include <stdint.h>

/* skiff_nfqueue_packet.hook */
#define SKIFF_NFQUEUE_PREROUTING  0
#define SKIFF_NFQUEUE_INPUT       1
#define SKIFF_NFQUEUE_FORWARD     2
#define SKIFF_NFQUEUE_OUTPUT      3
#define SKIFF_NFQUEUE_POSTROUTING 4

/* skiff_nfqueue_packet.flags: the checksum behind the IPv4 header is written later, by the card or for each
 * segment. */
#define SKIFF_NFQUEUE_CSUM_LATER 0x01

/* What read() gives: this, then the datagram from its IPv4 header on, as much of it as there was room for. */
struct skiff_nfqueue_packet {
    uint32_t id;
    uint32_t len; /* of the datagram, in full */
    uint32_t mark;
    uint16_t segments; /* of TCP that travel as this one; 1: a datagram as it is on the wire */
    uint8_t hook, flags;
    char in[16], out[16]; /* devices; "": none */
};

/* skiff_nfqueue_verdict.verdict */
#define SKIFF_NFQUEUE_DROP   0
#define SKIFF_NFQUEUE_ACCEPT 1 /* goes on with the table behind */
#define SKIFF_NFQUEUE_QUEUE  3 /* into another queue */
#define SKIFF_NFQUEUE_REPEAT 4 /* through the same table again: set a mark, or it comes back */

/* skiff_nfqueue_verdict.flags */
#define SKIFF_NFQUEUE_SET_MARK 0x01

struct skiff_nfqueue_verdict {
    uint32_t id;
    uint8_t verdict, flags;
    uint16_t queue; /* with QUEUE */
    uint32_t mark;  /* with SET_MARK */
};

/**
 * skiff_nfqueue_open - become the program behind a queue
 * @queue:  0 to 65535
 * @maxlen: packets it may hold, judged or not given yet; 0: 1024, at most 8192. More are dropped.
 * @flags:  O_NONBLOCK or 0
 *
 * write(): how many bytes of verdicts were taken; EINVAL (half a verdict, or none there is), ENOENT (no
 * packet with this id waits). Verdicts in front of a wrong one count.
 * Return: a descriptor; -1 with errno EBUSY (another has this queue), ENFILE (64 are open), EINVAL, EMFILE,
 * ENOMEM.
 */
int skiff_nfqueue_open(uint16_t queue, unsigned maxlen, int flags);

#endif
