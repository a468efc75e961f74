/*
 * mdns.h - the machine answers to its name on the local network: skiff.local (RFC 6762), and is found there
 * as a web server (RFC 6763).
 */
#ifndef NET_APPS_MDNS_H
#define NET_APPS_MDNS_H

/**
 * mdns_main - answer for hostname= ("skiff" without) on every card that has an address; a task's function
 * @arg: unused
 *
 * A name that another host has already becomes skiff-2.local and so on; the log says which one it is.
 */
void mdns_main(void *arg);

#endif
