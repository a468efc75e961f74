/*
 * xdp.h - the early hook of a card: a classic BPF program decides about each frame before anything else does.
 *
 * The program sees the frame from its link header on and returns
 *     0  drop: the buffer goes back to the card at once, nothing has been allocated
 *     2  bounce: the frame goes back out of the card it came from, with both MAC addresses swapped, else as
 * it was else pass, so that a program of tcpdump -ddd names what is let in
 *
 * Implemented in net/socket/xdp.c for the stack of the running task. On the command line: xdp=eth0:PROGRAM.
 */
#ifndef SKIFF_XDP_H
#define SKIFF_XDP_H

#include <stddef.h>
#include <stdint.h>

struct skiff_xdp {
    char device[16];
    uint32_t instructions; /* of its program */
    uint64_t passed, dropped, bounced;
    uint64_t bounce_failed; /* to be bounced, but the card had no room or no memory was left: dropped */
};

/* Every device that has a program. What fn is handed is valid during the call only. */
void skiff_xdp_walk(void (*fn)(const struct skiff_xdp *xdp, void *ctx), void *ctx);

/**
 * skiff_xdp_replace - give a device a program, or take it away
 * @spec: "eth0:4,40 0 0 12,21 0 1 2048,6 0 0 1,6 0 0 0": the lines of tcpdump -ddd joined by commas, blanks
 * may be
 *        '_'; "eth0:off"
 * @why:  receives a sentence when it fails
 * Return: 0; -1 with errno ENODEV, EINVAL, EOPNOTSUPP (its driver has no hook), ENOMEM; then nothing has
 * changed.
 */
int skiff_xdp_replace(const char *spec, char *why, size_t size);

#endif
