/*
 * netinet/in.h - IPv4 addresses, ports and IP options for sockets. Addresses and ports are in network
 * byte order wherever a struct here holds them; the INADDR_ constants are in host order.
 */
#ifndef LIBC_NETINET_IN_H
#define LIBC_NETINET_IN_H

#include <stdint.h>
#include <sys/socket.h>

typedef uint16_t in_port_t;
typedef uint32_t in_addr_t;

struct in_addr {
    in_addr_t s_addr;
};

struct sockaddr_in {
    sa_family_t sin_family;
    in_port_t sin_port;
    struct in_addr sin_addr;
    unsigned char sin_zero[8];
};

struct in6_addr {
    union {
        uint8_t u6_addr8[16];
        uint16_t u6_addr16[8];
        uint32_t u6_addr32[4];
    } in6_u;
};
#define s6_addr   in6_u.u6_addr8
#define s6_addr16 in6_u.u6_addr16
#define s6_addr32 in6_u.u6_addr32

struct sockaddr_in6 {
    sa_family_t sin6_family;
    in_port_t sin6_port;
    uint32_t sin6_flowinfo;
    struct in6_addr sin6_addr;
    uint32_t sin6_scope_id;
};

struct ip_mreq {
    struct in_addr imr_multiaddr;
    struct in_addr imr_interface;
};

struct ip_mreqn {
    struct in_addr imr_multiaddr;
    struct in_addr imr_address;
    int imr_ifindex;
};

struct ip_mreq_source {
    struct in_addr imr_multiaddr;
    struct in_addr imr_interface;
    struct in_addr imr_sourceaddr;
};

/* MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP: of any address family (RFC 3678 5). Interface 0: by route. */
struct group_req {
    uint32_t gr_interface;
    struct sockaddr_storage gr_group;
};

/* MCAST_*_SOURCE, MCAST_*_SOURCE_GROUP */
struct group_source_req {
    uint32_t gsr_interface;
    struct sockaddr_storage gsr_group, gsr_source;
};

/* IP_MSFILTER; as many sources as imsf_numsrc says follow. */
struct ip_msfilter {
    struct in_addr imsf_multiaddr;
    struct in_addr imsf_interface;
    uint32_t imsf_fmode; /* MCAST_INCLUDE or MCAST_EXCLUDE */
    uint32_t imsf_numsrc;
    struct in_addr imsf_slist[1];
};
#define IP_MSFILTER_SIZE(numsrc)                                                                             \
    (sizeof(struct ip_msfilter) - sizeof(struct in_addr) + (numsrc) * sizeof(struct in_addr))
#define MCAST_EXCLUDE 0
#define MCAST_INCLUDE 1

struct in_pktinfo {
    int ipi_ifindex;
    struct in_addr ipi_spec_dst;
    struct in_addr ipi_addr;
};

#define IPPROTO_IP      0
#define IPPROTO_ICMP    1
#define IPPROTO_IGMP    2
#define IPPROTO_IPIP    4
#define IPPROTO_TCP     6
#define IPPROTO_EGP     8
#define IPPROTO_PUP     12
#define IPPROTO_UDP     17
#define IPPROTO_IDP     22
#define IPPROTO_DCCP    33
#define IPPROTO_IPV6    41
#define IPPROTO_RSVP    46
#define IPPROTO_GRE     47
#define IPPROTO_ESP     50
#define IPPROTO_AH      51
#define IPPROTO_ICMPV6  58
#define IPPROTO_SCTP    132
#define IPPROTO_UDPLITE 136
#define IPPROTO_RAW     255
#define IPPROTO_MAX     263

#define SOL_IP   0
#define SOL_IPV6 41
#define SOL_RAW  255

#define INADDR_ANY             ((in_addr_t)0x00000000)
#define INADDR_BROADCAST       ((in_addr_t)0xffffffff)
#define INADDR_NONE            ((in_addr_t)0xffffffff)
#define INADDR_LOOPBACK        ((in_addr_t)0x7f000001)
#define INADDR_UNSPEC_GROUP    ((in_addr_t)0xe0000000)
#define INADDR_ALLHOSTS_GROUP  ((in_addr_t)0xe0000001)
#define INADDR_ALLRTRS_GROUP   ((in_addr_t)0xe0000002)
#define INADDR_MAX_LOCAL_GROUP ((in_addr_t)0xe00000ff)

/* On addresses in host order. */
#define IN_CLASSA(a)       (((in_addr_t)(a)&0x80000000) == 0)
#define IN_CLASSB(a)       (((in_addr_t)(a)&0xc0000000) == 0x80000000)
#define IN_CLASSC(a)       (((in_addr_t)(a)&0xe0000000) == 0xc0000000)
#define IN_CLASSD(a)       (((in_addr_t)(a)&0xf0000000) == 0xe0000000)
#define IN_CLASSA_NET      0xff000000
#define IN_CLASSB_NET      0xffff0000
#define IN_CLASSC_NET      0xffffff00
#define IN_LOOPBACKNET     127
#define IN_MULTICAST(a)    IN_CLASSD(a)
#define IN_EXPERIMENTAL(a) (((in_addr_t)(a)&0xe0000000) == 0xe0000000)
#define IN_BADCLASS(a)     (((in_addr_t)(a)&0xf0000000) == 0xf0000000)

#define IPPORT_RESERVED     1024
#define IPPORT_USERRESERVED 5000

#define INET_ADDRSTRLEN  16
#define INET6_ADDRSTRLEN 46

#define IP_TOS                    1
#define IP_TTL                    2
#define IP_HDRINCL                3
#define IP_OPTIONS                4
#define IP_ROUTER_ALERT           5
#define IP_RECVOPTS               6
#define IP_RETOPTS                7
#define IP_PKTINFO                8
#define IP_PKTOPTIONS             9
#define IP_MTU_DISCOVER           10
#define IP_RECVERR                11
#define IP_RECVTTL                12
#define IP_RECVTOS                13
#define IP_MTU                    14
#define IP_FREEBIND               15
#define IP_TRANSPARENT            19
#define IP_RECVORIGDSTADDR        20
#define IP_MINTTL                 21
#define IP_NODEFRAG               22
#define IP_BIND_ADDRESS_NO_PORT   24
#define IP_MULTICAST_IF           32
#define IP_MULTICAST_TTL          33
#define IP_MULTICAST_LOOP         34
#define IP_ADD_MEMBERSHIP         35
#define IP_DROP_MEMBERSHIP        36
#define IP_UNBLOCK_SOURCE         37
#define IP_BLOCK_SOURCE           38
#define IP_ADD_SOURCE_MEMBERSHIP  39
#define IP_DROP_SOURCE_MEMBERSHIP 40
#define IP_MSFILTER               41
#define MCAST_JOIN_GROUP          42
#define MCAST_BLOCK_SOURCE        43
#define MCAST_UNBLOCK_SOURCE      44
#define MCAST_LEAVE_GROUP         45
#define MCAST_JOIN_SOURCE_GROUP   46
#define MCAST_LEAVE_SOURCE_GROUP  47
#define IP_MULTICAST_ALL          49

/* IP_MTU_DISCOVER */
#define IP_PMTUDISC_DONT      0
#define IP_PMTUDISC_WANT      1
#define IP_PMTUDISC_DO        2
#define IP_PMTUDISC_PROBE     3
#define IP_PMTUDISC_INTERFACE 4
#define IP_PMTUDISC_OMIT      5

/* Macros, so that constants stay constants. */
#define htons(v) __builtin_bswap16((uint16_t)(v))
#define ntohs(v) __builtin_bswap16((uint16_t)(v))
#define htonl(v) __builtin_bswap32((uint32_t)(v))
#define ntohl(v) __builtin_bswap32((uint32_t)(v))

#endif
