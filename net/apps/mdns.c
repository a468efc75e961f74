/*
 * mdns.c - the multicast DNS responder (RFC 6762).
 *
 * One task, one socket on port 5353, heard on each card that has an address. On each of them the name is
 * asked for three times (probing, 8.1), told twice (announcing, 8.3) and then defended (9); when the machine
 * goes it is taken back (10.1). What is answered:
 *
 *     skiff.local                    A     the card's address; NSEC: nothing else (6.1)
 *     2.0.0.10.in-addr.arpa          PTR   skiff.local
 *     _http._tcp.local               PTR   skiff._http._tcp.local
 *     skiff._http._tcp.local         SRV   port 80 of skiff.local; TXT: empty
 *     _services._dns-sd._udp.local   PTR   _http._tcp.local
 */
#include "net/apps/mdns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <skiff/link.h>
#include <skiff/machine.h>
#include <skiff/route.h>
#include <skiff/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/clock.h"
#include "net/apps/mdns_message.h"

#define MDNS_PORT        5353
#define MDNS_GROUP       0xe00000fbu /* 224.0.0.251 */
#define HTTP_PORT        80
#define SRV_FIXED        6u /* priority, weight, port (RFC 2782) */
#define CARDS_MAX        8
#define LOOK_MS          1000u /* for cards and addresses that come and go */
#define PROBES           3     /* 8.1, as the next two */
#define PROBE_MS         250u
#define LOST_TIE_MS      1000u
#define ANNOUNCEMENTS    2 /* 8.3 */
#define ANNOUNCE_MS      1000u
#define MANY_CONFLICTS   15 /* 8.1: then five seconds between tries */
#define CONFLICT_WAIT_MS 5000u
#define TTL_HOST         120u  /* 10: of records with the host's name or address in them */
#define TTL_OTHER        4500u /* 75 minutes */
#define TTL_LEGACY       10u   /* 6.7 */
#define REPEAT_MS        1000u /* 6: no record is multicast more often */
#define SHARED_DELAY_MS  20u   /* 6: answers that others may give as well wait 20 to 120 ms */
#define SHARED_JITTER_MS 100u
#define HEARD_PER_S      200u /* messages looked at; a link with hundreds of hosts has some dozens */

enum phase { PROBING, ANNOUNCING, RUNNING };

/* The records we have, as bits of a set. */
enum record { HOST_A, REVERSE_PTR, SERVICE_PTR, SERVICE_SRV, SERVICE_TXT, SERVICES_PTR, HOST_NSEC, RECORDS };
#define ALL_RECORDS ((1u << HOST_NSEC) - 1) /* to announce: NSEC comes as an answer only */

struct card {
    int ifindex; /* 0: a free place */
    char name[SKIFF_ROUTE_NAME];
    uint32_t addr, mask;
    struct dns_name reverse; /* of addr */
    enum phase phase;
    unsigned sent;    /* probes or announcements */
    uint64_t next_ms; /* when the next one is due; UINT64_MAX: RUNNING */
    uint32_t pending; /* records to multicast at pending_ms */
    uint64_t pending_ms;
    uint64_t told_ms[RECORDS]; /* when each was multicast last; 0: never */
    bool there;                /* seen in this look */
};

struct mdns {
    int fd;
    int end_fd; /* readable: the machine is about to go */
    bool leaving;
    const char *hostname;
    char label[DNS_LABEL_MAX + 1]; /* the name in use: hostname, or hostname-2 ... */
    unsigned suffix, conflicts;
    struct dns_name host, instance, service, services;
    struct card cards[CARDS_MAX];
    uint64_t look_ms;
    uint64_t heard_since_ms; /* this second began ... */
    unsigned heard;          /* ... and brought so many messages */
    struct dns_writer out;
    uint8_t in[MDNS_MESSAGE_MAX];
};

/* What a message asks of one card. */
struct request {
    uint32_t wanted, known; /* records asked for; those the asker has already (7.1) */
    bool unicast, shared;   /* answer to the asker alone; others may answer as well */
};

/* --- names --- */

/* Letters, digits and '-', as host names are (RFC 1123 2.1); and room for "-99". */
static bool is_host_label(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(name);
    return len && len <= DNS_LABEL_MAX - 4 && strspn(name, allowed) == len && name[0] != '-';
}

static void set_names(struct mdns *m)
{
    if (m->suffix > 1)
        snprintf(m->label, sizeof(m->label), "%s-%u", m->hostname, m->suffix);
    else
        snprintf(m->label, sizeof(m->label), "%s", m->hostname);
    m->host = dns_name_of(m->label, "local", NULL);
    m->instance = dns_name_of(m->label, "_http", "_tcp", "local", NULL);
}

static struct dns_name reverse_name(uint32_t addr)
{
    const uint8_t *byte = (const uint8_t *)&addr;
    char text[4][4];
    for (int i = 0; i < 4; i++)
        snprintf(text[i], sizeof(text[i]), "%u", byte[i]);
    return dns_name_of(text[3], text[2], text[1], text[0], "in-addr", "arpa", NULL);
}

/* --- records --- */

static const struct dns_name *owner_of(const struct mdns *m, const struct card *card, enum record record)
{
    switch (record) {
    case HOST_A:
    case HOST_NSEC:
        return &m->host;
    case REVERSE_PTR:
        return &card->reverse;
    case SERVICE_PTR:
        return &m->service;
    case SERVICE_SRV:
    case SERVICE_TXT:
        return &m->instance;
    default:
        return &m->services;
    }
}

static uint16_t type_of(enum record record)
{
    static const uint16_t types[RECORDS] = {DNS_A, DNS_PTR, DNS_PTR, DNS_SRV, DNS_TXT, DNS_PTR, DNS_NSEC};
    return types[record];
}

/* Records that others may have too (2: shared); the rest are ours alone. */
static bool is_shared(enum record record)
{
    return record == SERVICE_PTR || record == SERVICES_PTR;
}

static uint32_t ttl_of(enum record record)
{
    return record == SERVICE_PTR || record == SERVICES_PTR || record == SERVICE_TXT ? TTL_OTHER : TTL_HOST;
}

/* A record's data into data[DNS_NAME_MAX + SRV_FIXED]: its length. */
static size_t data_of(const struct mdns *m, const struct card *card, enum record record, uint8_t *data)
{
    /* RFC 4034 4.1: the next name is the same, one window of types with A alone (RFC 6762 6.1). */
    static const uint8_t only_a[] = {0, 1, 0x40};
    const struct dns_name *name = record == SERVICE_PTR    ? &m->instance
                                  : record == SERVICES_PTR ? &m->service
                                                           : &m->host;
    switch (record) {
    case HOST_A:
        memcpy(data, &card->addr, 4);
        return 4;
    case SERVICE_TXT: /* one empty string (RFC 6763 6.1) */
        data[0] = 0;
        return 1;
    case SERVICE_SRV:
        memcpy(data, (const uint8_t[]){0, 0, 0, 0, HTTP_PORT >> 8, HTTP_PORT & 0xff}, SRV_FIXED);
        memcpy(data + SRV_FIXED, name->wire, name->len);
        return SRV_FIXED + name->len;
    case HOST_NSEC:
        memcpy(data, name->wire, name->len);
        memcpy(data + name->len, only_a, sizeof(only_a));
        return name->len + sizeof(only_a);
    default:
        memcpy(data, name->wire, name->len);
        return name->len;
    }
}

static void put_record(struct mdns *m, const struct card *card, enum record record, enum dns_section section,
                       bool legacy)
{
    uint8_t data[DNS_NAME_MAX + SRV_FIXED];
    size_t len = data_of(m, card, record, data);
    /* 10.2: never in an answer to one who knows DNS only (6.7), nor in a probe (8.2). */
    bool flush = !is_shared(record) && !legacy && section != DNS_AUTHORITY;
    uint32_t ttl = m->leaving ? 0 : legacy ? TTL_LEGACY : ttl_of(record);
    dns_write_record(&m->out, section, owner_of(m, card, record), type_of(record),
                     DNS_IN | (flush ? MDNS_CACHE_FLUSH : 0), ttl, data, len);
}

/* --- sending --- */

/* To the group, or to one host. */
static void send_out(struct mdns *m, const struct card *card, const struct sockaddr_in *to)
{
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
    struct ip_mreqn by = {.imr_ifindex = card->ifindex};
    group.sin_addr.s_addr = htonl(MDNS_GROUP);
    dns_write_end(&m->out);
    setsockopt(m->fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by));
    sendto(m->fd, m->out.message, m->out.len, 0, (const struct sockaddr *)(to ? to : &group), sizeof(group));
}

/* 8.1: does anybody have this name? In the authority section: what we would say of it (8.2). */
static void send_probe(struct mdns *m, struct card *card)
{
    dns_write(&m->out, 0, 0);
    dns_write_question(&m->out, &m->host, DNS_ANY, DNS_IN | MDNS_UNICAST);
    dns_write_question(&m->out, &m->instance, DNS_ANY, DNS_IN | MDNS_UNICAST);
    put_record(m, card, HOST_A, DNS_AUTHORITY, false);
    put_record(m, card, SERVICE_SRV, DNS_AUTHORITY, false);
    send_out(m, card, NULL);
}

static void put_answers(struct mdns *m, struct card *card, uint32_t records, bool legacy)
{
    /* What the asker will ask next comes along (RFC 6763 12). */
    uint32_t more = records & (1u << SERVICE_PTR) ? 1u << SERVICE_SRV | 1u << SERVICE_TXT | 1u << HOST_A : 0;
    more |= records & (1u << SERVICE_SRV) ? 1u << HOST_A : 0;
    for (unsigned r = 0; r < RECORDS; r++)
        if (records & (1u << r))
            put_record(m, card, r, DNS_ANSWER, legacy);
    for (unsigned r = 0; r < RECORDS; r++)
        if (more & ~records & (1u << r))
            put_record(m, card, r, DNS_ADDITIONAL, legacy);
}

/* 6: to everybody, but no record twice within a second. */
static void multicast_records(struct mdns *m, struct card *card, uint32_t records)
{
    uint64_t now = clock_ms();
    for (unsigned r = 0; r < RECORDS; r++)
        if ((records & (1u << r)) && card->told_ms[r] && now - card->told_ms[r] < REPEAT_MS)
            records &= ~(1u << r);
    if (!records)
        return;
    for (unsigned r = 0; r < RECORDS; r++)
        if (records & (1u << r))
            card->told_ms[r] = now;
    dns_write(&m->out, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
    put_answers(m, card, records, false);
    send_out(m, card, NULL);
}

/* --- the life of a name on a card --- */

static void start_probing(struct card *card, uint32_t wait_ms)
{
    card->phase = PROBING;
    card->sent = 0;
    card->pending = 0;
    card->next_ms = clock_ms() + wait_ms + (uint32_t)rand() % PROBE_MS;
}

static void step(struct mdns *m, struct card *card)
{
    uint64_t now = clock_ms();
    if (card->phase == PROBING && card->sent == PROBES) {
        card->phase = ANNOUNCING;
        card->sent = 0;
    }
    card->sent++;
    if (card->phase == PROBING) {
        send_probe(m, card);
        card->next_ms = now + PROBE_MS;
        return;
    }
    if (card->sent == 1) {
        char addr[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &card->addr, addr, sizeof(addr));
        printf("%s: http://%s.local/ leads to %s\n", card->name, m->label, addr);
    }
    memset(card->told_ms, 0, sizeof(card->told_ms));
    multicast_records(m, card, ALL_RECORDS);
    card->next_ms = now + ANNOUNCE_MS;
    if (card->sent == ANNOUNCEMENTS) {
        card->phase = RUNNING;
        card->next_ms = UINT64_MAX;
    }
}

/* Another host has our name: the next one, on all cards (9). */
static void take_next_name(struct mdns *m)
{
    uint32_t wait = ++m->conflicts >= MANY_CONFLICTS ? CONFLICT_WAIT_MS : 0;
    m->suffix = m->suffix < 2 || m->suffix == 99 ? 2 : m->suffix + 1;
    printf("mdns: another host is %s.local\n", m->label);
    set_names(m);
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (m->cards[i].ifindex)
            start_probing(&m->cards[i], wait);
}

/*
 * 10.1: what was told is taken back, so that nobody is sent to a machine that is not there. What other hosts
 * may say word for word as we do stays: it is theirs too.
 */
static void say_goodbye(struct mdns *m)
{
    const uint32_t records = ALL_RECORDS & ~(1u << SERVICES_PTR);
    m->leaving = true;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        struct card *card = &m->cards[i];
        if (!card->ifindex || card->phase == PROBING)
            continue;
        memset(card->told_ms, 0, sizeof(card->told_ms)); /* it does not wait */
        multicast_records(m, card, records);
    }
}

/* --- cards and addresses --- */

static struct card *find_card(struct mdns *m, int ifindex)
{
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (m->cards[i].ifindex == ifindex)
            return &m->cards[i];
    return NULL;
}

static void membership(struct mdns *m, const struct card *card, int option)
{
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(MDNS_GROUP), .imr_ifindex = card->ifindex};
    setsockopt(m->fd, IPPROTO_IP, option, &group,
               sizeof(group)); /* a failure is tried again with the next address */
}

static void see_address(struct mdns *m, const struct skiff_addr *addr)
{
    struct skiff_link link;
    if (addr->tentative || skiff_link_get(addr->device, &link) || link.kind == SKIFF_LINK_LOOPBACK ||
        !(link.flags & IFF_RUNNING))
        return;
    struct card *card = find_card(m, link.ifindex);
    if (card && card->there)
        return; /* a second address of a card: the first one is told */
    if (!card)
        card = find_card(m, 0);
    if (!card)
        return;
    card->there = true;
    if (card->ifindex && card->addr == addr->local)
        return;
    if (!card->ifindex) {
        *card = (struct card){.ifindex = link.ifindex, .there = true};
        snprintf(card->name, sizeof(card->name), "%s", link.name);
        membership(m, card, IP_ADD_MEMBERSHIP);
    }
    card->addr = addr->local;
    card->reverse = reverse_name(card->addr);
    card->mask = htonl(addr->prefix_len ? ~0u << (32 - addr->prefix_len) : 0);
    start_probing(card, 0);
}

static void look_at_cards(struct mdns *m)
{
    struct skiff_addr addrs[16];
    size_t skip = 0, count;
    for (unsigned i = 0; i < CARDS_MAX; i++)
        m->cards[i].there = false;
    do {
        count = skiff_addr_list(addrs, 16, skip);
        for (size_t i = 0; i < count; i++)
            see_address(m, &addrs[i]);
        skip += count;
    } while (count == 16);
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (m->cards[i].ifindex && !m->cards[i].there) {
            membership(m, &m->cards[i], IP_DROP_MEMBERSHIP);
            m->cards[i] = (struct card){.ifindex = 0};
        }
}

/* --- what others say --- */

static bool is_name_record(const struct mdns *m, const struct card *card, const struct dns_entry *e,
                           enum record record)
{
    return (e->type == type_of(record) || e->type == DNS_ANY) &&
           ((e->class & ~MDNS_UNICAST) == DNS_IN || (e->class & ~MDNS_UNICAST) == DNS_CLASS_ANY) &&
           dns_name_equal(&e->name, owner_of(m, card, record));
}

/* A record of the message that says just what ours says. */
static bool says_the_same(struct mdns *m, const struct card *card, const struct dns_reader *reader,
                          const struct dns_entry *e, enum record record)
{
    uint8_t data[DNS_NAME_MAX + SRV_FIXED];
    size_t len = data_of(m, card, record, data), fixed = record == SERVICE_SRV ? SRV_FIXED : 0;
    if (e->data_len < fixed || memcmp(e->data, data, fixed))
        return false;
    if (type_of(record) == DNS_PTR || record == SERVICE_SRV) { /* their names may be compressed */
        struct dns_name theirs, ours = {.len = (uint8_t)(len - fixed)};
        memcpy(ours.wire, data + fixed, len - fixed);
        return dns_read_name_in(reader, e, fixed, &theirs) && dns_name_equal(&theirs, &ours);
    }
    return e->data_len == len && !memcmp(e->data, data, len);
}

static void note_question(const struct mdns *m, const struct card *card, const struct dns_entry *e,
                          struct request *request)
{
    uint32_t wanted = 0;
    for (unsigned r = 0; r < HOST_NSEC; r++)
        if (is_name_record(m, card, e, r))
            wanted |= 1u << r;
    if (!wanted && (e->class & ~MDNS_UNICAST) == DNS_IN && dns_name_equal(&e->name, &m->host))
        wanted = 1u << HOST_NSEC; /* 6.1: there is no such record */
    for (unsigned r = 0; r < RECORDS; r++)
        request->shared |= (wanted & (1u << r)) && is_shared(r);
    if (wanted && (e->class & MDNS_UNICAST))
        request->unicast = true;
    request->wanted |= wanted;
}

/* 8.2: both probe for the name; the greater data wins, the other waits and asks again. */
static bool loses_tie(const struct mdns *m, const struct card *card, const struct dns_entry *e)
{
    return card->phase == PROBING && is_name_record(m, card, e, HOST_A) && e->data_len == 4 &&
           memcmp(e->data, &card->addr, 4) > 0;
}

static void handle_query(struct mdns *m, struct card *card, struct dns_reader *reader,
                         const struct sockaddr_in *from)
{
    struct request request = {.wanted = 0};
    struct dns_entry e;
    bool legacy = from->sin_port != htons(MDNS_PORT), lost = false;
    while (dns_read_next(reader, &e)) {
        if (e.section == DNS_QUESTION)
            note_question(m, card, &e, &request);
        for (unsigned r = 0; e.section == DNS_ANSWER && r < RECORDS; r++)
            if (is_name_record(m, card, &e, r) && e.ttl >= ttl_of(r) / 2 &&
                says_the_same(m, card, reader, &e, r))
                request.known |= 1u << r;
        lost = lost || (e.section == DNS_AUTHORITY && loses_tie(m, card, &e));
    }
    if (lost)
        start_probing(card, LOST_TIE_MS);
    request.wanted &= ~request.known;
    if (card->phase == PROBING || !request.wanted) /* not ours yet */
        return;
    if (legacy || request.unicast) {
        struct dns_reader again;
        dns_write(&m->out, legacy ? reader->id : 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
        dns_read(&again, reader->message, reader->len);
        while (legacy && again.left[DNS_QUESTION] && dns_read_next(&again, &e)) /* 6.7: as it came */
            dns_write_question(&m->out, &e.name, e.type, e.class);
        put_answers(m, card, request.wanted, legacy);
        send_out(m, card, from);
    } else if (request.shared) {
        if (!card->pending)
            card->pending_ms = clock_ms() + SHARED_DELAY_MS + (uint32_t)rand() % SHARED_JITTER_MS;
        card->pending |= request.wanted;
    } else {
        multicast_records(m, card, request.wanted);
    }
}

/* Another's answers: what concerns our name is a conflict, unless it says the same (9); what somebody else
 * has just told need not be told again (7.4). */
static void handle_response(struct mdns *m, struct card *card, struct dns_reader *reader)
{
    struct dns_entry e;
    while (dns_read_next(reader, &e)) {
        if (e.section == DNS_QUESTION || e.section == DNS_AUTHORITY)
            continue;
        e.class &= 0xffff ^ MDNS_CACHE_FLUSH;
        for (unsigned r = 0; r < RECORDS; r++)
            if (is_shared(r) && is_name_record(m, card, &e, r) && e.ttl >= ttl_of(r) &&
                says_the_same(m, card, reader, &e, r))
                card->pending &= ~(1u << r);
        bool ours = is_name_record(m, card, &e, HOST_A) || is_name_record(m, card, &e, SERVICE_SRV);
        enum record record = e.type == DNS_A ? HOST_A : SERVICE_SRV;
        if (!ours || e.type == DNS_ANY || !e.ttl || says_the_same(m, card, reader, &e, record))
            continue;
        if (card->phase != PROBING)
            start_probing(card, 0);
        else if (card->sent) /* 8.1: before the first probe nobody can mean us, so it is ignored */
            take_next_name(m);
        return;
    }
}

static bool is_ours(const struct mdns *m, uint32_t addr)
{
    for (unsigned i = 0; i < CARDS_MAX; i++)
        if (m->cards[i].ifindex && m->cards[i].addr == addr)
            return true;
    return false;
}

/* The card a message came in by, if its sender is another host on its link (11); NULL else. */
static struct card *card_of(struct mdns *m, struct msghdr *msg, uint32_t from)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        struct in_pktinfo info;
        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(c), sizeof(info));
        struct card *card = info.ipi_ifindex ? find_card(m, info.ipi_ifindex) : NULL;
        return card && !is_ours(m, from) && !((from ^ card->addr) & card->mask) ? card : NULL;
    }
    return NULL;
}

/* What a flood costs is bounded: what is too much for a second is not looked at. */
static bool too_many(struct mdns *m)
{
    uint64_t now = clock_ms();
    if (now - m->heard_since_ms >= 1000) {
        m->heard_since_ms = now;
        m->heard = 0;
    }
    return m->heard++ >= HEARD_PER_S;
}

static void receive(struct mdns *m)
{
    uint8_t control[64] __attribute__((aligned(8)));
    struct sockaddr_in from = {0};
    struct iovec data = {.iov_base = m->in, .iov_len = sizeof(m->in)};
    struct msghdr msg = {.msg_name = &from,
                         .msg_namelen = sizeof(from),
                         .msg_iov = &data,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof(control)};
    struct dns_reader reader;
    ssize_t len = recvmsg(m->fd, &msg, MSG_DONTWAIT);
    struct card *card = len > 0 ? card_of(m, &msg, from.sin_addr.s_addr) : NULL;
    if (!card || too_many(m) || !dns_read(&reader, m->in, (size_t)len) ||
        (reader.flags & (DNS_OPCODE | DNS_RCODE))) /* 18.3, 18.11: these are to be ignored */
        return;
    if (!(reader.flags & DNS_RESPONSE))
        handle_query(m, card, &reader, &from);
    else if (from.sin_port == htons(MDNS_PORT)) /* 6: an answer from elsewhere is forged */
        handle_response(m, card, &reader);
}

/* --- the task --- */

/* Does what is due. Return: milliseconds until the next. */
static int handle_time(struct mdns *m)
{
    uint64_t now = clock_ms(), next;
    if (now >= m->look_ms) {
        look_at_cards(m);
        m->look_ms = now + LOOK_MS;
    }
    next = m->look_ms;
    for (unsigned i = 0; i < CARDS_MAX; i++) {
        struct card *card = &m->cards[i];
        if (!card->ifindex)
            continue;
        if (now >= card->next_ms)
            step(m, card);
        if (card->pending && now >= card->pending_ms) {
            multicast_records(m, card, card->pending);
            card->pending = 0;
        }
        if (card->next_ms < next)
            next = card->next_ms;
        if (card->pending && card->pending_ms < next)
            next = card->pending_ms;
    }
    return next > now ? (int)(next - now) : 0;
}

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, off = 0, ttl = 255; /* 11: TTL */
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(MDNS_PORT)};
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
        setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) ||
        bind(fd, (struct sockaddr *)&any, sizeof(any))) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void mdns_main(void *arg)
{
    const char *hostname = skiff_config("hostname");
    struct mdns *m = calloc(1, sizeof(*m));
    if (!m || (m->fd = open_socket()) < 0) {
        printf("mdns: cannot start: %s\n", m ? strerror(errno) : "no memory");
        free(m);
        return;
    }
    m->hostname = hostname && is_host_label(hostname) ? hostname : "skiff";
    m->service = dns_name_of("_http", "_tcp", "local", NULL);
    m->services = dns_name_of("_services", "_dns-sd", "_udp", "local", NULL);
    set_names(m);
    m->end_fd = skiff_end_open(SKIFF_END_PROGRAM);
    struct pollfd fds[2] = {{.fd = m->fd, .events = POLLIN}, {.fd = m->end_fd, .events = POLLIN}};
    while (!(fds[0].revents & POLLNVAL) && !fds[1].revents) { /* or until somebody closes a descriptor */
        int wait = handle_time(m);
        if (poll(fds, 2, wait) > 0 && fds[0].revents) /* an error is read as data is */
            receive(m);
    }
    if (fds[1].revents & POLLIN) {
        say_goodbye(m);
        close(m->fd); /* which leaves the group */
        close(m->end_fd);
    }
    free(m);
}
