/*
 * abi.h - one fact about the binary interface, as one of the two worlds sees it.
 */
#ifndef TESTS_UNIT_ABI_H
#define TESTS_UNIT_ABI_H

#include <time.h> /* the host's linux/errqueue.h needs it */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/icmp.h> /* the host's gives way to <net/if.h> only behind it */

struct abi_fact {
    const char *name;
    long long value, more;
};

#define CONSTANT(name)       {#name, (long long)(name), 0},
#define TYPE(type)           {#type, sizeof(type), (type)-1 < (type)1},
#define STRUCT(type)         {#type, sizeof(type), _Alignof(type)},
#define MEMBER(type, member) {#type "." #member, offsetof(type, member), sizeof(((type *)0)->member)},

/* From inside_abi.c, which is compiled against libc/include. */
extern const struct abi_fact inside_abi[];
extern const size_t inside_abi_count;

#endif
