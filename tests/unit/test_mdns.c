/*
 * test_mdns.c - the machine's name on the local network (net/apps/mdns.c): what it says, and what it makes of
 * what others say, on virtual time. Sections are those of RFC 6762.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/cmdline.h"
#include "kernel/shutdown.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "net/apps/mdns.h"
#include "net/apps/mdns_message.h"
#include "net/ipv4/route.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/program.h"
#include "tests/host/sim.h"
#include "tests/unit/test.h"

#define PORT      5353
#define GROUP     "224.0.0.251"
#define OURS      "10.0.0.2"
#define SETTLED   4000 /* ms: name asked for and told */
#define HEARD_MAX 64

static struct sim_link *wire;
static struct sim_host *machine, *other;
static int fd;
/* Messages the machine has sent to the other host. */
static struct heard {
    uint8_t bytes[MDNS_MESSAGE_MAX];
    size_t len;
    uint64_t at_ms;
    struct sockaddr_in from;
    bool to_group;
    uint8_t ttl;
} heard[HEARD_MAX];
static unsigned count;

/* --- hosts --- */

static bool note_frame(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + 14, *udp = ip + 20;
    if (from != machine->dev || frame[12] != 8 || frame[13] != 0 || ip[9] != IPPROTO_UDP ||
        count == HEARD_MAX || (udp[0] << 8 | udp[1]) != PORT)
        return true;
    struct heard *h = &heard[count++];
    h->at_ms = ktime_get_ms();
    h->len = (size_t)(udp[4] << 8 | udp[5]) - 8;
    memcpy(h->bytes, udp + 8, h->len);
    h->to_group = ip[16] == 224;
    h->ttl = ip[8];
    return true;
}

static void start_hosts(void)
{
    host_random_seed(3);
    wire = sim_link_create();
    machine = sim_host_create("machine", wire, OURS "/24");
    other = sim_host_create("other", wire, "10.0.0.7/24");
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct ip_mreqn group = {.imr_multiaddr.s_addr = inet_addr(GROUP), .imr_ifindex = other->dev->ifindex};
    fd = sys_socket(other->files, AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(sys_bind(other->files, fd, (void *)&any, sizeof(any)), 0);
    assert_int_equal(sys_setsockopt(other->files, fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)),
                     0);
    host_run();
    count = 0;
    sim_link_set_filter(wire, note_frame, NULL);
}

static void stop_hosts(void)
{
    sim_link_set_filter(wire, NULL, NULL);
    sim_host_destroy(machine);
    sim_host_destroy(other);
    sim_link_destroy(wire);
}

static int setup(void **state)
{
    program_hosts_start(start_hosts, stop_hosts);
    return 0;
}

static int teardown(void **state)
{
    host_fail_allocation(0);
    program_close_files(machine->files);
    host_advance_ms(3000);
    assert_null(program_find("mdns"));
    sys_close(other->files, fd);
    program_hosts_stop(stop_hosts);
    return 0;
}

static void start_machine(const char *words)
{
    cmdline_init(words);
    assert_non_null(task_create("mdns", mdns_main, NULL, machine->files));
    host_run();
}

/* With its name told: from then on the other host counts. */
static void settle(void)
{
    start_machine("");
    host_advance_ms(SETTLED);
    count = 0;
}

static void say_to(const struct dns_writer *w, int from_fd, const char *to)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    addr.sin_addr.s_addr = inet_addr(to);
    assert_int_equal(sys_sendto(other->files, from_fd, w->message, w->len, 0, (void *)&addr, sizeof(addr)),
                     w->len);
    host_advance_ms(200);
}

static void say(struct dns_writer *w)
{
    dns_write_end(w);
    say_to(w, fd, GROUP);
}

static struct dns_name host_name(const char *label)
{
    return dns_name_of(label, "local", NULL);
}

static void ask(const struct dns_name *name, uint16_t type, uint16_t class)
{
    struct dns_writer w;
    dns_write(&w, 0, 0);
    dns_write_question(&w, name, type, class);
    say(&w);
}

/* Another host tells that this address has the name. */
static void tell(const char *label, const char *addr)
{
    struct dns_writer w;
    struct dns_name name = host_name(label);
    uint32_t a = inet_addr(addr);
    dns_write(&w, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
    dns_write_record(&w, DNS_ANSWER, &name, DNS_A, DNS_IN | MDNS_CACHE_FLUSH, 120, &a, 4);
    say(&w);
}

/* A record of this name and type in a message: true, and *e. */
static bool find(const struct heard *h, enum dns_section section, const struct dns_name *name, uint16_t type,
                 struct dns_entry *e)
{
    struct dns_reader reader;
    assert_true(dns_read(&reader, h->bytes, h->len));
    while (dns_read_next(&reader, e))
        if (e->section == section && e->type == type && dns_name_equal(&e->name, name))
            return true;
    return false;
}

static void assert_told(const struct heard *h, const char *label, const char *addr)
{
    struct dns_name name = host_name(label);
    struct dns_entry e;
    uint32_t a = inet_addr(addr);
    assert_true(find(h, DNS_ANSWER, &name, DNS_A, &e));
    assert_int_equal(e.data_len, 4);
    assert_memory_equal(e.data, &a, 4);
    assert_int_equal(e.ttl, 120);
    assert_int_equal(e.class, DNS_IN | MDNS_CACHE_FLUSH);
}

/* --- a name of one's own --- */

TEST("8.1, 8.3: the name is asked for three times, 250 ms apart, then told twice, a second apart")
{
    struct dns_name name = host_name("skiff");
    struct dns_entry e;
    start_machine("");
    host_advance_ms(10000);
    assert_int_equal(count, 5);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(heard[i].to_group);
        assert_int_equal(heard[i].ttl, 255); /* 11 */
        assert_true(find(&heard[i], DNS_QUESTION, &name, DNS_ANY, &e));
        assert_int_equal(e.class, DNS_IN | MDNS_UNICAST);
        assert_true(find(&heard[i], DNS_AUTHORITY, &name, DNS_A, &e)); /* 8.2: what we would say */
        assert_int_equal(e.class, DNS_IN);                             /* 10.2: no flush bit there */
        if (i)
            assert_in_range(heard[i].at_ms - heard[i - 1].at_ms, 250, 252);
    }
    assert_told(&heard[3], "skiff", OURS);
    assert_told(&heard[4], "skiff", OURS);
    assert_in_range(heard[4].at_ms - heard[3].at_ms, 1000, 1002);
}

TEST("hostname= is the name; what cannot be one is not taken")
{
    start_machine("hostname=boat");
    host_advance_ms(SETTLED);
    assert_told(&heard[3], "boat", OURS);
    teardown(NULL);
    setup(NULL);
    start_machine("hostname=a.b");
    host_advance_ms(SETTLED);
    assert_told(&heard[3], "skiff", OURS);
}

TEST("8.1: a name that another host has becomes skiff-2, and so on")
{
    start_machine("");
    host_advance_ms(300);
    tell("skiff", "10.0.0.7");
    host_advance_ms(100);
    tell("SKIFF-2", "10.0.0.7");
    count = 0;
    host_advance_ms(SETTLED);
    assert_told(&heard[count - 1], "skiff-3", OURS);
}

TEST("8.1: after fifteen conflicts five seconds pass between tries")
{
    char label[16] = "skiff";
    start_machine("");
    for (unsigned n = 2; n < 17; n++) {
        host_advance_ms(100); /* with the time that tell() takes: the first probe is out */
        tell(label, "10.0.0.7");
        snprintf(label, sizeof(label), "skiff-%u", n);
    }
    count = 0;
    host_advance_ms(4500);
    assert_int_equal(count, 0);
    host_advance_ms(4000);
    assert_told(&heard[count - 1], "skiff-16", OURS);
}

TEST("8.1: an objection before the first probe is no conflict, so whoever guesses names takes none of them")
{
    char label[16] = "skiff";
    start_machine("");
    for (unsigned n = 2; n < 17; n++) {
        host_advance_ms(100);
        tell(label, "10.0.0.7");
        snprintf(label, sizeof(label), "skiff-%u", n);
    }
    for (unsigned n = 16; n < 100; n++) { /* for the five seconds that it waits now */
        snprintf(label, sizeof(label), "skiff-%u", n);
        struct dns_writer w;
        struct dns_name name = host_name(label);
        uint32_t a = inet_addr("10.0.0.7");
        dns_write(&w, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
        dns_write_record(&w, DNS_ANSWER, &name, DNS_A, DNS_IN, 120, &a, 4);
        dns_write_end(&w);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
        to.sin_addr.s_addr = inet_addr(GROUP);
        assert_int_equal(sys_sendto(other->files, fd, w.message, w.len, 0, (void *)&to, sizeof(to)), w.len);
        host_advance_ms(10);
    }
    count = 0;
    host_advance_ms(8000);
    assert_told(&heard[count - 1], "skiff-16", OURS);
}

TEST("8.2: of two hosts that ask for one name at once the greater address has it; the other waits a second")
{
    static const struct {
        const char *theirs;
        bool we_wait;
    } ties[] = {{"10.0.0.1", false}, {"10.0.0.7", true}, {OURS, false}};
    for (unsigned i = 0; i < 3; i++) {
        struct dns_writer w;
        struct dns_name name = host_name("skiff");
        uint32_t a = inet_addr(ties[i].theirs);
        start_machine("");
        host_advance_ms(400); /* one or two probes are out */
        assert_in_range(count, 1, 2);
        dns_write(&w, 0, 0);
        dns_write_question(&w, &name, DNS_ANY, DNS_IN | MDNS_UNICAST);
        dns_write_record(&w, DNS_AUTHORITY, &name, DNS_A, DNS_IN, 120, &a, 4);
        count = 0;
        say(&w);
        host_advance_ms(750);
        assert_int_equal(count == 0, ties[i].we_wait);
        host_advance_ms(SETTLED);
        assert_told(&heard[count - 1], "skiff", OURS);
        teardown(NULL);
        setup(NULL);
    }
}

TEST("9: told that another has the name, the machine asks anew; without an objection it keeps it")
{
    settle();
    tell("skiff", "10.0.0.7");
    host_advance_ms(SETTLED);
    assert_int_equal(count, 5);
    assert_told(&heard[4], "skiff", OURS);
}

TEST("9: its own words, said by another, are no conflict; nor is a farewell")
{
    struct dns_writer w;
    struct dns_name name = host_name("skiff");
    uint32_t a = inet_addr("10.0.0.7");
    settle();
    tell("skiff", OURS);
    dns_write(&w, 0, DNS_RESPONSE | DNS_AUTHORITATIVE);
    dns_write_record(&w, DNS_ANSWER, &name, DNS_A, DNS_IN, 0, &a, 4);
    say(&w);
    host_advance_ms(SETTLED);
    assert_int_equal(count, 0);
}

TEST("another address is asked for and told anew")
{
    settle();
    assert_int_equal(if_set_address(machine->net, "eth0", inet_addr("10.0.0.99"), 24, false), 0);
    host_advance_ms(SETTLED);
    assert_told(&heard[count - 1], "skiff", "10.0.0.99");
}

/* --- answers --- */

TEST("6: asked for its name it answers at once, to everybody, whatever the case of the letters")
{
    struct dns_name name = host_name("sKIFF");
    settle();
    ask(&name, DNS_A, DNS_IN);
    assert_int_equal(count, 1);
    assert_true(heard[0].to_group);
    assert_int_equal(heard[0].ttl, 255);
    assert_int_equal(heard[0].bytes[0] | heard[0].bytes[1], 0); /* 18.1 */
    assert_int_equal(heard[0].bytes[2] << 8 | heard[0].bytes[3],
                     DNS_RESPONSE | DNS_AUTHORITATIVE); /* 18.2, 18.4 */
    assert_told(&heard[0], "skiff", OURS);
}

TEST("6: no record goes out to everybody twice within a second")
{
    struct dns_name name = host_name("skiff");
    settle();
    for (int i = 0; i < 5; i++)
        ask(&name, DNS_A, DNS_IN); /* each takes 200 ms */
    assert_int_equal(count, 1);
    host_advance_ms(1000);
    ask(&name, DNS_A, DNS_IN);
    assert_int_equal(count, 2);
}

TEST("5.4: who asks for an answer to himself gets it alone")
{
    struct dns_name name = host_name("skiff");
    settle();
    ask(&name, DNS_A, DNS_IN | MDNS_UNICAST);
    assert_int_equal(count, 1);
    assert_false(heard[0].to_group);
    assert_told(&heard[0], "skiff", OURS);
}

TEST("6.7: who knows plain DNS only gets id and question back, short lives and no flush bit")
{
    struct dns_name name = host_name("skiff");
    struct dns_writer w;
    struct dns_entry e;
    int plain = sys_socket(other->files, AF_INET, SOCK_DGRAM, 0);
    settle();
    dns_write(&w, 0x1234, 0);
    dns_write_question(&w, &name, DNS_A, DNS_IN);
    dns_write_end(&w);
    say_to(&w, plain, GROUP);
    assert_int_equal(count, 1);
    assert_false(heard[0].to_group);
    assert_int_equal(heard[0].bytes[0] << 8 | heard[0].bytes[1], 0x1234);
    assert_true(find(&heard[0], DNS_QUESTION, &name, DNS_A, &e));
    assert_true(find(&heard[0], DNS_ANSWER, &name, DNS_A, &e));
    assert_int_equal(e.class, DNS_IN);
    assert_in_range(e.ttl, 1, 10);
    sys_close(other->files, plain);
}

TEST("6.1: asked for what it does not have, it says that there is none")
{
    struct dns_name name = host_name("skiff");
    struct dns_entry e;
    settle();
    ask(&name, DNS_AAAA, DNS_IN);
    assert_int_equal(count, 1);
    assert_true(find(&heard[0], DNS_ANSWER, &name, DNS_NSEC, &e));
    assert_memory_equal(e.data + name.len, "\0\1\x40", 3); /* A alone */
    assert_int_equal(e.data_len, name.len + 3);
}

TEST("7.1: what the asker knows already, with half its life left, is not said again")
{
    struct dns_name name = host_name("skiff");
    uint32_t a = inet_addr(OURS);
    settle();
    for (unsigned ttl = 60; ttl >= 59; ttl--) {
        struct dns_writer w;
        dns_write(&w, 0, 0);
        dns_write_question(&w, &name, DNS_A, DNS_IN);
        dns_write_record(&w, DNS_ANSWER, &name, DNS_A, DNS_IN, ttl, &a, 4);
        say(&w);
        assert_int_equal(count, ttl == 60 ? 0 : 1);
    }
}

TEST("4: the address leads back to the name")
{
    struct dns_name reverse = dns_name_of("2", "0", "0", "10", "in-addr", "arpa", NULL);
    struct dns_name name = host_name("skiff");
    struct dns_entry e;
    settle();
    ask(&reverse, DNS_PTR, DNS_IN);
    assert_int_equal(count, 1);
    assert_true(find(&heard[0], DNS_ANSWER, &reverse, DNS_PTR, &e));
    assert_int_equal(e.data_len, name.len);
    assert_memory_equal(e.data, name.wire, name.len);
}

TEST("RFC 6763: web servers are asked for, and all that is needed to reach this one comes along")
{
    struct dns_name service = dns_name_of("_http", "_tcp", "local", NULL), name = host_name("skiff");
    struct dns_name instance = dns_name_of("skiff", "_http", "_tcp", "local", NULL);
    struct dns_entry e;
    settle();
    uint64_t asked = ktime_get_ms();
    ask(&service, DNS_PTR, DNS_IN);
    assert_int_equal(count, 1);
    assert_in_range(heard[0].at_ms - asked, 20, 120); /* 6: others may answer too */
    assert_true(find(&heard[0], DNS_ANSWER, &service, DNS_PTR, &e));
    assert_int_equal(e.class, DNS_IN); /* 10.2: shared */
    assert_memory_equal(e.data, instance.wire, instance.len);
    assert_true(find(&heard[0], DNS_ADDITIONAL, &instance, DNS_SRV, &e));
    assert_memory_equal(e.data, "\0\0\0\0\0\x50", 6);
    assert_memory_equal(e.data + 6, name.wire, name.len);
    assert_true(find(&heard[0], DNS_ADDITIONAL, &instance, DNS_TXT, &e));
    assert_true(find(&heard[0], DNS_ADDITIONAL, &name, DNS_A, &e));
}

TEST("other names, other classes and other hosts' questions are not answered")
{
    struct dns_name names[] = {host_name("boat"), dns_name_of("skiff", "example", NULL),
                               dns_name_of("local", NULL)};
    struct dns_name name = host_name("skiff");
    settle();
    for (unsigned i = 0; i < 3; i++)
        ask(&names[i], DNS_A, DNS_IN);
    ask(&name, DNS_A, 3 /* CHAOS */);
    assert_int_equal(count, 0);
}

TEST("11: a message from beyond the link is not heard; 18: nor one with another opcode or an error")
{
    struct dns_name name = host_name("skiff");
    struct dns_writer w;
    settle();
    static const uint16_t flags[] = {0x0800, 0x0001};
    for (unsigned i = 0; i < 2; i++) {
        dns_write(&w, 0, flags[i]);
        dns_write_question(&w, &name, DNS_A, DNS_IN);
        say(&w);
    }
    assert_int_equal(if_set_address(other->net, "eth0", inet_addr("10.9.0.7"), 8, false), 0);
    ask(&name, DNS_A, DNS_IN);
    assert_int_equal(count, 0);
}

/* --- damaged messages --- */

TEST(
    "a name that points forward, at itself, in circles or beyond the end is damaged, as is one that is too long")
{
    static const struct {
        const char *bytes;
        size_t len;
    } names[] = {{"\xc0\x0c", 2},
                 {"\xc0\x0e\xc0\x0c", 4},
                 {"\xc0", 1},
                 {"\x05"
                  "abc",
                  4},
                 {"\x40"
                  "a",
                  2},
                 {"\xc0\xff", 2},
                 {"\x01"
                  "a\xc0\x0c",
                  4},
                 {"\xc0\x00", 2}};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t message[64] = {[5] = 1};
        struct dns_reader reader;
        struct dns_entry e;
        memcpy(message + DNS_HEADER, names[i].bytes, names[i].len);
        assert_true(dns_read(&reader, message, DNS_HEADER + names[i].len));
        assert_false(dns_read_next(&reader, &e));
    }
    uint8_t message[600] = {[5] = 1};
    struct dns_reader reader;
    struct dns_entry e;
    for (unsigned at = DNS_HEADER; at < 500; at += 2)
        memcpy(message + at,
               "\x01"
               "a",
               2);
    assert_true(dns_read(&reader, message, sizeof(message)));
    assert_false(dns_read_next(&reader, &e));
}

/* Names that lead to names, each only by a pointer. Return: where the last of them stands. */
static size_t pointer_chain(uint8_t *message, size_t at, unsigned count)
{
    size_t to = at - 2;
    for (unsigned i = 0; i < count; i++, to = at, at += 2) {
        message[at] = (uint8_t)(0xc0 | to >> 8);
        message[at + 1] = (uint8_t)to;
    }
    return to;
}

TEST(
    "RFC 1035 4.1.4: a pointer leads to a label; names cannot be made of pointers alone, which cost time only")
{
    uint8_t message[MDNS_MESSAGE_MAX] = {0};
    struct dns_reader reader;
    struct dns_entry e;
    message[5] = 1;                   /* one question ... */
    memcpy(message + 12, "\1a\0", 3); /* a. */
    message[15] = 0xc0;
    message[16] = 12;
    assert_true(dns_read(&reader, message, sizeof(message)));
    reader.at = 15;
    assert_true(dns_read_next(&reader, &e));
    assert_memory_equal(e.name.wire, "\1a\0", 3);
    reader.left[DNS_QUESTION] = 1;
    reader.at = pointer_chain(message, 17, 2); /* to a pointer, to that to the label */
    assert_false(dns_read_next(&reader, &e));
}

TEST("of a message that is all questions the first 64 are looked at, of a second's messages the first 200")
{
    struct dns_name name = host_name("skiff"), other_name = host_name("x");
    struct dns_writer w;
    struct dns_reader reader;
    struct dns_entry e;
    unsigned read = 0;
    dns_write(&w, 0, 0);
    for (unsigned i = 0; i < 90; i++)
        dns_write_question(&w, &other_name, DNS_A, DNS_IN);
    dns_write_question(&w, &name, DNS_A, DNS_IN);
    dns_write_end(&w);
    assert_true(dns_read(&reader, w.message, w.len));
    while (dns_read_next(&reader, &e))
        read++;
    assert_int_equal(read, 64);
    settle();
    host_advance_ms(2000);
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    all.sin_addr.s_addr = inet_addr(GROUP);
    for (unsigned i = 0; i < 200; i++) {
        sys_sendto(other->files, fd, w.message, w.len, 0, (void *)&all, sizeof(all));
        host_run();
    }
    dns_write(&w, 0, 0);
    dns_write_question(&w, &name, DNS_A, DNS_IN);
    dns_write_end(&w);
    sys_sendto(other->files, fd, w.message, w.len, 0, (void *)&all, sizeof(all));
    host_run();
    assert_int_equal(count, 0);
    host_advance_ms(1500);
    say(&w);
    assert_int_equal(count, 1);
}

TEST("random damage to messages never hurts, and the name is still answered for")
{
    struct dns_name name = host_name("skiff"), service = dns_name_of("_http", "_tcp", "local", NULL);
    uint32_t a = inet_addr(OURS);
    settle();
    srand(1);
    for (int round = 0; round < 300; round++) {
        struct dns_writer w;
        dns_write(&w, 0, round & 1 ? DNS_RESPONSE : 0);
        dns_write_question(&w, &name, DNS_A, DNS_IN);
        dns_write_question(&w, &service, DNS_PTR, DNS_IN);
        dns_write_record(&w, DNS_ANSWER, &name, DNS_A, DNS_IN, 120, &a, 4);
        dns_write_record(&w, DNS_AUTHORITY, &name, DNS_PTR, DNS_IN, 120, "\xc0\x0c", 2);
        dns_write_end(&w);
        for (int i = 0; i < 3; i++)
            w.message[4 + (unsigned)rand() % (w.len - 4)] = (uint8_t)rand();
        w.len -= (unsigned)rand() % 20;
        say_to(&w, fd, GROUP);
    }
    host_advance_ms(20000);
    count = 0;
    ask(&name, DNS_ANY, DNS_IN);
    assert_int_equal(count, 1);
}

static const char *went;

static void goes(const char *how)
{
    went = how;
}

TEST("10.1: when the machine goes, what it told is taken back at once, but for what others may say too")
{
    struct dns_name name = host_name("skiff"), service = dns_name_of("_http", "_tcp", "local", NULL);
    struct dns_name services = dns_name_of("_services", "_dns-sd", "_udp", "local", NULL);
    struct dns_entry e;
    host_catch_end(goes);
    settle();
    shutdown_start(SHUTDOWN_RESTART);
    host_advance_ms(5000);
    assert_string_equal(went, "restarted");
    assert_int_equal(count, 1);
    assert_true(heard[0].to_group);
    assert_true(find(&heard[0], DNS_ANSWER, &name, DNS_A, &e));
    assert_int_equal(e.ttl, 0);
    assert_true(find(&heard[0], DNS_ANSWER, &service, DNS_PTR, &e));
    assert_int_equal(e.ttl, 0);
    assert_false(find(&heard[0], DNS_ANSWER, &services, DNS_PTR, &e));
    assert_int_equal(machine->files->open_count, 0); /* the task has closed what it had */
    host_catch_end(NULL);
}

TEST("10.1: a name that was not told yet is not taken back")
{
    host_catch_end(goes);
    start_machine("");
    host_advance_ms(300);
    count = 0;
    shutdown_start(SHUTDOWN_POWER_OFF);
    host_advance_ms(5000);
    assert_string_equal(went, "switched off");
    assert_int_equal(count, 0);
    host_catch_end(NULL);
}

TEST("any one allocation that fails costs a message or keeps it from starting; nothing is left over")
{
    bool failed = true;
    unsigned n = 1;
    for (; failed; n += 1 + n / 16) {
        struct dns_name name = host_name("skiff");
        host_fail_allocation(n);
        cmdline_init("");
        task_create("mdns", mdns_main, NULL, machine->files);
        host_advance_ms(SETTLED);
        failed = host_allocation_failed();
        host_fail_allocation(0);
        count = 0;
        ask(&name, DNS_A, DNS_IN);
        if (!failed)
            assert_int_equal(count, 1);
        teardown(NULL);
        setup(NULL);
    }
    assert_true(n > 10);
}

TEST_FIXTURE(setup, teardown)
