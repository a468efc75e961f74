/*
 * system.h - what an application may ask the machine that POSIX has no call for.
 *
 * Implemented in net/socket/system.c for the stack of the running task.
 */
#ifndef SKIFF_SYSTEM_H
#define SKIFF_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/* The value of a word on the kernel command line: "" for a bare word, NULL if absent. */
const char *skiff_config(const char *key);

/**
 * skiff_stats_walk - every figure the machine keeps, by name
 *
 * Counters by nstat's names ("TcpCurrEstab"), drops as "drop.TCP_CSUM", devices as "eth0.rx_packets",
 * "eth0.napi_irqs", "eth0.napi_polls", connections as "tcp.established", memory as "mem.total_kb",
 * "mem.free_kb", "uptime_ms".
 * The name is valid during the call only.
 */
void skiff_stats_walk(void (*fn)(const char *name, uint64_t value, void *ctx), void *ctx);

/* One of them; 0 if there is no such name. */
uint64_t skiff_stat(const char *name);

#define SKIFF_ADDR_CHOSEN 2

/**
 * skiff_if_set_address - give a device its one IPv4 address, in place of what it had
 * @addr:  network byte order, as in struct in_addr; 0 takes the address away
 * @probe: ask the link first whether somebody has it (RFC 5227 2.1.1): the caller sleeps for about two
 * seconds. Without, it is used at once and announced. SKIFF_ADDR_CHOSEN: ask, and give it up later to a host
 * that claims it twice within ten seconds (RFC 3927 2.5); others are defended as long as they are there.
 *
 * The route to its subnet comes with it; other routes are the caller's (SIOCADDRT).
 * Return: 0; -1 with errno ENODEV, EINVAL, ENOMEM, or EADDRINUSE: somebody has it, the device has no address
 * now.
 */
int skiff_if_set_address(const char *ifname, uint32_t addr, int prefix_len, int probe);

/**
 * skiff_task_create - another task of this program, with the same descriptors
 * @name: a literal (borrowed); @function runs with @arg, and the task ends when it returns
 *
 * Return: 0; -1 with errno ENOMEM.
 */
int skiff_task_create(const char *name, void (*function)(void *arg), void *arg);

#define SKIFF_VERSION "0.1"

#endif
