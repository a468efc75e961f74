/*
 * qdisc.h - what a program may ask about the queues in front of the cards (tc -s qdisc) and change in them.
 *
 * Implemented in net/socket/qdisc.c for the stack of the running task.
 */
#ifndef SKIFF_QDISC_H
#define SKIFF_QDISC_H

#include <stddef.h>
#include <stdint.h>

struct skiff_qdisc {
    char device[16];   /* "eth0" */
    char kind[16];     /* "fq_codel"; "noqueue" for a device that queues nothing; "ingress" for policing */
    char options[192]; /* as tc prints them: "limit 10240p flows 1024 quantum 1514 target 5ms ..." */
    char details[256]; /* figures of its kind: "maxpacket 1514 drop_overlimit 0 ecn_mark 12 ..."; may be "" */
    uint64_t sent_bytes, sent_packets;
    uint64_t dropped, overlimits, requeues;
    uint64_t backlog_bytes;
    uint32_t backlog_packets;
};

/**
 * skiff_qdisc_walk - every device's discipline, in the order of the devices, and its ingress policing if any
 *
 * What fn is handed is valid during the call only.
 */
void skiff_qdisc_walk(void (*fn)(const struct skiff_qdisc *qdisc, void *ctx), void *ctx);

/**
 * skiff_qdisc_replace - another discipline, or other options
 * @spec: as on the command line: "eth0:fq_codel" or "eth1:tbf,rate=10mbit,burst=32k,limit=64k"
 * @why:  receives a sentence when it fails: what was wrong and what to write instead
 *
 * Packets that wait in the old one are dropped (QDISC_DROP).
 * Return: 0; -1 with errno ENODEV, EINVAL, ENOMEM; then nothing has changed.
 */
int skiff_qdisc_replace(const char *spec, char *why, size_t size);

/* The same for ingress policing: "eth0:rate=50mbit,burst=64k"; "eth0:off" ends it. */
int skiff_police_replace(const char *spec, char *why, size_t size);

#endif
