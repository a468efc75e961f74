/*
 * test_console.c - the console: a person at a terminal of a machine in a network, on virtual time.
 *
 * Every command answers out of a running stack. Beside it stands another machine, so that there is something
 * to see.
 */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/cmdline.h"
#include "kernel/report.h"
#include "kernel/task.h"
#include "net/apps/console.h"
#include "net/socket/socket.h"
#include "tests/host/sim.h"
#include "tests/unit/fake_terminal.h"

static struct sim_link *wire;
static struct sim_host *host, *peer;
static struct files *files; /* of the console */
static size_t objects, pages;

static int setup(void **state)
{
    objects = host_objects_alive();
    pages = host_pages_alive();
    host_random_seed(1);
    wire = sim_link_create();
    host = sim_host_create("skiff", wire, "10.0.0.1/24");
    peer = sim_host_create("peer", wire, "10.0.0.2/24");
    host_run();
    terminal_plug_in();
    files = files_create(host->net, NULL);
    assert_int_equal(files_open_tty(files, &terminal.tty), 0);
    assert_non_null(task_create("console", console_main, NULL, files));
    host_run();
    return 0;
}

static int teardown(void **state)
{
    tty_unregister(&terminal.tty);
    host_run();
    files_destroy(files);
    sim_host_destroy(host);
    sim_host_destroy(peer);
    sim_link_destroy(wire);
    if (host_objects_alive() == objects && host_pages_alive() == pages)
        return 0;
    fprintf(stderr, "left over: %zd objects, %zd pages\n", (ssize_t)(host_objects_alive() - objects),
            (ssize_t)(host_pages_alive() - pages));
    return -1;
}

/* Types a command; the screen since then, without the line itself and the next prompt. */
static const char *run(const char *command)
{
    static char answer[1 << 17];
    terminal_type("\x15"); /* a line that was begun is given up */
    terminal_clear();
    terminal_type(command);
    terminal_type("\r");
    const char *screen = terminal_screen(), *first = strchr(screen, '\n');
    snprintf(answer, sizeof(answer), "%s", first ? first + 1 : "");
    char *prompt = strstr(answer, "skiff# ");
    if (prompt)
        *prompt = '\0';
    return answer;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void wake(void)
{
    terminal_type("\r");
}

/* --- the frame --- */

TEST("nothing is said until a key is pressed, so that a line on which nobody types carries the log alone")
{
    printk(LOG_INFO, "the log");
    host_run();
    assert_string_equal(terminal.bytes, "the log\r\n");
    wake();
    assert_string_equal(terminal.bytes, "the log\r\nskiff# ");
}

TEST("the first key is not lost if it is more than Enter")
{
    terminal_type("uptime\r");
    assert_has(terminal_screen(), "skiff# uptime\n");
    assert_has(terminal_screen(), " up ");
}

TEST("a line of the log comes between, and the line that is being typed is there again")
{
    wake();
    terminal_type("ethtool -S e");
    printk(LOG_INFO, "eth0: link is up");
    host_run();
    terminal_type("\x1b[D\x1b[D\x1b[D");
    printk(LOG_INFO, "again");
    host_run();
    terminal_type("X");
    assert_string_equal(terminal_screen(), "eth0: link is up\nagain\nskiff# ethtool -XS e");
}

TEST("exit and Ctrl-D end the session, and the next key begins another one")
{
    wake();
    terminal_type("exit\r");
    terminal_clear();
    printk(LOG_INFO, "alone");
    assert_string_equal(terminal.bytes, "alone\r\n");
    wake();
    assert_has(terminal.bytes, "skiff# ");
    terminal_type("\x04");
    terminal_clear();
    wake();
    assert_string_equal(terminal.bytes, "skiff# ");
}

TEST("help lists every command, and tells of each how it is used")
{
    wake();
    char all[8192], command[64];
    snprintf(all, sizeof(all), "%s", run("help"));
    for (const struct command *const *c = console_commands; *c; c++) {
        snprintf(command, sizeof(command), "  %s ", (*c)->name);
        assert_has(all, command);
        snprintf(command, sizeof(command), "help %s", (*c)->name);
        assert_has(run(command), (*c)->usage);
        assert_null(strchr((*c)->name, ' '));
        assert_true(c == console_commands || strcmp(c[-1]->name, c[0]->name) < 0);
    }
    assert_has(run("help nosuch"), "nosuch: there is no such command");
}

TEST("every command that is used wrongly says how it is used, and none of them minds nonsense")
{
    static const char *const nonsense[] = {"-Q", "-", "--", "x y z", "\"\"", "-c", "999999999999999999999",
                                           "a=b"};
    char line[128];
    wake();
    for (const struct command *const *c = console_commands; *c; c++) {
        if (!strcmp((*c)->name, "reboot") || !strcmp((*c)->name, "poweroff") || !strcmp((*c)->name, "exit"))
            continue;
        for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
            snprintf(line, sizeof(line), "%s %s", (*c)->name, nonsense[i]);
            run(line);
            terminal_type("\x03\x04"); /* those that wait for more */
            wake();
        }
    }
    assert_has(run("uptime"), " up ");
}

TEST("a command that does not exist, an open quote and a line that is too long get a sentence")
{
    char line[LINE_EDIT_MAX + 100];
    wake();
    assert_string_equal(run("frobnicate"), "frobnicate: there is no such command; help lists them\n");
    assert_has(run("ping \"10.0.0.2"), "a quote is opened and not closed");
    memset(line, 'p', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    assert_has(run(line), "a line has at most 1000 characters");
    assert_string_equal(run("# uptime"), "");
    assert_string_equal(run(""), "");
}

TEST("what sends nothing but rubbish is not answered for ever: two consoles wired to one another fall silent")
{
    wake();
    for (int i = 0; i < 30; i++)
        terminal_type("login:\r");
    size_t len = terminal.len;
    assert_has(terminal_screen(), "10 lines that are no commands: nothing is read for 10 seconds");
    for (int i = 0; i < 300; i++)
        terminal_type("login:\r");
    assert_int_equal(terminal.len, len);
    host_advance_ms(11000);
    assert_has(run("uptime"), " up ");
}

TEST("wired to itself the console falls silent too")
{
    size_t at = 0, rounds = 0;
    wake();
    for (; at < terminal.len && rounds < 100000; rounds++)
        terminal_type((char[]){terminal.bytes[at++], 0});
    assert_true(rounds < 100000);
}

TEST("keys typed ahead are kept for the next command; Ctrl-C throws them away")
{
    wake();
    terminal_clear();
    terminal_type("uptime\rps\r");
    assert_has(terminal_screen(), "STAT");
    run("");
    terminal_clear();
    for (const char *keys = "ps\r\x03"; *keys; keys++) /* all at once, as a paste comes */
        tty_receive(&terminal.tty, *keys);
    host_run();
    assert_null(strstr(terminal_screen(), "STAT"));
    assert_has(run("uptime"), " up ");
}

TEST("without memory the console says so, and anything that is lost later is one answer")
{
    wake();
    run("nstat");
    for (unsigned n = 1; n < 6; n++) {
        host_fail_allocation(n);
        run("nstat -a");
        run("ss -a");
        run("ping -c 1 10.0.0.2");
        host_fail_allocation(0);
    }
    assert_has(run("uptime"), " up ");
}

/* --- the machine --- */

TEST("uptime, free and ps tell of the machine")
{
    wake();
    host_advance_ms(2 * 86400000ull + 3 * 3600000ull + 4 * 60000ull);
    assert_has(run("uptime"), " up 2 days,  3:");
    assert_has(run("free"), "Mem: ");
    assert_has(run("free -m"), "Mem: ");
    assert_has(run("ps"), "R        0:00.000 console\n");
}

static void tell_a_crash(void (*line)(const char *text, void *ctx), void *ctx)
{
    line("Kernel panic: long ago", ctx);
}

TEST("crashlog shows what the last run left, and says so if that was nothing")
{
    struct report report = {.list = LIST_HEAD_INIT(report.list), .name = "crashlog", .write = tell_a_crash};
    assert_has(run("crashlog"), "the last run ended well");
    report_register(&report);
    assert_has(run("crashlog"), "Kernel panic: long ago\n");
    report_unregister(&report);
}

TEST("dmesg shows the log, as grave as is asked for")
{
    wake();
    printk(LOG_INFO, "a word");
    printk(LOG_WARNING, "a warning");
    host_run();
    assert_has(run("dmesg"), "a word\na warning\n");
    assert_null(strstr(run("dmesg -l 4"), "a word"));
    assert_has(run("dmesg -l 4"), "a warning\n");
    assert_has(run("dmesg -l 9"), "dmesg [-l LEVEL]");
}

static void write_pci(void (*line)(const char *text, void *ctx), void *ctx)
{
    line("00:02.0 network card: Intel 82540EM [8086:100e] (rev 03) driver: e1000", ctx);
}

TEST("lspci shows what is on the bus, or that there is none")
{
    struct report report = {.name = "pci", .write = write_pci};
    wake();
    assert_has(run("lspci"), "lspci: this machine has no PCI bus\n");
    report_register(&report);
    assert_string_equal(run("lspci"),
                        "00:02.0 network card: Intel 82540EM [8086:100e] (rev 03) driver: e1000\n");
    report_unregister(&report);
}

/* Each line of what `report` says, and what it may not exceed. */
static const char *run_report(unsigned *lines)
{
    const char *text = run("report");
    assert_int_equal(text[0], '\f');
    text++;
    *lines = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1, ++*lines)
        assert_true(strchr(at, '\n') - at <= 79);
    assert_true(*lines <= 24);
    return text;
}

TEST("report tells of the machine on one screen")
{
    struct report bus = {.name = "pci", .write = write_pci};
    unsigned lines;
    wake();
    memset(host->net->drops, 0, sizeof(host->net->drops));
    report_register(&bus);
    const char *text = run_report(&lines);
    report_unregister(&bus);
    assert_int_equal(strncmp(text, "Skiff   ", 8), 0);
    assert_has(text, "\nPCI     00:02.0 network card: Intel 82540EM [8086:100e] (rev 03) driver: e1000\n");
    assert_has(text, "\nMemory  ");
    assert_has(text, "\neth0    link, 02:00:00:00:00:01, 10.0.0.1/24\n        rx ");
    assert_has(text, "\nRoute   no default, neighbours: ");
    assert_has(text, "\nDrops   none\n");
    host->dev->speed_mbps = 100;
    host->net->drops[SKB_DROP_REASON_TCP_CSUM] = 2;
    host->net->drops[SKB_DROP_REASON_NO_SOCKET] = 9;
    text = run_report(&lines);
    assert_has(text, "\neth0    link 100 Mb/s HALF DUPLEX, ");
    assert_has(text, "\nDrops   NO_SOCKET 9, TCP_CSUM 2\n");
    assert_has(text, "\nPCI     this machine has no PCI bus\n");
    assert_has(run("report x"), "report\n");
}

static void write_many_devices(void (*line)(const char *text, void *ctx), void *ctx)
{
    for (unsigned i = 0; i < 40; i++) {
        line(
            "00:1f.6 network card: a name that is so long that it does not fit on one line of a screen [8086:15b8]",
            ctx);
        line("00:01.0 bridge: Device [8086:1237] (rev 02)", ctx);
    }
}

static void write_many_interrupts(void (*line)(const char *text, void *ctx), void *ctx)
{
    for (unsigned i = 0; i < 40; i++)
        line(" 11:    1234567  IO-APIC  eth0, keyboard", ctx);
    line("SPU:          0  spurious", ctx);
}

TEST("report stays on one screen whatever there is to tell, and the last warnings are always on it")
{
    struct report bus = {.name = "pci", .write = write_many_devices};
    struct report lines_of_irqs = {.name = "interrupts", .write = write_many_interrupts};
    char command[64];
    unsigned lines;
    wake();
    report_register(&bus);
    report_register(&lines_of_irqs);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(command, sizeof(command), "ip addr add 10.0.%u.1/24 dev eth0", i + 1);
        run(command);
        printk(LOG_WARNING, "warning %u", i);
        if (i == 56)
            printk(LOG_INFO, "a word");
    }
    for (unsigned i = 1; i < SKB_DROP_REASON_MAX; i++)
        host->net->drops[i] = i + 1000000000u;
    const char *text = run_report(&lines);
    report_unregister(&bus);
    report_unregister(&lines_of_irqs);
    assert_int_equal(lines, 24);
    assert_has(text, ", 8086:1237, 8086:1237");
    assert_has(text, "\nIRQ     11: 1234567 IO-APIC eth0, keyboard, 11: ");
    assert_has(text, "\nLog     warning ");
    assert_has(text, "warning 57\n        warning 58\n        warning 59\n");
    assert_null(strstr(text, "a word"));
    assert_null(strstr(text, "SPU"));
}

/* --- the stack --- */

TEST("nstat counts from one look to the next, and from the start with -a")
{
    wake();
    host->net->mib[MIB_UdpNoPorts] = 7;
    assert_has(run("nstat"), "#kernel\n");
    host->net->mib[MIB_UdpNoPorts] = 10;
    assert_has(run("nstat -s UdpNoPorts"), "UdpNoPorts                      3               0.0\n");
    assert_string_equal(run("nstat UdpNoPorts"),
                        "#kernel\nUdpNoPorts                      3               0.0\n");
    assert_string_equal(run("nstat UdpNoPorts"), "#kernel\n");
    assert_has(run("nstat -a 'Udp*Ports'"), "UdpNoPorts                      10              0.0\n");
    assert_has(run("nstat -az Ip?nReceives"), "IpInReceives ");
    assert_string_equal(run("nstat -a NoSuch"), "#kernel\n");
    host->net->drops[SKB_DROP_REASON_TCP_CSUM] = 2;
    assert_has(run("nstat 'drop.*'"), "drop.TCP_CSUM                   2               0.0\n");
}

static int listening, client, accepted;

static void connect_peer(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    listening = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sys_bind(files, listening, (void *)&at, sizeof(at)), 0);
    assert_int_equal(sys_listen(files, listening, 16), 0);
    client = sys_socket(peer->files, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    inet_pton(AF_INET, "10.0.0.1", &at.sin_addr);
    assert_int_equal(sys_connect(peer->files, client, (void *)&at, sizeof(at)), -EINPROGRESS);
    host_run();
    accepted = sys_accept4(files, listening, NULL, NULL, 0);
    assert_true(accepted >= 0);
}

static void disconnect_peer(void)
{
    sys_close(peer->files, client);
    sys_close(files, accepted);
    sys_close(files, listening);
}

TEST("ss shows sockets: connections, listeners with -l, both with -a, UDP's with -u")
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    int udp;
    wake();
    connect_peer();
    udp = sys_socket(files, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sys_bind(files, udp, (void *)&at, sizeof(at)), 0);
    assert_int_equal(sys_sendto(peer->files, client, "hello", 5, 0, NULL, 0), 5);
    host_run();

    assert_has(run("ss"), "tcp   ESTAB      5      0                10.0.0.1:80        10.0.0.2:");
    assert_null(strstr(run("ss"), "LISTEN"));
    assert_has(run("ss -tl"), "LISTEN     0      16                0.0.0.0:80             0.0.0.0:*\n");
    assert_null(strstr(run("ss -tln"), "ESTAB"));
    assert_has(run("ss -ua"), "UNCONN     0      0                 0.0.0.0:53             0.0.0.0:*\n");
    assert_null(strstr(run("ss -ua"), "ESTAB"));
    assert_has(run("ss -a"), "udp   UNCONN");
    assert_has(run("ss -a"), "tcp   LISTEN");
    assert_has(run("ss -ti"), "cubic wscale:");
    assert_has(run("ss -ti"), "bytes_received:5 ");
    assert_has(run("ss -tm"), "skmem:(rb");
    assert_has(run("ss -s"), "TCP:   estab 1, listen 1, synrecv 0, orphaned 0, timewait 0\n");
    assert_has(run("ss -tH state"), "ss [-a] [-l]");
    sys_close(files, udp);
    disconnect_peer();
    host_advance_ms(100);
    assert_null(strstr(run("ss -H"), "ESTAB"));
}

TEST("hundreds of sockets are listed, each once")
{
    int fds[200];
    wake();
    for (int i = 0; i < 200; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(5000 + i % 100))};
        fds[i] = sys_socket(files, AF_INET, i < 100 ? SOCK_DGRAM : SOCK_STREAM, 0);
        assert_int_equal(sys_bind(files, fds[i], (void *)&at, sizeof(at)), 0);
        if (i >= 100)
            assert_int_equal(sys_listen(files, fds[i], 1), 0);
    }
    const char *all = run("ss -aH");
    for (int i = 0; i < 200; i++) {
        char part[64];
        int found = 0;
        snprintf(part, sizeof(part), "0.0.0.0:%d ", 5000 + i % 100);
        for (const char *at = all; (at = strstr(at, part)); at++)
            found++;
        assert_int_equal(found, 2);
    }
    for (int i = 0; i < 200; i++)
        sys_close(files, fds[i]);
}

TEST("ethtool shows a card's figures")
{
    wake();
    assert_has(run("ethtool -S eth0"), "NIC statistics:\n     rx_packets: ");
    assert_has(run("ethtool eth0"),
               "Settings for eth0:\n\tSpeed: Unknown!\n\tDuplex: Unknown!\n\tLink detected: yes\n");
    assert_has(run("ethtool -S eth7"), "eth7: there is no such device");
}

TEST("sysctl shows settings, all or by the beginning of their names, and changes them within their limits")
{
    wake();
    assert_string_equal(run("sysctl net.ipv4.ip_default_ttl"), "net.ipv4.ip_default_ttl = 64\n");
    assert_string_equal(run("sysctl -w net.ipv4.ip_default_ttl=70"), "net.ipv4.ip_default_ttl = 70\n");
    assert_string_equal(run("sysctl net.ipv4.tcp_rmem=\"4096 131072 262144\""),
                        "net.ipv4.tcp_rmem = 4096 131072 262144\n");
    assert_has(run("sysctl net.ipv4.ip_default_ttl=700"), "net.ipv4.ip_default_ttl: ");
    assert_has(run("sysctl net.ipv4.ip_default_ttl"), "= 70\n");
    assert_has(run("sysctl net.ipv4.tcp_congestion_control=none"), "form of this setting");
    assert_has(run("sysctl -a"), "net.ipv4.tcp_rmem = ");
    assert_has(run("sysctl -a"), "net.ipv4.ip_forward = 0\n");
    assert_has(run("sysctl net.ipv4.icmp"), "net.ipv4.icmp_ratelimit = ");
    assert_null(strstr(run("sysctl net.ipv4.icmp"), "tcp"));
    assert_has(run("sysctl net.nosuch"), "net.nosuch: there is no such setting");
    assert_has(run("sysctl net.nosuch=1"), "net.nosuch: ");
}

TEST("tc shows the queues in front of the cards, and replaces them")
{
    wake();
    assert_has(run("tc qdisc"), "dev eth0 root ");
    assert_string_equal(run("tc qdisc replace dev eth0 root tbf rate 10mbit burst 32k"), "");
    assert_has(run("tc qdisc show dev eth0"), "qdisc tbf dev eth0 root ");
    assert_has(run("tc -s qdisc show"), " bytes ");
    assert_has(run("tc -s qdisc show"), " pkt (dropped 0, overlimits 0 requeues 0)\n backlog 0b 0p\n");
    assert_has(run("tc qdisc replace dev eth0 nosuch"), "tc: ");
    assert_has(run("tc qdisc replace dev eth9 fq_codel"), "tc: ");
    assert_string_equal(run("tc police dev eth0 rate 50mbit burst 128k"), "");
    assert_has(run("tc qdisc"), "qdisc ingress dev eth0 ");
    assert_string_equal(run("tc police dev eth0 off"), "");
    assert_null(strstr(run("tc qdisc"), "ingress"));
}

TEST("ip addr shows devices and their addresses, and gives and takes addresses")
{
    wake();
    const char *all = run("ip addr");
    assert_has(all, "1: lo: <LOOPBACK,");
    assert_has(all, "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen ");
    assert_has(all, "    link/ether 02:00:00:00:00:");
    assert_has(all, "    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\n");
    assert_int_equal(memcmp(run("ip a show eth0"), "2: eth0: <", 10), 0);
    assert_string_equal(run("ip addr add 192.168.7.1/24 dev eth0"), "");
    assert_has(run("ip a"), "    inet 192.168.7.1/24 brd 192.168.7.255 scope global eth0\n");
    assert_has(run("ip -br addr"), "eth0             UP       10.0.0.1/24 192.168.7.1/24\n");
    assert_has(run("ip addr add 192.168.7.1/24 dev eth0"), "ip: ");
    assert_has(run("ip addr add 192.168.7.9/24 dev eth7"), "ip: ");
    assert_string_equal(run("ip addr del 192.168.7.1/24 dev eth0"), "");
    assert_null(strstr(run("ip addr"), "192.168.7.1"));
    assert_has(run("ip addr add 1.2.3 dev eth0"), "ip addr add|del ADDRESS/LENGTH dev DEVICE");
    assert_has(run("ip addr show eth7"), "eth7: there is no such device");
}

TEST("ip link shows, sets and makes links")
{
    wake();
    assert_has(run("ip -s link show eth0"), "    RX:         bytes    packets   errors");
    assert_string_equal(run("ip link set eth0 mtu 1400 promisc on"), "");
    assert_has(run("ip link"), "PROMISC,UP,LOWER_UP> mtu 1400 ");
    assert_string_equal(run("ip link set dev eth0 promisc off"), "");
    assert_has(run("ip link set eth0 mtu 3"), "ip: ");
    assert_string_equal(run("ip link set eth0 down"), "");
    assert_has(run("ip -br link"), "eth0             DOWN     02:");
    assert_string_equal(run("ip link set eth0 up"), "");
    assert_string_equal(run("ip link add link eth0 name eth0.7 type vlan id 7"), "");
    assert_has(run("ip link"), ": eth0.7@eth0: <");
    assert_has(run("ip link"), "    vlan protocol 802.1Q id 7\n");
    assert_has(run("ip link add link eth0 type vlan id 4999"), "ip: ");
    assert_string_equal(run("ip link del eth0.7"), "");
    assert_has(run("ip link del eth0"), "ip: ");
    assert_has(run("ip link frobnicate"), "ip link add");
    assert_has(run("ip link set eth0 colour red"), "ip link set DEVICE");
}

TEST("bridges are made by ip link and shown by bridge")
{
    wake();
    assert_string_equal(run("ip link add br0 type bridge"), "");
    assert_string_equal(run("ip link set eth0 master br0"), "");
    assert_string_equal(run("ip link set br0 up"), "");
    assert_has(run("bridge link"), ": eth0: mtu 1500 master br0 state ");
    assert_has(run("bridge show"), "br0: stp_state ");
    assert_string_equal(run("bridge set br0 ageing_time 77"), "");
    assert_has(run("bridge show"), "ageing_time 77 ");
    assert_string_equal(run("bridge fdb add 02:aa:bb:cc:dd:ee dev eth0"), "");
    assert_has(run("bridge fdb"), "02:aa:bb:cc:dd:ee dev eth0 master br0 permanent\n");
    assert_string_equal(run("bridge fdb del 02:aa:bb:cc:dd:ee dev eth0"), "");
    assert_null(strstr(run("bridge fdb"), "02:aa:bb:cc:dd:ee"));
    assert_has(run("bridge set br0 ageing_time soon"), "bridge set BRIDGE");
    run("ip link set eth0 nomaster"); /* the log has something to say about it */
    assert_string_equal(run("bridge link"), "");
    assert_string_equal(run("ip link del br0"), "");
}

TEST("ip route shows the ways there are, adds and takes some, and says which one an address takes")
{
    wake();
    assert_has(run("ip route"), "10.0.0.0/24 dev eth0 scope link src 10.0.0.1\n");
    assert_string_equal(run("ip route add default via 10.0.0.2"), "");
    assert_has(run("ip route"), "default via 10.0.0.2 dev eth0\n");
    assert_string_equal(run("ip route add blackhole 192.0.2.0/24"), "");
    assert_has(run("ip route"), "blackhole 192.0.2.0/24\n");
    assert_string_equal(run("ip r get 8.8.8.8"), "8.8.8.8 via 10.0.0.2 dev eth0 src 10.0.0.1\n");
    assert_has(run("ip route get 192.0.2.1"), "blackhole");
    assert_has(run("ip route show table local"), "local 10.0.0.1 dev ");
    assert_null(strstr(run("ip route"), "local"));
    assert_string_equal(run("ip route add 172.16.0.0/12 via 10.0.0.2 dev eth0 metric 9"), "");
    assert_has(run("ip route"), "172.16.0.0/12 via 10.0.0.2 dev eth0 metric 9\n");
    assert_string_equal(run("ip route del 172.16.0.0/12"), "");
    assert_has(run("ip route del 172.16.0.0/12"), "ip: ");
    assert_has(run("ip route add 172.16.0.0/12 via 11.0.0.9"), "ip: ");
    assert_has(run("ip route add 172.16.0.1/12 via 10.0.0.2"), "ip: ");
    assert_string_equal(run("ip route del default"), "");
    assert_has(run("ip route get 8.8.8.8"), "ip: ");
    assert_has(run("ip route add"), "ip route add|del");
}

TEST("ip neigh shows neighbours, sets and forgets them")
{
    wake();
    assert_string_equal(run("ip neigh add 10.0.0.77 lladdr 02:11:22:33:44:55 dev eth0"), "");
    assert_has(run("ip neigh"), "10.0.0.77 dev eth0 lladdr 02:11:22:33:44:55 PERMANENT\n");
    assert_string_equal(run("ip neigh del 10.0.0.77 dev eth0"), "");
    assert_null(strstr(run("ip neigh"), "10.0.0.77"));
    connect_peer();
    assert_has(run("ip neigh show dev eth0"), "10.0.0.2 dev eth0 lladdr 02:00:00:00:00:");
    assert_string_equal(run("ip neigh flush"), "");
    disconnect_peer();
    assert_string_equal(run("ip neigh add proxy 10.0.0.99 dev eth0"), "");
    assert_has(run("ip neigh"), "10.0.0.99 dev eth0 proxy\n");
    assert_string_equal(run("ip neigh del proxy 10.0.0.99 dev eth0"), "");
    assert_has(run("ip neigh add 10.0.0.77 dev eth0"), "ip neigh add ADDRESS");
}

TEST("ss -w shows raw and ping sockets, ss -0 those of AF_PACKET")
{
    struct sockaddr_in id = {.sin_family = AF_INET, .sin_port = htons(77)};
    int raw, ping, packet, arp;
    wake();
    raw = sys_socket(files, AF_INET, SOCK_RAW, IPPROTO_ICMP);
    ping = sys_socket(files, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    assert_int_equal(sys_bind(files, ping, (void *)&id, sizeof(id)), 0);
    packet = sys_socket(files, AF_PACKET, SOCK_RAW, htons(3));
    arp = sys_socket(files, AF_PACKET, SOCK_DGRAM, htons(0x806));
    struct { /* sockaddr_ll, whose header names what net/core/skbuff.h names */
        uint16_t family, protocol;
        int ifindex;
        uint8_t rest[12];
    } at = {.family = AF_PACKET, .protocol = htons(0x806), .ifindex = 2};
    assert_int_equal(sys_bind(files, arp, (void *)&at, sizeof(at)), 0);

    assert_null(strstr(run("ss"), "raw"));
    assert_has(run("ss -wa"), "raw   UNCONN     0      0                  0.0.0.0:1             0.0.0.0:*\n");
    assert_has(run("ss -wa"), "ping  UNCONN     0      0                 0.0.0.0:77             0.0.0.0:*\n");
    assert_null(strstr(run("ss -wa"), "p_raw"));
    assert_has(run("ss -0a"), "p_raw UNCONN     0      0                        *:*                     *\n");
    assert_has(run("ss -0a"), "p_dgr UNCONN     0      0                  0806:eth0                     *\n");
    assert_null(strstr(run("ss -0a"), "ping"));
    assert_has(run("ss -a"), "p_dgr UNCONN");
    assert_has(run("ss -a"), "raw   UNCONN");
    sys_close(files, raw);
    sys_close(files, ping);
    sys_close(files, packet);
    sys_close(files, arp);
    assert_null(strstr(run("ss -a"), "p_"));
}

TEST("ethtool -i names a device's driver, or says that it has none")
{
    wake();
    assert_string_equal(run("ip link add link eth0 name eth0.7 type vlan id 7"), "");
    assert_has(run("ethtool -i eth0.7"), "driver: vlan\nbus-info:");
    assert_string_equal(run("ip link del eth0.7"), "");
    assert_has(run("ethtool -i lo"), "lo: has no driver");
    assert_has(run("ethtool -i eth9"), "there is no such device");
}

/* --- ping --- */

TEST("ping asks once a second, shows each answer and sums up")
{
    wake();
    terminal_clear();
    terminal_type("ping -c 3 10.0.0.2\r");
    host_advance_ms(2500);
    const char *screen = terminal_screen();
    assert_has(screen, "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n");
    assert_has(screen, "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=");
    assert_has(screen, "icmp_seq=3 ttl=64 time=");
    assert_has(screen,
               "\n--- 10.0.0.2 ping statistics ---\n3 packets transmitted, 3 received, 0% packet loss");
    assert_has(screen, "rtt min/avg/max = 0.");
    assert_has(screen, " ms\nskiff# ");
    assert_has(run("ping -c1 -s 4 10.0.0.2"), "12 bytes from 10.0.0.2: icmp_seq=1 ttl=64\n");
}

TEST("Ctrl-C ends a ping, which still sums up; what was typed meanwhile is forgotten")
{
    wake();
    terminal_clear();
    terminal_type("ping -i 0.2 10.0.0.2\r");
    host_advance_ms(1050);
    terminal_type("uptime\r");
    assert_null(strstr(terminal_screen(), "statistics"));
    terminal_type("\x03");
    assert_has(terminal_screen(),
               "^C\n\n--- 10.0.0.2 ping statistics ---\n6 packets transmitted, 6 received");
    assert_null(strstr(terminal_screen(), " up "));
    assert_has(run("uptime"), " up ");
}

static bool pass_nothing(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    return false;
}

TEST("ping says what was lost, and what an error says about it")
{
    wake();
    run("ping -c 1 10.0.0.2");
    sim_link_set_filter(wire, pass_nothing, NULL);
    terminal_clear();
    terminal_type("ping -c 2 -W 3 10.0.0.2\r");
    host_advance_ms(4500);
    assert_has(terminal_screen(), "2 packets transmitted, 0 received, 100% packet loss");
    sim_link_set_filter(wire, NULL, NULL);
    assert_has(run("ping -c1 -W1 8.8.8.8"), "Network is unreachable");
    assert_has(run("ping skiff.example"), "names are not looked up here");
    assert_has(run("ping -c 0 10.0.0.2"), "ping [-c COUNT]");
    assert_has(run("ping -i 0 10.0.0.2"), "ping [-c COUNT]");
    assert_has(run("ping -s 70000 10.0.0.2"), "ping [-c COUNT]");
}

/* --- traceroute --- */

TEST("traceroute names each router on the way and the host, by datagrams and with -I by echo requests")
{
    wake();
    const char *screen = run("traceroute 10.0.0.2");
    assert_has(screen, "traceroute to 10.0.0.2 (10.0.0.2), 30 hops max, 60 byte packets\n");
    assert_has(screen, "\n 1  10.0.0.2  0.");
    assert_has(screen, " ms  0."); /* three times, the address once */
    assert_null(strstr(screen, "\n 2 "));
    assert_has(run("traceroute -I -q 1 10.0.0.2"), "\n 1  10.0.0.2  0.");
    assert_has(run("traceroute -q 1 10.0.0.1"), "\n 1  10.0.0.1  0.");
    assert_has(run("traceroute -q1 -m2 -w1 192.0.2.1"), "traceroute: sendto: Network is unreachable\n");
    assert_has(run("traceroute skiff.example"), "names are not looked up here");
    assert_has(run("traceroute -f 5 -m 4 10.0.0.2"), "traceroute [-I]");
    assert_has(run("traceroute"), "traceroute [-I]");
}

TEST("traceroute shows a star for what is not answered in time, and Ctrl-C ends it")
{
    wake();
    run("ping -c 1 10.0.0.2");
    sim_link_set_filter(wire, pass_nothing, NULL);
    terminal_clear();
    terminal_type("traceroute -w 1 -m 2 -q 2 10.0.0.2\r");
    host_advance_ms(4500);
    assert_has(terminal_screen(), "\n 1  * *\n 2  * *\nskiff# ");
    terminal_clear();
    terminal_type("traceroute -I 10.0.0.2\r");
    host_advance_ms(6000);
    assert_has(terminal_screen(), "\n 1  *");
    terminal_type("\x03");
    host_advance_ms(100);
    assert_has(terminal_screen(), "^C\nskiff# ");
    sim_link_set_filter(wire, NULL, NULL);
    assert_has(run("uptime"), " up ");
}

/* --- the firewall --- */

TEST("iptables, ipset and iptables-save are handed on as they were typed, quotes and all")
{
    wake();
    assert_string_equal(run("iptables -A INPUT -p tcp --dport 22 -j DROP"), "");
    assert_has(run("iptables -L INPUT -n"), "Chain INPUT (policy ACCEPT)");
    assert_has(run("iptables -L INPUT -n"), "DROP");
    assert_string_equal(run("ipset create bad hash:ip"), "");
    assert_string_equal(run("ipset add bad 192.0.2.7"), "");
    assert_has(run("ipset list"), "192.0.2.7\n");
    assert_string_equal(run("iptables -A INPUT -m set --match-set bad src -j LOG --log-prefix \"two words\""),
                        "");
    assert_has(run("iptables-save"), "-A INPUT -p tcp -m tcp --dport 22 -j DROP\n");
    assert_has(run("iptables-save -c"), "[0:0] -A INPUT ");
    assert_has(run("iptables-save"), "--log-prefix \"two words\"\n");
    assert_has(run("iptables -A NOSUCH -j DROP"), "NOSUCH");
    assert_string_equal(run("iptables -F"), "");
    assert_null(strstr(run("iptables-save"), "--dport 22"));
}

TEST("iptables-restore reads rules until an empty line behind COMMIT, and takes all or none")
{
    wake();
    terminal_clear();
    terminal_type("iptables-restore\r*filter\r:INPUT DROP [0:0]\r-A INPUT -p icmp -j ACCEPT\rCOMMIT\r\r");
    assert_has(terminal_screen(), "\n> *filter\n");
    assert_has(run("iptables-save"), ":INPUT DROP [0:0]\n");
    assert_has(run("iptables-save"), "-A INPUT -p icmp -j ACCEPT\n");
    terminal_clear();
    terminal_type(
        "iptables-restore\r*filter\r:INPUT ACCEPT [0:0]\r-A INPUT -p nosuch -j ACCEPT\rCOMMIT\r\x04");
    assert_has(terminal_screen(), "nosuch");
    assert_has(run("iptables-save"), ":INPUT DROP [0:0]\n");
    terminal_type("iptables-restore\r*filter\r:INPUT ACCEPT [0:0]\rCOMMIT\r");
    terminal_type("\x03");
    assert_has(run("iptables-save"), ":INPUT DROP [0:0]\n");
    terminal_clear();
    terminal_type("\x1b[A");
    assert_string_equal(terminal_screen(), "iptables-save");
}

TEST_FIXTURE(setup, teardown)
