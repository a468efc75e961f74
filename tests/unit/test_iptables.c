/*
 * test_iptables.c - rules as text: reading, printing, changing them; what wrong text is answered by.
 */
#include "tests/unit/xt_test.h"

#include <errno.h>
#include <netinet/in.h>

#include "kernel/ramfs.h"
#include "kernel/task.h"
#include "libc/include/skiff/netfilter.h"
#include "net/netfilter/ip_set.h"
#include "net/socket/socket.h"

static const struct testnet_ip from_peer = {.saddr = 0};

static const char *const everything =
    "# a comment, with a \" in it\n"
    "create bad hash:net\n"
    "add bad 192.0.2.0/24\n"
    "*raw\n"
    ":PREROUTING ACCEPT [1:2]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    "-A PREROUTING -p udp -m udp --dport 53 -j NOTRACK\n"
    "-A PREROUTING -p udp -m udp --sport 53 -j CT --notrack\n"
    "COMMIT\n"
    "*mangle\n"
    ":PREROUTING ACCEPT [0:0]\n"
    ":INPUT ACCEPT [0:0]\n"
    ":FORWARD ACCEPT [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    ":POSTROUTING ACCEPT [0:0]\n"
    "-A PREROUTING -i eth+ -j MARK --set-xmark 0x1/0xff\n"
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n"
    "-A POSTROUTING -m dscp --dscp 0x2e -j TTL --ttl-set 64\n"
    "-A POSTROUTING -m tos --tos 0x10/0x3f -j DSCP --set-dscp 0x0a\n"
    "COMMIT\n"
    "*nat\n"
    ":PREROUTING ACCEPT [0:0]\n"
    ":INPUT ACCEPT [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    ":POSTROUTING ACCEPT [0:0]\n"
    "COMMIT\n"
    "*filter\n"
    ":INPUT DROP [7:700]\n"
    ":FORWARD DROP [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    ":WEB - [0:0]\n"
    ":LOGDROP - [0:0]\n"
    "[3:180] -A INPUT -i lo -j ACCEPT\n"
    "[0:0] -A INPUT -s 10.0.0.0/8 -d 10.0.0.1/32 -i eth0 -p tcp -m tcp --dport 80 -j WEB\n"
    "[0:0] -A INPUT ! -s 10.0.0.0/8 ! -d 224.0.0.0/4 ! -i eth1 ! -p udp -j LOGDROP\n"
    "[0:0] -A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 10/sec --limit-burst 20 -j ACCEPT\n"
    "[0:0] -A INPUT -p icmp -m icmp ! --icmp-type 3/1 -j ACCEPT\n"
    "[0:0] -A INPUT -p udp -m multiport --dports 53,67:68 -m comment --comment \"names & \\\"leases\\\"\" -j ACCEPT\n"
    "[0:0] -A INPUT -m set --match-set bad src -j DROP\n"
    "[0:0] -A INPUT -m mark ! --mark 0x1/0xff -m mac --mac-source 02:00:00:00:00:02 -m ttl --ttl-gt 4\n"
    "[0:0] -A INPUT -m length --length 100:200 -m addrtype --dst-type LOCAL,BROADCAST -m pkttype --pkt-type unicast -f "
    "-j QUEUE\n"
    "[0:0] -A FORWARD -s 10.0.0.0/255.0.255.0 -g WEB\n"
    "[1:2] -A WEB -m hashlimit --hashlimit-upto 5/min --hashlimit-burst 3 --hashlimit-mode srcip,dstport "
    "--hashlimit-name web --hashlimit-htable-expire 60000 -j ACCEPT\n"
    "[0:0] -A WEB -p tcp -m tcp --sport 1024:65535 ! --dport 22 --tcp-option 2 -j RETURN\n"
    "[0:0] -A WEB -p tcp -j REJECT --reject-with tcp-reset\n"
    "[0:0] -A LOGDROP -j LOG --log-prefix \"drop: \" --log-level 6\n"
    "[0:0] -A LOGDROP -p 200 -j DROP\n"
    "COMMIT\n";

/* As printed: "-f" stands behind -p. */
static const char *const printed[] = {
    "[3:180] -A INPUT -i lo -j ACCEPT\n",
    "-A INPUT -s 10.0.0.0/8 -d 10.0.0.1/32 -i eth0 -p tcp -m tcp --dport 80 -j WEB\n",
    "-A INPUT ! -s 10.0.0.0/8 ! -d 224.0.0.0/4 ! -i eth1 ! -p udp -j LOGDROP\n",
    "-A INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 10/sec --limit-burst 20 -j ACCEPT\n",
    "-A INPUT -p icmp -m icmp ! --icmp-type 3/1 -j ACCEPT\n",
    "-A INPUT -p udp -m multiport --dports 53,67:68 -m comment --comment \"names & \\\"leases\\\"\" -j ACCEPT\n",
    "-A INPUT -m set --match-set bad src -j DROP\n",
    "-A INPUT -m mark ! --mark 0x1/0xff -m mac --mac-source 02:00:00:00:00:02 -m ttl --ttl-gt 4\n",
    "-A INPUT -f -m length --length 100:200 -m addrtype --dst-type LOCAL,BROADCAST -m pkttype --pkt-type unicast -j "
    "QUEUE\n",
    "-A FORWARD -s 10.0.0.0/255.0.255.0 -g WEB\n",
    "-A WEB -m hashlimit --hashlimit-upto 5/min --hashlimit-burst 3 --hashlimit-mode srcip,dstport --hashlimit-name web "
    "--hashlimit-htable-expire 60000 -j ACCEPT\n",
    "-A WEB -p tcp -m tcp --sport 1024:65535 ! --dport 22 --tcp-option 2 -j RETURN\n",
    "-A WEB -p tcp -j REJECT --reject-with tcp-reset\n",
    "-A LOGDROP -j LOG --log-prefix \"drop: \" --log-level 6\n",
    "-A LOGDROP -p 200 -j DROP\n",
    ":INPUT DROP [7:700]\n",
    ":WEB - [0:0]\n",
    "-A PREROUTING -p udp -m udp --dport 53 -j NOTRACK\n",
    "-A PREROUTING -p udp -m udp --sport 53 -j CT --notrack\n",
    "-A PREROUTING -i eth+ -j MARK --set-xmark 0x1/0xff\n",
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n",
    "-A POSTROUTING -m dscp --dscp 0x2e -j TTL --ttl-set 64\n",
    "-A POSTROUTING -m tos --tos 0x10/0x3f -j DSCP --set-dscp 0x0a\n",
};

TEST("what iptables-save wrote is read, and saved again as it was")
{
    char *first;

    if (restore(everything))
        fail_msg("%s", said);
    save(true);
    for (size_t i = 0; i < ARRAY_SIZE(printed); i++)
        if (!strstr(said, printed[i]))
            fail_msg("not saved: %s in\n%s", printed[i], said);
    first = strdup(said);
    if (restore(first))
        fail_msg("%s", said);
    assert_string_equal(save(true), first);
    assert_null(strstr(save(false), "-A INPUT -i lo -j ACCEPT\n[") ? said : NULL);
    assert_null(strstr(said, "[3:180]"));
    free(first);
}

/* --- what is wrong --- */

static void wrong(const char *text, unsigned line, unsigned column, const char *about)
{
    char place[40], *before = strdup(save(true));

    assert_int_equal(restore(text), -EINVAL);
    snprintf(place, sizeof(place), "line %u, column %u: ", line, column);
    if (strncmp(said, place, strlen(place)) || !strstr(said, about))
        fail_msg("wanted \"%s...%s\", was told: %s", place, about, said);
    assert_string_equal(save(true), before);
    free(before);
}

TEST("a wrong rule file is told by line and column and what to write, and changes nothing")
{
    assert_int_equal(restore("*filter\n:INPUT ACCEPT\n:MINE -\n-A INPUT -s 10.9.9.9 -j MINE\nCOMMIT\n"), 0);
    wrong("*filter\n-A INPUT -s 10.0.0.256 -j DROP\nCOMMIT\n", 2, 13, "10.0.0.1 or 10.0.0.0/8");
    wrong("*filter\n-A INPUT -s 10.0.0.1/33 -j DROP\nCOMMIT\n", 2, 13, "/0 to /32");
    wrong("*filter\n\n# x\n-A INPUT -j NOWHERE\nCOMMIT\n", 4, 13, "make the chain first");
    wrong("*filter\n-A INPUT -p tcp --dport 65536 -j DROP\nCOMMIT\n", 2, 25, "is no port");
    wrong("*filter\n-A INPUT -p tcp --dport 20:10 -j DROP\nCOMMIT\n", 2, 25, "smaller port first");
    wrong("*filter\n-A INPUT --dport 80 -j DROP\nCOMMIT\n", 2, 10, "write -p or -m");
    wrong("*filter\n-A INPUT -p tpc -j DROP\nCOMMIT\n", 2, 13, "is no protocol");
    wrong("*filter\n-A INPUT -m nosuch -j DROP\nCOMMIT\n", 2, 13, "no match \"nosuch\"");
    wrong("*filter\n-A INPUT -m multiport --dports 1 -j DROP\nCOMMIT\n", 2, 37, "-p tcp or -p udp");
    wrong("*filter\n-A NEW -j DROP\nCOMMIT\n", 2, 4, "no chain \"NEW\"");
    wrong("*filter\n:INPUT REJECT\nCOMMIT\n", 2, 8, "ACCEPT, DROP");
    wrong("*filter\n:INPUT DROP [1;2]\nCOMMIT\n", 2, 13, "[PACKETS:BYTES]");
    wrong("*filter\n:NEW DROP\nCOMMIT\n", 2, 6, "built-in chains");
    wrong("*nosuch\nCOMMIT\n", 1, 1, "raw, mangle, nat or filter");
    wrong("-A INPUT -j DROP\n", 1, 1, "outside of a table");
    wrong("*filter\nINPUT\nCOMMIT\n", 2, 1, "begins no line");
    wrong("*filter\n-A INPUT -j DROP\n", 2, 1, "write COMMIT");
    wrong("*filter\n-A INPUT -j DROP\n*nat\nCOMMIT\n", 3, 1, "COMMIT first");
    wrong("*filter\nCOMMIT\n*filter\nCOMMIT\n", 3, 1, "stands twice");
    wrong("*filter\n-A INPUT -m comment --comment \"open\nCOMMIT\n", 2, 31, "not closed");
    wrong("*filter\n-A INPUT -o eth0 -j DROP\nCOMMIT\n", 2, 10, "write -i");
    wrong("*filter\n-A OUTPUT -i eth0 -j DROP\nCOMMIT\n", 2, 11, "write -o");
    wrong("*filter\n-A INPUT -j DROP -j DROP\nCOMMIT\n", 2, 18, "second rule");
    wrong("*filter\n-A INPUT -s 10.0.0.1 -s 10.0.0.2\nCOMMIT\n", 2, 22, "twice");
    wrong("*filter\n-A INPUT -s ! 10.0.0.1\nCOMMIT\n", 2, 13, "! -s ADDRESS");
    wrong("*filter\n-A INPUT ! -s 10.0.0.1,10.0.0.2\nCOMMIT\n", 2, 15, "cannot be negated");
    wrong("*filter\n-A INPUT -s\nCOMMIT\n", 2, 10, "a value is missing behind -s");
    wrong("*filter\n-A INPUT -j TTL --ttl-set 3\nCOMMIT\n", 2, 13, "table mangle");
    wrong("*mangle\n-A INPUT -j REJECT\nCOMMIT\n", 2, 13, "table filter");
    wrong("*mangle\n-A PREROUTING -p tcp -j TCPMSS --set-mss 500\nCOMMIT\n", 2, 1, "PREROUTING");
    wrong("*nat\n-A PREROUTING -j DROP\nCOMMIT\n", 2, 18, "drop in table filter");
    wrong("*filter\n-A INPUT -p udp -j REJECT --reject-with tcp-reset\nCOMMIT\n", 2, 41, "-p tcp");
    wrong("*filter\n-A INPUT -j REJECT --reject-with nothing\nCOMMIT\n", 2, 34, "tcp-reset");
    wrong("*filter\n-A INPUT -m limit --limit 5/week -j DROP\nCOMMIT\n", 2, 27, "/minute");
    wrong("*filter\n-A INPUT -m set --match-set none src -j DROP\nCOMMIT\n", 2, 29, "create none");
    wrong("*filter\n-t nat -A INPUT -j DROP\nCOMMIT\n", 2, 1, "-t has no place");
    wrong("*filter\n-A INPUT -j ACCEPT extra\nCOMMIT\n", 2, 20, "too many");
    wrong("*filter\n-L\nCOMMIT\n", 2, 1, "no place in a rule file");
    wrong("*filter\n-A INPUT -s 1.2.3.4\x01\nCOMMIT\n", 2, 20, "control character");
    wrong("create one hash:ip\nadd one 10.0.0.300\n*filter\nCOMMIT\n", 2, 9, "10.0.0.1");
    assert_int_equal(ipset("list one"), -ENOENT);
}

TEST("jumps that lead back, or too deep, are refused with the line of the jump")
{
    char text[4000] = "*filter\n", line[60];

    wrong("*filter\n:A -\n:B -\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT\n", 6, 1, "leads back");
    wrong("*filter\n:A -\n-A A -j A\nCOMMIT\n", 3, 1, "leads back");
    for (unsigned i = 0; i <= 32; i++) {
        snprintf(line, sizeof(line), ":C%u -\n", i);
        strcat(text, line);
    }
    strcat(text, "-A INPUT -j C0\n");
    for (unsigned i = 0; i < 32; i++) {
        snprintf(line, sizeof(line), "-A C%u -j C%u\n", i, i + 1);
        strcat(text, line);
    }
    strcat(text, "COMMIT\n");
    assert_int_equal(restore(text), -EINVAL);
    assert_non_null(strstr(said, "too deep"));
    char *jump = strstr(text, "-A INPUT -j C0");
    memcpy(jump, "-A INPUT -j C9", strlen("-A INPUT -j C9")); /* the way to the end is known from here ... */
    strcpy(strstr(text, "COMMIT"), "-A INPUT -j C0\nCOMMIT\n"); /* ... when the long one is looked at */
    assert_int_equal(restore(text), -EINVAL);
    assert_non_null(strstr(said, "too deep"));
    *strstr(text, "-A C31 ") = '#'; /* 32 jumps are allowed */
    if (restore(text))
        fail_msg("%s", said);
    assert_int_equal(ipt("-A C31 -j C32"), -EINVAL);
    assert_int_equal(ipt("-A C5 -j C3"), -EINVAL);
    assert_non_null(strstr(said, "leads back"));
    assert_int_equal(ipt("-S C5"), 0);
    assert_string_equal(said, "-N C5\n-A C5 -j C6\n");
    assert_int_equal(ipt("-A C32 -j DROP"), 0);
    udp_packet(&from_peer, 1, 2, 10);
    assert_false(dropped());
}

TEST("tables that a text does not name stay as they are")
{
    assert_int_equal(ipt("-t mangle -A INPUT -j MARK --set-mark 5"), 0);
    assert_int_equal(restore("*filter\n-A INPUT -j DROP\nCOMMIT\n"), 0);
    assert_int_equal(ipt("-t mangle -S INPUT"), 0);
    assert_string_equal(said, "-P INPUT ACCEPT\n-A INPUT -j MARK --set-xmark 0x5/0xffffffff\n");
    assert_int_equal(restore("*mangle\nCOMMIT\n"), 0);
    assert_int_equal(ipt("-t mangle -S INPUT"), 0);
    assert_string_equal(said, "-P INPUT ACCEPT\n");
}

/* --- single commands --- */

static void rules_are(const char *chain, const char *wanted)
{
    assert_int_equal(ipt("-S %s", chain), 0);
    assert_string_equal(said, wanted);
}

TEST("rules are added, inserted, replaced and deleted one by one")
{
    assert_int_equal(ipt("iptables -A INPUT -s 10.0.0.2 -j ACCEPT"), 0);
    assert_int_equal(ipt("-t filter --append INPUT --source 10.0.0.3/32 --jump ACCEPT"), 0);
    assert_int_equal(ipt("-I INPUT -j DROP"), 0);
    assert_int_equal(ipt("-I INPUT 2 -p udp --dport domain -j ACCEPT"), 0);
    rules_are("INPUT", "-P INPUT ACCEPT\n-A INPUT -j DROP\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n"
                       "-A INPUT -s 10.0.0.2/32 -j ACCEPT\n-A INPUT -s 10.0.0.3/32 -j ACCEPT\n");
    assert_int_equal(ipt("-R INPUT 1 -p tcp -j REJECT"), 0);
    assert_int_equal(ipt("-D INPUT 3"), 0);
    assert_int_equal(ipt("-C INPUT -s 10.0.0.3 -j ACCEPT"), 0);
    assert_int_equal(ipt("-C INPUT -s 10.0.0.3 -j DROP"), -ENOENT);
    assert_int_equal(ipt("-D INPUT -p udp --dport 53 -j ACCEPT"), 0);
    assert_int_equal(ipt("-D INPUT -p udp --dport 53 -j ACCEPT"), -ENOENT);
    rules_are("INPUT", "-P INPUT ACCEPT\n-A INPUT -p tcp -j REJECT --reject-with icmp-port-unreachable\n"
                       "-A INPUT -s 10.0.0.3/32 -j ACCEPT\n");
    assert_int_equal(ipt("-I INPUT 4 -j DROP"), -EINVAL);
    assert_int_equal(ipt("-D INPUT 3"), -EINVAL);
    assert_int_equal(ipt("-R INPUT 1 -s 1.1.1.1,2.2.2.2 -j DROP"), -EINVAL);
    assert_int_equal(ipt("-S INPUT 2"), 0);
    assert_string_equal(said, "-A INPUT -s 10.0.0.3/32 -j ACCEPT\n");
    assert_int_equal(ipt("-F"), 0);
    rules_are("INPUT", "-P INPUT ACCEPT\n");
}

TEST("a list of addresses becomes a rule for each, sources by destinations")
{
    assert_int_equal(ipt("-A INPUT -d 10.0.0.1,10.0.0.5 -s 10.1.0.0/16,10.2.0.0/16 -j DROP"), 0);
    rules_are(
        "INPUT",
        "-P INPUT ACCEPT\n-A INPUT -s 10.1.0.0/16 -d 10.0.0.1/32 -j DROP\n"
        "-A INPUT -s 10.2.0.0/16 -d 10.0.0.1/32 -j DROP\n-A INPUT -s 10.1.0.0/16 -d 10.0.0.5/32 -j DROP\n"
        "-A INPUT -s 10.2.0.0/16 -d 10.0.0.5/32 -j DROP\n");
    assert_int_equal(ipt("-D INPUT -d 10.0.0.1,10.0.0.5 -s 10.1.0.0/16,10.2.0.0/16 -j DROP"), 0);
    rules_are("INPUT", "-P INPUT ACCEPT\n");
}

TEST("chains of the user's are made, renamed and removed, but not while rules need them")
{
    assert_int_equal(ipt("-N mine"), 0);
    assert_int_equal(ipt("-N mine"), -EINVAL);
    assert_int_equal(ipt("-N DROP"), -EINVAL);
    assert_int_equal(ipt("-N LOG"), -EINVAL);
    assert_int_equal(ipt("-N -x"), -EINVAL);
    assert_int_equal(ipt("-N a23456789012345678901234567890"), -EINVAL);
    assert_int_equal(ipt("-A INPUT -j mine"), 0);
    assert_int_equal(ipt("-A mine -j ACCEPT"), 0);
    assert_int_equal(ipt("-X mine"), -EINVAL);
    assert_int_equal(ipt("-E mine yours"), 0);
    rules_are("INPUT", "-P INPUT ACCEPT\n-A INPUT -j yours\n");
    assert_int_equal(ipt("-F INPUT"), 0);
    assert_int_equal(ipt("-X yours"), -EINVAL);
    assert_int_equal(ipt("-F yours"), 0);
    assert_int_equal(ipt("-X"), 0);
    assert_int_equal(ipt("-S yours"), -EINVAL);
    assert_int_equal(ipt("-X INPUT"), -EINVAL);
    assert_int_equal(ipt("-A INPUT -j OUTPUT"), -EINVAL);
}

TEST("policies, counters, and setting them to zero")
{
    struct testnet_ip ip = {.saddr = testnet_addr("10.0.0.9")};

    assert_int_equal(ipt("-P INPUT DROP"), 0);
    assert_int_equal(ipt("-A INPUT -s 10.0.0.2 -j ACCEPT"), 0);
    udp_packet(&from_peer, 1, 2, 72);
    assert_false(dropped());
    udp_packet(&ip, 1, 2, 172);
    assert_true(dropped());
    assert_true(dropped());
    assert_int_equal(ipt("-S INPUT -v"), 0);
    assert_string_equal(said, "-P INPUT DROP -c 2 400\n-A INPUT -s 10.0.0.2/32 -j ACCEPT -c 1 100\n");
    assert_int_equal(ipt("-Z INPUT 1"), 0);
    assert_int_equal(ipt("-vS INPUT"), 0);
    assert_string_equal(said, "-P INPUT DROP -c 2 400\n-A INPUT -s 10.0.0.2/32 -j ACCEPT -c 0 0\n");
    assert_int_equal(ipt("-Z"), 0);
    assert_int_equal(ipt("-v -S INPUT"), 0);
    assert_string_equal(said, "-P INPUT DROP -c 0 0\n-A INPUT -s 10.0.0.2/32 -j ACCEPT -c 0 0\n");
    assert_int_equal(ipt("-P INPUT QUEUE"), -EINVAL);
    assert_int_equal(ipt("-A INPUT -c 7 8 -j DROP"), 0);
    assert_int_equal(ipt("-S INPUT 2 -v"), 0);
    assert_string_equal(said, "-A INPUT -j DROP -c 7 8\n");
}

TEST("-L -n -v has the shape of the original")
{
    assert_int_equal(
        restore(
            "*filter\n:INPUT DROP [123456:9876543210]\n:mine -\n"
            "[100000:7] -A INPUT -s 10.0.0.0/8 -i eth0 -p tcp -m tcp --dport 80 -j mine\n"
            "-A INPUT ! -s 10.1.2.3 ! -i lo -p icmp -m icmp --icmp-type 8 -m comment --comment \"a b\" -j "
            "ACCEPT\n-A mine -p udp -j REJECT\nCOMMIT\n"),
        0);
    assert_int_equal(ipt("-L INPUT -n -v"), 0);
    assert_string_equal(
        said,
        "Chain INPUT (policy DROP 123K packets, 9877M bytes)\n"
        " pkts bytes target     prot opt in     out     source               destination         \n"
        " 100K     7 mine       tcp  --  eth0   *       10.0.0.0/8           0.0.0.0/0            tcp dpt:80\n"
        "    0     0 ACCEPT     icmp --  !lo    *      !10.1.2.3             0.0.0.0/0            icmptype 8 /* a b */\n");
    assert_int_equal(ipt("-nL mine --line-numbers"), 0);
    assert_string_equal(said,
                        "Chain mine (1 references)\n"
                        "num  target     prot opt source               destination         \n"
                        "1    REJECT     udp  --  0.0.0.0/0            0.0.0.0/0            reject-with "
                        "icmp-port-unreachable\n");
    assert_int_equal(ipt("-L INPUT -nvx"), 0);
    assert_non_null(strstr(said, "(policy DROP 123456 packets, 9876543210 bytes)"));
    assert_int_equal(ipt("-L"), 0);
    assert_non_null(strstr(said, "\n\nChain FORWARD (policy ACCEPT)\n"));
    assert_int_equal(ipt("-L INPUT -n -q"), -EINVAL);
    assert_int_equal(ipt("-t nosuch -L"), -EINVAL);
    assert_int_equal(ipt("%s", ""), -EINVAL);
    assert_int_equal(ipt("-L NONE"), -EINVAL);
}

TEST("a table stands at a hook point only while it has something to say there")
{
    const struct list_head *input = &t->net->nf->chains[NF_INET_LOCAL_IN];

    assert_true(list_empty(input));
    assert_int_equal(ipt("-A INPUT -j ACCEPT"), 0);
    assert_false(list_empty(input));
    assert_true(list_empty(&t->net->nf->chains[NF_INET_FORWARD]));
    assert_int_equal(ipt("-D INPUT 1"), 0);
    assert_true(list_empty(input));
    assert_int_equal(ipt("-P INPUT DROP"), 0);
    assert_false(list_empty(input));
    assert_int_equal(restore("*filter\nCOMMIT\n"), 0);
    assert_true(list_empty(input));
}

/* --- table nat has another evaluator --- */

static int nat_uses, nat_result;

static int use_nat(struct net *net, bool on)
{
    if (on && nat_result)
        return nat_result;
    nat_uses += on ? 1 : -1;
    return 0;
}

TEST("who evaluates table nat hears of its first rule and its last, and may refuse")
{
    nat_uses = nat_result = 0;
    xt_set_nat_user(t->net, use_nat);
    assert_int_equal(ipt("-t nat -A PREROUTING -p tcp -j ACCEPT"), 0);
    assert_int_equal(ipt("-t nat -A PREROUTING -p udp -j ACCEPT"), 0);
    assert_int_equal(nat_uses, 1);
    assert_true(list_empty(&t->net->nf->chains[NF_INET_PRE_ROUTING]));
    assert_int_equal(ipt("-t nat -F"), 0);
    assert_int_equal(nat_uses, 0);
    nat_result = -ENOMEM;
    assert_int_equal(ipt("-t nat -A PREROUTING -p tcp -j ACCEPT"), -ENOMEM);
    assert_int_equal(ipt("-t nat -S PREROUTING"), 0);
    assert_string_equal(said, "-P PREROUTING ACCEPT\n");
    assert_int_equal(restore("*nat\n-A OUTPUT -j ACCEPT\nCOMMIT\n"), -ENOMEM);
    nat_result = 0;
    assert_int_equal(restore("*nat\n-A OUTPUT -j ACCEPT\nCOMMIT\n"), 0);
    assert_int_equal(nat_uses, 1);
    xt_set_nat_user(t->net, NULL);
    assert_int_equal(nat_uses, 0);
}

/* --- for programs --- */

static void program(void *done)
{
    static const char text[] = "*filter\n:INPUT DROP\nCOMMIT\n";

    xt_listen();
    assert_int_equal(skiff_iptables_restore(text, sizeof(text) - 1, xt_hear, NULL), 0);
    assert_int_equal(skiff_iptables("iptables -A INPUT -j ACCEPT", xt_hear, NULL), 0);
    assert_int_equal(skiff_ipset("ipset create p hash:ip", xt_hear, NULL), 0);
    assert_int_equal(said_len, 0);
    assert_int_equal(skiff_iptables("-S INPUT", xt_hear, NULL), 0);
    assert_string_equal(said, "-P INPUT DROP\n-A INPUT -j ACCEPT\n");
    xt_listen();
    assert_int_equal(skiff_iptables_save(1, xt_hear, NULL), 0);
    assert_non_null(strstr(said, "*filter\n:INPUT DROP [0:0]\n"));
    xt_listen();
    assert_int_equal(skiff_iptables("-A NONE -j ACCEPT", xt_hear, NULL), -1);
    assert_string_equal(said,
                        "column 4: there is no chain \"NONE\" in table filter; make it with -N NONE.\n");
    xt_listen();
    assert_int_equal(skiff_ipset("add none 1.2.3.4", xt_hear, NULL), -1);
    assert_int_equal(skiff_iptables_restore("x", 1, xt_hear, NULL), -1);
    assert_non_null(strstr(said, "line 1, column 1: "));
    *(bool *)done = true;
}

TEST("programs read and change the rules of their own stack")
{
    struct files *files = files_create(t->net, NULL);
    bool done = false;

    assert_non_null(task_create("program", program, &done, files));
    host_run();
    assert_true(done);
    files_destroy(files);
}

/* --- sets --- */

TEST("sets are made, filled, asked, listed, swapped and destroyed")
{
    assert_int_equal(ipset("create one hash:ip family inet hashsize 64 maxelem 3"), 0);
    assert_int_equal(ipset("create one hash:ip"), -EEXIST);
    assert_int_equal(ipset("create one hash:ip -exist"), 0);
    assert_int_equal(ipset("ipset add one 10.0.0.2"), 0);
    assert_int_equal(ipset("add one 10.0.0.2"), -EEXIST);
    assert_int_equal(ipset("-exist add one 10.0.0.2"), 0);
    assert_int_equal(ipset("add one 10.0.0.4-10.0.0.5"), 0);
    assert_int_equal(ipset("add one 10.0.0.6"), -EINVAL);
    assert_non_null(strstr(said, "maxelem"));
    assert_int_equal(ipset("test one 10.0.0.5"), 0);
    assert_int_equal(ipset("test one 10.0.0.6"), -ENOENT);
    assert_int_equal(ipset("del one 10.0.0.5"), 0);
    assert_int_equal(ipset("del one 10.0.0.5"), -ENOENT);
    assert_int_equal(ipset("create two hash:ip"), 0);
    assert_int_equal(ipset("swap one two"), 0);
    assert_int_equal(ipset("test two 10.0.0.4"), 0);
    assert_int_equal(ipset("test one 10.0.0.4"), -ENOENT);
    assert_int_equal(ipt("-A INPUT -m set --match-set two src -j DROP"), 0);
    assert_int_equal(ipset("destroy two"), -EBUSY);
    assert_int_equal(ipset("destroy one"), 0);
    assert_int_equal(ipset("list two"), 0);
    assert_non_null(strstr(said, "Name: two\nType: hash:ip\n"));
    assert_non_null(strstr(said, "References: 1\nNumber of entries: 2\nMembers:\n10.0.0."));
    assert_int_equal(ipset("flush"), 0);
    assert_int_equal(ipset("save"), 0);
    assert_string_equal(said, "create two hash:ip family inet hashsize 16 maxelem 3\n");
    assert_int_equal(ipset("create n hash:net"), 0);
    assert_int_equal(ipset("create p hash:ip,port"), 0);
    assert_int_equal(ipset("add n 10.0.0.0-10.0.0.9"), -EINVAL);
    assert_int_equal(ipset("add p 10.0.0.1"), -EINVAL);
    assert_int_equal(ipset("add p 10.0.0.1,udp:53"), 0);
    assert_int_equal(ipset("save p"), 0);
    assert_non_null(strstr(said, "\nadd p 10.0.0.1,udp:53\n"));
    assert_int_equal(ipset("create three hash:mac"), -EINVAL);
    assert_int_equal(ipset("swap n p"), -EINVAL);
    assert_int_equal(ipset("nonsense"), -EINVAL);
}

TEST("a set of thousands answers rightly while it grows and shrinks")
{
    char line[60];

    assert_int_equal(ipset("create big hash:net"), 0);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(line, sizeof(line), "add big 10.%u.%u.0/24", i >> 8, i & 255);
        assert_int_equal(ipset(line), 0);
    }
    for (unsigned i = 0; i < 5000; i += 2) {
        snprintf(line, sizeof(line), "del big 10.%u.%u.0/24", i >> 8, i & 255);
        assert_int_equal(ipset(line), 0);
    }
    for (unsigned i = 0; i < 5000; i++) {
        const struct ip_set *set = ip_set_find(t->net, "big");

        assert_int_equal(ip_set_test(set, cpu_to_be32(10u << 24 | i << 8 | 77), 6, 0), i & 1);
    }
}

TEST("a set named again in a text gets its members anew, for the rules that refer to it")
{
    struct testnet_ip ip = {.saddr = testnet_addr("10.0.0.9")};

    assert_int_equal(ipset("create bad hash:ip"), 0);
    assert_int_equal(ipset("add bad 10.0.0.9"), 0);
    assert_int_equal(ipt("-A INPUT -m set --match-set bad src -j DROP"), 0);
    udp_packet(&ip, 1, 2, 10);
    assert_true(dropped());
    assert_int_equal(restore("create bad hash:ip\nadd bad 10.0.0.8\nnonsense\n"), -EINVAL);
    assert_true(dropped());
    assert_int_equal(restore("create bad hash:ip\nadd bad 10.0.0.8\n"), 0);
    assert_false(dropped());
    assert_int_equal(restore("add bad 10.0.0.9\n"), 0);
    assert_true(dropped());
    assert_int_equal(ipset("test bad 10.0.0.8"), 0);
}

/* --- the site's rules --- */

/* One file as ustar has it: the length it takes. */
static size_t tar_file(uint8_t *to, const char *name, const char *content)
{
    size_t len = strlen(content);
    unsigned sum = 0;

    memset(to, 0, 512 + (len + 511) / 512 * 512);
    strcpy((char *)to, name);
    memcpy(to + 100, "0000644\0000000000\0000000000", 24);
    sprintf((char *)to + 124, "%011zo", len);
    sprintf((char *)to + 136, "%011o", 0);
    memset(to + 148, ' ', 8);
    to[156] = '0';
    memcpy(to + 257, "ustar\00000", 8);
    for (unsigned i = 0; i < 512; i++)
        sum += to[i];
    sprintf((char *)to + 148, "%06o", sum);
    memcpy(to + 512, content, len);
    return 512 + (len + 511) / 512 * 512;
}

static const struct ramfs *site(const char *rules, const char *sets)
{
    static uint8_t tar[65536];
    const char *why = NULL;
    size_t len = 0;

    if (sets)
        len += tar_file(tar + len, "etc/ipset.rules", sets);
    if (rules)
        len += tar_file(tar + len, "etc/iptables.rules", rules);
    len += tar_file(tar + len, "www/index.html", "hello");
    memset(tar + len, 0, 1024);
    return ramfs_mount_tar(tar, len + 1024, &why);
}

static void load(const char *rules, const char *sets)
{
    const struct ramfs *fs = site(rules, sets);

    assert_non_null(fs);
    xt_load_rules(t->net, fs, NULL);
    ramfs_unmount((struct ramfs *)fs);
}

TEST("without a rule file everything is accepted")
{
    xt_load_rules(t->net, NULL, NULL);
    load(NULL, NULL);
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        assert_true(list_empty(&t->net->nf->chains[i]));
}

TEST("the rule file of the site is in force from the start")
{
    struct testnet_ip ip = {.saddr = testnet_addr("10.0.0.9")};

    load("*filter\n-A INPUT -m set --match-set bad src -j DROP\nCOMMIT\n",
         "create bad hash:ip\nadd bad 10.0.0.9\n");
    udp_packet(&ip, 1, 2, 10);
    assert_true(dropped());
    udp_packet(&from_peer, 1, 2, 10);
    assert_false(dropped());
}

static void send_to_self(void *arg)
{
    struct files *files = current_task()->files;
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = sys_socket(files, AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(sys_sendto(files, fd, "x", 1, 0, (struct sockaddr *)&sin, sizeof(sin)), 1);
    sys_close(files, fd);
}

TEST("a wrong rule file leaves the closed default: only lo gets in")
{
    struct files *files = files_create(t->net, NULL);

    load("*filter\n-A INPUT -j ACCEPT\n-A INPUT -j WRONG\nCOMMIT\n", NULL);
    assert_int_equal(ipt("-S"), 0);
    assert_string_equal(said, "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n");
    udp_packet(&from_peer, 1, 2, 10);
    assert_true(dropped());
    assert_non_null(task_create("self", send_to_self, NULL, files));
    host_run();
    assert_int_equal(ipt("-S INPUT -v"), 0); /* the datagram, and the error that answers it */
    assert_string_equal(said, "-P INPUT DROP -c 1 38\n-A INPUT -i lo -j ACCEPT -c 2 86\n");
    files_destroy(files);
}

TEST("a wrong file of sets closes too, when there are rules")
{
    load("*filter\nCOMMIT\n", "create bad hash:no\n");
    udp_packet(&from_peer, 1, 2, 10);
    assert_true(dropped());
}

TEST("a right rule file without table filter opens again")
{
    load("*mangle\n-A INPUT -j MARK --set-mark 1\nCOMMIT\n", NULL);
    assert_int_equal(ipt("-S"), 0);
    assert_string_equal(said, "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n");
    udp_packet(&from_peer, 1, 2, 10);
    assert_false(dropped());
}

static void load_beside(const char *beside, const char *packed)
{
    const struct ramfs *fs = site(packed, NULL);
    const struct ramfs_inode file = {
        .path = "iptables.rules", .data = (const uint8_t *)beside, .size = strlen(beside)};

    xt_load_rules(t->net, fs, &file);
    ramfs_unmount((struct ramfs *)fs);
}

TEST("rules beside the archive win over those in it, also as Windows ends its lines")
{
    load_beside("# mine\r\n*filter\r\n:INPUT DROP\r\n-A INPUT -p icmp -j ACCEPT\r\nCOMMIT\r\n",
                "*filter\n-A INPUT -p tcp -j DROP\nCOMMIT\n");
    assert_int_equal(ipt("-S INPUT"), 0);
    assert_string_equal(said, "-P INPUT DROP\n-A INPUT -p icmp -j ACCEPT\n");
}

TEST("wrong rules beside the archive close, whatever is in it")
{
    load_beside("*filter\n-A INPUT -j WRONG\nCOMMIT\n", "*filter\nCOMMIT\n");
    udp_packet(&from_peer, 1, 2, 10);
    assert_true(dropped());
}

TEST("without memory the closed default is in force, and nothing is left over")
{
    const char *rules = "*filter\n:INPUT ACCEPT\nCOMMIT\n";

    for (unsigned n = 1; n < 40; n++) {
        const struct ramfs *fs = site(rules, NULL);

        host_fail_allocation(n);
        xt_load_rules(t->net, fs, NULL);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        ramfs_unmount((struct ramfs *)fs);
        assert_int_equal(ipt("-S INPUT"), 0);
        if (!failed) {
            assert_string_equal(said, "-P INPUT ACCEPT\n");
            return;
        }
        udp_packet(&from_peer, 1, 2, 10);
        if (strncmp(said, "-P INPUT ACCEPT\n",
                    16)) /* only the rule for lo was missing: it was read all the same */
            assert_true(dropped());
        assert_int_equal(ipt("-F"), 0);
        assert_int_equal(ipt("-P INPUT ACCEPT"), 0);
        assert_int_equal(ipt("-P FORWARD ACCEPT"), 0);
    }
    fail();
}

/* --- the Nth allocation --- */

TEST("a whole rule set either comes into force or changes nothing, whichever allocation fails")
{
    assert_int_equal(restore("*filter\n:OLD -\n-A INPUT -j OLD\nCOMMIT\n"), 0);
    char *before = strdup(save(true));

    for (unsigned n = 1;; n++) {
        assert_in_range(n, 1, 500);
        host_fail_allocation(n);
        int err = restore(everything);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_equal(err, -ENOMEM);
        assert_string_equal(save(true), before);
        assert_int_equal(ipset("list bad"), -ENOENT);
    }
    free(before);
}

TEST("single commands survive every allocation that fails")
{
    static const char *const commands[] = {
        "-A INPUT -s 10.0.0.1,10.0.0.2 -p tcp -m multiport --dports 1,2 -m set --match-set s src -j LOG",
        "-I INPUT -m hashlimit --hashlimit-upto 1/s --hashlimit-name a --hashlimit-mode srcip -j REJECT",
        "-R INPUT 1 -p udp -j DROP",
        "-N other",
        "-D INPUT -p udp -j DROP",
    };

    assert_int_equal(ipset("create s hash:ip"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        for (unsigned n = 1;; n++) {
            char *before = strdup(save(true));

            host_fail_allocation(n);
            int err = ipt("%s", commands[i]);
            bool failed = host_allocation_failed();
            host_fail_allocation(0);
            if (!failed) {
                assert_int_equal(err, 0);
                free(before);
                break;
            }
            assert_int_equal(err, -ENOMEM);
            assert_string_equal(save(true), before);
            free(before);
        }
    }
    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        int err = ipset("create z hash:ip");
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed)
            break;
        assert_int_equal(err, -ENOMEM);
        assert_int_equal(ipset("list z"), -ENOENT);
    }
}

TEST_FIXTURE(xt_setup, xt_teardown)
