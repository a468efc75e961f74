/*
 * dhcp.c - the DHCP client.
 *
 * A task of its own per interface, started when the command line gives no address. It asks by UDP from port
 * 68, bound to its interface because there is no route yet, sets what it is given through
 * skiff_if_set_address() and SIOCADDRT, and keeps the lease alive. States and their order: RFC 2131 figure 5.
 * INIT-REBOOT does not exist here, for this machine remembers nothing.
 *
 * When the machine is switched off the address is given back (4.4.6: the client no longer needs it). When it
 * starts anew the lease stays: the machine asks again within seconds, under the same client identifier, and
 * the server keeps the address for it meanwhile, where a released one might be given to another host.
 */
#include "net/apps/dhcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <poll.h>
#include <skiff/machine.h>
#include <skiff/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/apps/clock.h"
#include "net/apps/dhcp_datagram.h"
#include "net/apps/dhcp_message.h"
#include "net/apps/link_local.h"

enum dhcp_state { DHCP_INIT, DHCP_SELECTING, DHCP_REQUESTING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING };

/*
 * The first tries follow each other closely, for a card that was just started may be deaf for a second and
 * every moment without an address is a moment without service (RFC 2131 4.1 leaves the times to the
 * implementation). Then one second, doubled up to a minute. Each with a jitter.
 */
#define DHCP_QUICK_TRIES     5
#define DHCP_QUICK_MS        300u
#define DHCP_RETRY_FIRST_MS  1000u
#define DHCP_RETRY_MAX_MS    64000u
#define DHCP_REQUEST_TRIES   4      /* then from the start */
#define DHCP_DECLINE_WAIT_MS 10000u /* RFC 2131 3.1 step 5 */
#define DHCP_RESTART_WAIT_MS 1000u
#define DHCP_RENEW_RETRY_MS  60000u /* the least between two tries in RENEWING and REBINDING (4.4.5) */
#define DHCP_COMPLAIN_AFTER  8      /* unanswered tries until the log says so */
#define DHCP_FALLBACK_WAIT_MS                                                                                \
    2000u /* for an answer to that try, before the interface gets a link-local address */

struct dhcp_client {
    const char *ifname;
    const char *hostname;
    bool probe;    /* ask the link whether somebody has the address */
    int fd;        /* hears, and speaks while there is a lease */
    int packet_fd; /* speaks while there is none */
    enum dhcp_state state;
    int ifindex;
    uint8_t hw_addr[6];
    uint32_t xid;
    uint64_t began_ms;       /* of this attempt */
    uint16_t seconds;        /* since then: the secs field; a REQUEST repeats its DISCOVER's (3.1 step 3) */
    uint64_t requested_ms;   /* the last REQUEST: what a lease counts from (4.4.5) */
    uint64_t send_at_ms;     /* next (re)transmission */
    uint32_t retry_ms;       /* without jitter */
    unsigned tries;          /* in this state */
    struct dhcp_reply offer; /* in SELECTING and later: what was chosen; from BOUND on: the lease */
    uint64_t renew_at_ms, rebind_at_ms, expire_at_ms; /* UINT64_MAX: never */
    uint32_t route_gateway;                           /* of the default route we have set; 0: none */
    struct link_local fallback;
    uint64_t fallback_at_ms; /* UINT64_MAX: an answer may still come, or is not missed */
    bool no_fallback;
    uint8_t datagram[DHCP_DATAGRAM_HEADERS + DHCP_MESSAGE_MAX]; /* room for headers, then the message */
};

static void sleep_ms(uint32_t ms)
{
    struct timespec duration = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&duration, NULL);
}

static void addr_text(uint32_t addr, char out[INET_ADDRSTRLEN])
{
    inet_ntop(AF_INET, &addr, out, INET_ADDRSTRLEN);
}

/* --- the interface --- */

static void set_ifreq_addr(struct sockaddr *out, uint32_t addr)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = addr};
    memcpy(out, &in, sizeof(in));
}

static void change_default_route(struct dhcp_client *client, unsigned long request, uint32_t gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)client->ifname};
    set_ifreq_addr(&route.rt_dst, 0);
    set_ifreq_addr(&route.rt_genmask, 0);
    set_ifreq_addr(&route.rt_gateway, gateway);
    if (ioctl(client->fd, request, &route) && request == SIOCADDRT && errno != EEXIST)
        printf("%s: the default route could not be set: %s\n", client->ifname, strerror(errno));
    client->route_gateway = request == SIOCADDRT ? gateway : 0;
}

static void set_mtu(struct dhcp_client *client, uint16_t mtu)
{
    struct ifreq ifr = {.ifr_mtu = mtu};
    if (mtu < 576 || mtu > 1500) /* RFC 1122 3.3.3; and no more than Ethernet carries */
        return;
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", client->ifname);
    ioctl(client->fd, SIOCSIFMTU, &ifr);
}

static void drop_address(struct dhcp_client *client)
{
    if (client->route_gateway)
        change_default_route(client, SIOCDELRT, client->route_gateway);
    skiff_if_set_address(client->ifname, 0, 0, 0);
}

/* 0, or -1 with errno EADDRINUSE if another host has it. */
static int set_address(struct dhcp_client *client)
{
    int prefix_len = dhcp_reply_prefix_len(&client->offer);
    if (skiff_if_set_address(client->ifname, client->offer.your_addr, prefix_len, client->probe))
        return -1;
    set_mtu(client, client->offer.mtu);
    if (client->offer.router)
        change_default_route(client, SIOCADDRT, client->offer.router);
    return 0;
}

static void announce(const struct dhcp_client *client)
{
    char addr[INET_ADDRSTRLEN], server[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN] = "none",
                                                         lease[24] = "for ever";
    addr_text(client->offer.your_addr, addr);
    addr_text(client->offer.server_id, server);
    if (client->offer.router)
        addr_text(client->offer.router, gateway);
    if (client->offer.lease_s != DHCP_INFINITE)
        snprintf(lease, sizeof(lease), "%u s", (unsigned)client->offer.lease_s);
    printf("%s: %s/%d from DHCP %s, gateway %s, lease %s\n", client->ifname, addr,
           dhcp_reply_prefix_len(&client->offer), server, gateway, lease);
}

/* --- sending --- */

static void send_message(struct dhcp_client *client, enum dhcp_type type)
{
    bool bound = client->state == DHCP_RENEWING || client->state == DHCP_REBINDING;
    bool chosen = client->state == DHCP_REQUESTING || type == DHCP_DECLINE;
    uint64_t now = clock_ms(), seconds = (now - client->began_ms) / 1000;
    if (client->state != DHCP_REQUESTING)
        client->seconds = seconds < 0xffff ? seconds : 0xffff;
    if (type == DHCP_REQUEST)
        client->requested_ms = now;
    struct dhcp_request request = {
        .type = type,
        .xid = client->xid,
        .seconds = type == DHCP_DECLINE ? 0 : client->seconds, /* RFC 2131 table 5, as the flag below */
        .broadcast = !bound && type != DHCP_DECLINE,
        .client_addr = bound ? client->offer.your_addr : 0,
        .requested_addr = chosen ? client->offer.your_addr : 0,
        .server_id = chosen ? client->offer.server_id : 0,
        .hostname = client->hostname,
    };
    memcpy(request.hw_addr, client->hw_addr, 6);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};
    to.sin_addr.s_addr = client->state == DHCP_RENEWING ? client->offer.server_id : INADDR_BROADCAST;
    uint8_t *message = client->datagram + DHCP_DATAGRAM_HEADERS;
    size_t len = dhcp_message_build(&request, message);
    /* A failure is a lost message: it is sent again. */
    if (bound)
        sendto(client->fd, message, len, 0, (struct sockaddr *)&to, sizeof(to));
    else
        dhcp_datagram_send(client->packet_fd, client->ifindex, client->datagram, len);
}

/* Up to an eighth more or less, so that a street of machines after a power cut does not ask in step. */
static uint32_t with_jitter(uint32_t ms)
{
    return ms - ms / 8 + (uint32_t)rand() % (ms / 4 + 1);
}

/* Sends for the state the client is in, and sets the time of the next try. */
static void transmit(struct dhcp_client *client)
{
    uint64_t now = clock_ms();
    client->tries++;
    switch (client->state) {
    case DHCP_SELECTING:
        send_message(client, DHCP_DISCOVER);
        if (client->tries == DHCP_COMPLAIN_AFTER)
            printf("%s: no DHCP server has answered yet; still asking\n", client->ifname);
        if (client->tries >= DHCP_COMPLAIN_AFTER && !client->no_fallback)
            client->fallback_at_ms = now + DHCP_FALLBACK_WAIT_MS;
        break;
    case DHCP_REQUESTING:
    case DHCP_RENEWING:
    case DHCP_REBINDING:
        send_message(client, DHCP_REQUEST);
        break;
    case DHCP_INIT:
    case DHCP_BOUND:
        return;
    }
    if (client->state == DHCP_RENEWING || client->state == DHCP_REBINDING) {
        /* Half of what is left, but not under a minute (RFC 2131 4.4.5). */
        uint64_t end = client->state == DHCP_RENEWING ? client->rebind_at_ms : client->expire_at_ms;
        uint64_t wait = end > now ? (end - now) / 2 : 0;
        client->send_at_ms = now + (wait > DHCP_RENEW_RETRY_MS ? wait : DHCP_RENEW_RETRY_MS);
        return;
    }
    if (client->state == DHCP_SELECTING && client->tries < DHCP_QUICK_TRIES) {
        client->send_at_ms = now + with_jitter(DHCP_QUICK_MS);
        return;
    }
    client->send_at_ms = now + with_jitter(client->retry_ms);
    client->retry_ms = client->retry_ms * 2 < DHCP_RETRY_MAX_MS ? client->retry_ms * 2 : DHCP_RETRY_MAX_MS;
}

/* --- states --- */

static void enter(struct dhcp_client *client, enum dhcp_state state)
{
    client->state = state;
    client->tries = 0;
    client->retry_ms = DHCP_RETRY_FIRST_MS;
    client->fallback_at_ms = UINT64_MAX;
    client->send_at_ms = state == DHCP_BOUND ? UINT64_MAX : clock_ms();
    if (state == DHCP_SELECTING || state == DHCP_RENEWING) {
        client->xid = (uint32_t)rand() << 16 ^ (uint32_t)rand();
        client->began_ms = clock_ms();
    }
}

static void start_again(struct dhcp_client *client, uint32_t wait_ms)
{
    client->state = DHCP_INIT;
    sleep_ms(wait_ms);
    enter(client, DHCP_SELECTING);
}

/* A point of the lease, given in seconds or else as a part of it. */
static uint64_t lease_point_ms(uint64_t lease_ms, uint32_t given_s, uint64_t usual_ms)
{
    uint64_t given_ms = (uint64_t)given_s * 1000;
    return given_ms && given_ms < lease_ms ? given_ms : usual_ms;
}

/* T1, T2 and the end of the lease; a server's T1 and T2 count if they are in order (RFC 2131 4.4.5). */
static void set_lease_times(struct dhcp_client *client)
{
    const struct dhcp_reply *lease = &client->offer;
    uint64_t start = client->requested_ms, lease_ms = (uint64_t)lease->lease_s * 1000;
    client->renew_at_ms = client->rebind_at_ms = client->expire_at_ms = UINT64_MAX;
    if (lease->lease_s == DHCP_INFINITE)
        return;
    uint64_t t2 = lease_point_ms(lease_ms, lease->rebinding_s, lease_ms / 8 * 7);
    uint64_t t1 = lease_point_ms(t2, lease->renewal_s, lease_ms / 2 < t2 ? lease_ms / 2 : t2 / 2);
    client->renew_at_ms = start + t1;
    client->rebind_at_ms = start + t2;
    client->expire_at_ms = start + lease_ms;
}

/* The server has agreed. A new address is put on the interface; a renewed one stays. */
static void accept_lease(struct dhcp_client *client, const struct dhcp_reply *ack)
{
    bool renewed = client->state != DHCP_REQUESTING && ack->your_addr == client->offer.your_addr &&
                   dhcp_reply_prefix_len(ack) == dhcp_reply_prefix_len(&client->offer) &&
                   ack->router == client->route_gateway;
    client->offer = *ack;
    set_lease_times(client);
    if (!renewed) {
        if (client->route_gateway)
            change_default_route(client, SIOCDELRT, client->route_gateway);
        if (set_address(client)) {
            bool taken = errno == EADDRINUSE;
            const char *why = taken ? "another host has it" : strerror(errno);
            char addr[INET_ADDRSTRLEN];
            addr_text(ack->your_addr, addr);
            printf("%s: %s from DHCP cannot be used: %s\n", client->ifname, addr, why);
            client->state = DHCP_REQUESTING; /* without an address again, whatever it was before */
            if (taken)
                send_message(client, DHCP_DECLINE);
            start_again(client, DHCP_DECLINE_WAIT_MS);
            return;
        }
        announce(client);
    }
    enter(client, DHCP_BOUND);
}

static void refused(struct dhcp_client *client)
{
    char addr[INET_ADDRSTRLEN];
    addr_text(client->offer.your_addr, addr);
    printf("%s: the DHCP server refuses %s; asking anew\n", client->ifname, addr);
    if (client->state != DHCP_REQUESTING)
        drop_address(client);
    start_again(client, DHCP_RESTART_WAIT_MS);
}

static void handle_reply(struct dhcp_client *client, const struct dhcp_reply *reply)
{
    bool from_chosen = reply->server_id == client->offer.server_id;
    switch (client->state) {
    case DHCP_SELECTING:
        if (reply->type == DHCP_OFFER) {
            client->offer = *reply;
            enter(client, DHCP_REQUESTING);
        }
        return;
    case DHCP_REQUESTING:
        if (reply->type == DHCP_ACK && from_chosen && reply->your_addr == client->offer.your_addr)
            accept_lease(client, reply);
        else if (reply->type == DHCP_NAK && from_chosen)
            refused(client);
        return;
    case DHCP_RENEWING:
        if (!from_chosen)
            return;
        /* fall through */
    case DHCP_REBINDING:
        if (reply->type == DHCP_ACK)
            accept_lease(client, reply);
        else if (reply->type == DHCP_NAK)
            refused(client);
        return;
    case DHCP_INIT:
    case DHCP_BOUND:
        return; /* nothing was asked */
    }
}

/* What time alone brings about. */
static void handle_time(struct dhcp_client *client)
{
    uint64_t now = clock_ms();
    if (client->state == DHCP_BOUND && now >= client->renew_at_ms)
        enter(client, DHCP_RENEWING);
    if (client->state == DHCP_RENEWING && now >= client->rebind_at_ms)
        enter(client, DHCP_REBINDING);
    if (client->state == DHCP_REBINDING && now >= client->expire_at_ms) {
        printf("%s: the DHCP lease has run out and no server renews it; the address is given up\n",
               client->ifname);
        drop_address(client);
        enter(client, DHCP_SELECTING);
    }
    if (client->state == DHCP_REQUESTING && client->tries >= DHCP_REQUEST_TRIES && now >= client->send_at_ms)
        enter(client, DHCP_SELECTING);
    if (now >= client->send_at_ms)
        transmit(client);
    if (now >= client->fallback_at_ms) {
        client->fallback_at_ms = UINT64_MAX;
        link_local_ensure(&client->fallback); /* sleeps; an answer waits in the socket meanwhile */
    }
}

static uint64_t next_event_ms(const struct dhcp_client *client)
{
    uint64_t next = client->send_at_ms < client->fallback_at_ms ? client->send_at_ms : client->fallback_at_ms;
    if (client->state == DHCP_BOUND)
        next = client->renew_at_ms;
    else if (client->state == DHCP_RENEWING && client->rebind_at_ms < next)
        next = client->rebind_at_ms;
    else if (client->state == DHCP_REBINDING && client->expire_at_ms < next)
        next = client->expire_at_ms;
    return next;
}

/* Until the next event: in pieces of at most a day, as poll() takes an int. */
static int wait_ms(const struct dhcp_client *client)
{
    uint64_t now = clock_ms(), next = next_event_ms(client);
    const uint64_t day = 24 * 3600 * 1000;
    if (next <= now)
        return 0;
    return next - now < day ? next - now : day;
}

static void receive_reply(struct dhcp_client *client)
{
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof(from);
    struct dhcp_reply reply;
    ssize_t len = recvfrom(client->fd, client->datagram, sizeof(client->datagram), MSG_DONTWAIT,
                           (struct sockaddr *)&from, &from_len);
    if (len < 0 || from.sin_port != htons(DHCP_SERVER_PORT))
        return;
    if (!dhcp_message_parse(client->datagram, len, client->xid, client->hw_addr, &reply))
        handle_reply(client, &reply);
}

/* --- ending --- */

/* RFC 2131 4.4.6: to the server alone, in a message of its own number, and nobody answers. */
static void release(struct dhcp_client *client)
{
    bool leased =
        client->state == DHCP_BOUND || client->state == DHCP_RENEWING || client->state == DHCP_REBINDING;
    struct dhcp_request request = {.type = DHCP_RELEASE,
                                   .xid = (uint32_t)rand() << 16 ^ (uint32_t)rand(),
                                   .client_addr = client->offer.your_addr,
                                   .server_id = client->offer.server_id};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT)};
    if (!leased || skiff_end_is_restart())
        return;
    to.sin_addr.s_addr = client->offer.server_id;
    memcpy(request.hw_addr, client->hw_addr, 6);
    size_t len = dhcp_message_build(&request, client->datagram);
    sendto(client->fd, client->datagram, len, 0, (struct sockaddr *)&to, sizeof(to));
}

/* --- starting --- */

/* After a call that has failed. */
static int close_sockets(struct dhcp_client *client)
{
    int error = errno;
    if (client->fd >= 0)
        close(client->fd);
    if (client->packet_fd >= 0)
        close(client->packet_fd);
    errno = error;
    return -1;
}

static int open_sockets(struct dhcp_client *client)
{
    int on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT)};
    struct ifreq ifr = {0};
    client->fd = socket(AF_INET, SOCK_DGRAM, 0);
    client->packet_fd = client->fd < 0 ? -1 : socket(AF_PACKET, SOCK_DGRAM, 0);
    if (client->packet_fd < 0)
        return close_sockets(client);
    setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* one client per interface */
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", client->ifname);
    if (setsockopt(client->fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
        setsockopt(client->fd, SOL_SOCKET, SO_BINDTODEVICE, client->ifname, strlen(client->ifname) + 1) ||
        bind(client->fd, (struct sockaddr *)&any, sizeof(any)) || ioctl(client->fd, SIOCGIFHWADDR, &ifr))
        return close_sockets(client);
    memcpy(client->hw_addr, ifr.ifr_hwaddr.sa_data, 6);
    if (ioctl(client->fd, SIOCGIFINDEX, &ifr))
        return close_sockets(client);
    client->ifindex = ifr.ifr_ifindex;
    link_local_init(&client->fallback, client->ifname, client->hw_addr);
    return 0;
}

/* Nothing can be sent before the link is there. */
static void wait_for_link(const struct dhcp_client *client)
{
    struct ifreq ifr = {0};
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", client->ifname);
    for (unsigned waited = 0;; waited++) {
        if (!ioctl(client->fd, SIOCGIFFLAGS, &ifr) && (ifr.ifr_flags & IFF_RUNNING))
            return;
        if (waited == 100)
            printf("%s: no link; DHCP waits for one\n", client->ifname);
        sleep_ms(waited < 100 ? 20 : 500);
    }
}

static void configure(struct dhcp_client *client)
{
    const char *probe = skiff_config("dhcp.probe"), *hostname = skiff_config("hostname");
    const char *fallback = skiff_config("dhcp.link_local");
    client->probe = !probe || strcmp(probe, "0");
    client->no_fallback = fallback && !strcmp(fallback, "0");
    client->hostname = hostname ? hostname : "skiff";
}

void dhcp_main(void *arg)
{
    struct dhcp_client *client = calloc(1, sizeof(*client));
    if (!client) {
        printf("%s: no memory for DHCP\n", (const char *)arg);
        return;
    }
    client->ifname = arg;
    configure(client);
    if (open_sockets(client)) {
        printf("%s: DHCP cannot start: %s\n", client->ifname, strerror(errno));
        free(client);
        return;
    }
    wait_for_link(client);
    enter(client, DHCP_SELECTING);
    int end_fd = skiff_end_open(SKIFF_END_ADDRESS);
    struct pollfd fds[2] = {{.fd = client->fd, .events = POLLIN}, {.fd = end_fd, .events = POLLIN}};
    while (!(fds[0].revents & POLLNVAL) && !fds[1].revents) { /* or until somebody closes a descriptor */
        handle_time(client);
        if (poll(fds, 2, wait_ms(client)) > 0 && fds[0].revents) /* an error is read as data is */
            receive_reply(client);
    }
    if (fds[1].revents & POLLIN) {
        release(client);
        close_sockets(client);
        close(end_fd);
    }
    free(client);
}
