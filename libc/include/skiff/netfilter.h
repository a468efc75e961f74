/*
 * netfilter.h - the firewall of the machine, for programs: what iptables, iptables-restore, iptables-save and
 * ipset do elsewhere.
 *
 * Implemented in net/socket/netfilter.c for the stack of the running task. Each call answers through `out`:
 * what was asked for, or one sentence that says what is wrong, where, and what to write instead. `out` is
 * called any number of times, with text that is valid during the call only and is not NUL-terminated.
 */
#ifndef SKIFF_NETFILTER_H
#define SKIFF_NETFILTER_H

#include <stddef.h>

typedef void (*skiff_out_fn)(const char *text, size_t len, void *ctx);

/**
 * skiff_iptables - one command: "-A INPUT -p tcp --dport 22 -j ACCEPT", "-L -n -v", "-t nat -S" ...
 * @line: with or without the word "iptables" in front
 *
 * Return: 0; -1 with errno EINVAL (the sentence says why; nothing has changed), ENOENT (-C or -D: there is no
 * such rule) or ENOMEM.
 */
int skiff_iptables(const char *line, skiff_out_fn out, void *ctx);

/* All tables as a text that skiff_iptables_restore() reads; with packet and byte counters if asked for. 0. */
int skiff_iptables_save(int counters, skiff_out_fn out, void *ctx);

/**
 * skiff_iptables_restore - replace the tables named in a text, all at once
 *
 * Return: 0; -1 with errno EINVAL or ENOMEM: nothing has changed.
 */
int skiff_iptables_restore(const char *text, size_t len, skiff_out_fn out, void *ctx);

/**
 * skiff_ipset - one command: "create NAME hash:ip", "add NAME 10.0.0.1", "list" ...
 * @line: with or without the word "ipset" in front
 *
 * Return: 0; -1 with errno EINVAL, EEXIST, ENOENT, EBUSY (rules refer to it), ENOMEM; for "test" ENOENT means
 * no.
 */
int skiff_ipset(const char *line, skiff_out_fn out, void *ctx);

#endif
