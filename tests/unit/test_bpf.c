/*
 * test_bpf.c - classic BPF: what the verifier refuses, what programs see, and the interpreter against a slow
 * one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/core/bpf.h"
#include "tests/unit/core_net.h"

#define INSN(...) ((struct sock_filter)__VA_ARGS__)

static int check(const struct sock_filter *insns, unsigned len)
{
    return bpf_check(insns, len, NULL);
}

/* One instruction, and a return behind it. */
static int check_one(struct sock_filter insn)
{
    struct sock_filter program[] = {insn, BPF_STMT(BPF_RET | BPF_K, 1)};

    return check(program, 2);
}

static struct bpf_prog *make(const char *text)
{
    struct bpf_prog *prog = NULL;
    struct bpf_why why;

    if (bpf_prog_parse(text, &prog, &why))
        fail_msg("%s: instruction %u: %s", text, why.at, why.text);
    return prog;
}

static uint32_t run_bytes(struct bpf_prog *prog, const void *bytes, unsigned len)
{
    struct bpf_data in = {.data = bytes, .linear = len, .len = len};

    return bpf_run(prog, &in);
}

/* --- the verifier --- */

TEST("a program has 1 to 4096 instructions, and the last one returns")
{
    static struct sock_filter many[4097];

    for (unsigned i = 0; i < 4097; i++)
        many[i] = INSN(BPF_STMT(BPF_RET | BPF_K, 1));
    assert_int_equal(check(many, 0), -EINVAL);
    assert_int_equal(check(many, 4096), 0);
    assert_int_equal(check(many, 4097), -EINVAL);
    many[4] = INSN(BPF_STMT(BPF_MISC | BPF_TAX, 0));
    assert_int_equal(check(many, 5), -EINVAL);
}

TEST("jumps go forward and stay inside")
{
    for (unsigned behind = 1; behind < 5; behind++) {
        struct sock_filter p[8];
        for (unsigned i = 0; i < 8; i++)
            p[i] = INSN(BPF_STMT(BPF_RET | BPF_A, 0));
        p[0] = INSN(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(behind - 1), 0));
        assert_int_equal(check(p, 1 + behind), 0);
        p[0].jt++;
        assert_int_equal(check(p, 1 + behind), -EINVAL);
        p[0] = INSN(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, (uint8_t)behind));
        assert_int_equal(check(p, 1 + behind), -EINVAL);
        p[0] = INSN(BPF_STMT(BPF_JMP | BPF_JA, behind - 1));
        assert_int_equal(check(p, 1 + behind), 0);
        p[0].k = behind;
        assert_int_equal(check(p, 1 + behind), -EINVAL);
        p[0].k = 0xffffffff; /* backwards */
        assert_int_equal(check(p, 1 + behind), -EINVAL);
    }
}

TEST("constants that would fail or reach outside are refused")
{
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 0))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0))), 0);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 31))), 0);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 32))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ST, 15))), 0);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_ST, 16))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_STX, 16))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_LD | BPF_MEM, 16))), -EINVAL);
    assert_int_equal(check_one(INSN(BPF_STMT(BPF_LDX | BPF_MEM, 16))), -EINVAL);
}

TEST("of the 65536 codes only those of the language pass")
{
    unsigned passed = 0;

    for (unsigned code = 0; code < 65536; code++)
        passed += check_one(INSN({(uint16_t)code, 0, 0, 1})) == 0;
    /* LD 3 abs, 3 ind, imm, mem, len; LDX imm, mem, len, msh; ST, STX; ALU 10 * 2 + neg; JMP 4 * 2 (ja 1
     * would leave the program); RET k, a; MISC 2 */
    assert_int_equal(passed, 9 + 4 + 2 + 21 + 8 + 2 + 2);
}

TEST("of the ancillary offsets only those that mean something here pass")
{
    unsigned passed = 0;

    for (uint32_t k = (uint32_t)SKF_AD_OFF; k; k++)
        passed += check_one(INSN(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k))) == 0;
    assert_int_equal(passed, 13);
}

TEST("a program as text is what tcpdump -ddd prints, with commas for lines")
{
    struct bpf_prog *prog = make("4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0");
    static const char *const wrong[] = {"",          "0",           "5000,6 0 0 0",      "2,6 0 0 0",
                                        "1,6 0 0",   "1,6 0 0 0 0", "1,6 0 256 0",       "1,6 0 0 4294967296",
                                        "1 6 0 0 0", "1,6 0 0 x",   "1,6 0 0 0,6 0 0 0", "1,40 0 0 12"};

    assert_int_equal(prog->len, 4);
    assert_int_equal(prog->insns[1].k, 2048);
    bpf_prog_put(prog);
    bpf_prog_put(make("1,6_0_0_65535"));
    bpf_prog_put(make("1,6 0 0 1,"));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct bpf_why why = {.text = NULL};
        assert_int_equal(bpf_prog_parse(wrong[i], &prog, &why), -EINVAL);
        assert_non_null(why.text);
    }
    host_fail_allocation(1);
    assert_int_equal(bpf_prog_parse("1,6 0 0 0", &prog, NULL), -ENOMEM);
}

/* --- what programs see --- */

/* tcpdump -ddd 'tcp dst port 80' */
static const char port_80[] = "14,40 0 0 12,21 0 4 34525,48 0 0 20,21 0 9 6,40 0 0 56,21 6 7 80,21 0 6 2048,"
                              "48 0 0 23,21 0 4 6,40 0 0 20,69 2 0 8191,177 0 0 14,72 0 0 16,21 0 1 80";

TEST("tcpdump's own program picks out what it says")
{
    char text[512];
    uint8_t frame[60] = {[12] = 8, [14] = 0x46, [23] = 6, [14 + 24 + 3] = 80};
    struct bpf_prog *prog;

    snprintf(text, sizeof(text), "16%s,6 0 0 262144,6 0 0 0", strchr(port_80, ','));
    /* the last test jumps over the accepting return */
    prog = make(text);
    assert_int_equal(run_bytes(prog, frame, 60), 262144);
    frame[14 + 24 + 3] = 81;
    assert_int_equal(run_bytes(prog, frame, 60), 0);
    frame[14 + 24 + 3] = 80;
    frame[21] = 1; /* a later fragment has no ports */
    assert_int_equal(run_bytes(prog, frame, 60), 0);
    frame[21] = 0;
    assert_int_equal(run_bytes(prog, frame, 40), 0); /* cut before the port */
    bpf_prog_put(prog);
}

TEST("a load beyond the packet, in part or whole, ends the program with 0")
{
    uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    struct sock_filter p[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 6), BPF_STMT(BPF_RET | BPF_A, 0)};
    static const uint32_t beyond[] = {7,
                                      8,
                                      9,
                                      10,
                                      11,
                                      0x7fffffff,
                                      0xfffff000 - 1,
                                      (uint32_t)SKF_NET_OFF,
                                      (uint32_t)SKF_LL_OFF + 7,
                                      (uint32_t)SKF_LL_OFF - 1};
    struct bpf_prog *prog;

    assert_int_equal(bpf_prog_create(p, 2, &prog, NULL), 0);
    assert_int_equal(run_bytes(prog, bytes, 10), 0x01020304);
    prog->insns[0].k = (uint32_t)SKF_LL_OFF + 6; /* a bare frame starts at its link header */
    assert_int_equal(run_bytes(prog, bytes, 10), 0x01020304);
    for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
        prog->insns[0].k = beyond[i];
        assert_int_equal(run_bytes(prog, bytes, 10), 0);
    }
    bpf_prog_put(prog);
}

static uint32_t ask(struct sk_buff *skb, uint32_t k, unsigned size)
{
    struct sock_filter p[] = {{(uint16_t)(BPF_LD | BPF_ABS | size), 0, 0, k}, BPF_STMT(BPF_RET | BPF_A, 0)};
    struct bpf_prog *prog;

    assert_int_equal(bpf_prog_create(p, 2, &prog, NULL), 0);
    uint32_t value = bpf_run_skb(prog, skb);
    bpf_prog_put(prog);
    return value;
}

TEST("a program sees the packet's headers, whichever are pulled, its fragments and what is known about it")
{
    uint8_t frame[40];
    struct page *page = alloc_pages(0);

    for (unsigned i = 0; i < 40; i++)
        frame[i] = (uint8_t)i;
    struct sk_buff *skb = core_skb(frame, 40);
    eth_type_trans(skb, core.dev);
    skb_reset_network_header(skb);
    memset(page_address(page), 0x77, 100);
    skb_add_rx_frag(skb, page, 0, 100, PAGE_SIZE);
    skb->mark = 0xabcd;
    skb->vlan_present = 1;
    skb->vlan_tci = 5;
    skb->vlan_proto = cpu_to_be16(0x8100);
    assert_int_equal(ask(skb, 0, BPF_B), 14);
    assert_int_equal(ask(skb, (uint32_t)SKF_LL_OFF + 12, BPF_H), 0x0c0d);
    assert_int_equal(ask(skb, (uint32_t)SKF_LL_OFF + 14, BPF_B), 14);
    assert_int_equal(ask(skb, (uint32_t)SKF_NET_OFF, BPF_B), 14);
    assert_int_equal(ask(skb, 24, BPF_W), 0x26277777); /* across the end of the linear part */
    assert_int_equal(ask(skb, 122, BPF_W), 0x77777777);
    assert_int_equal(ask(skb, 123, BPF_W), 0);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), BPF_W), be16_to_cpu(skb->protocol));
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), BPF_W), PACKET_OTHERHOST);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX), BPF_W), core.dev->ifindex);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK), BPF_W), 0xabcd);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE), BPF_W), 1);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG), BPF_W), 5);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), BPF_W), 1);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TPID), BPF_W), 0x8100);
    assert_int_equal(ask(skb, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU), BPF_W), 0);
    consume_skb(skb);
}

/* --- against a slow one --- */

struct reference {
    const uint8_t *bytes;
    uint32_t len;
    const struct sk_buff *skb; /* for what is known about it; NULL: a bare frame */
};

static bool ref_load(const struct reference *r, uint64_t at, unsigned size, uint32_t *value)
{
    if (at + size > r->len)
        return false;
    *value = 0;
    for (unsigned i = 0; i < size; i++)
        *value = *value << 8 | r->bytes[at + i];
    return true;
}

/* One instruction after the other, as the paper tells it. Return: the program's value; *steps counts. */
static uint32_t ref_run(const struct sock_filter *p, const struct reference *r, unsigned *steps)
{
    uint64_t a = 0, x = 0, mem[16] = {0};
    uint32_t value;

    for (unsigned pc = 0;; pc++, ++*steps) {
        uint64_t k = p[pc].k, operand = p[pc].code & BPF_X ? x : k;
        unsigned class = p[pc].code & 7, op = p[pc].code & 0xf0, mode = p[pc].code & 0xe0;
        unsigned size = (p[pc].code & 0x18) == 0 ? 4 : (p[pc].code & 0x18) == 8 ? 2 : 1;
        bool yes;

        switch (class) {
        case BPF_LD:
        case BPF_LDX:
            if (mode == BPF_IMM) {
                value = (uint32_t)k;
            } else if (mode == BPF_MEM) {
                value = (uint32_t)mem[k];
            } else if (mode == BPF_LEN) {
                value = r->len;
            } else {
                uint64_t at = mode == BPF_IND ? (k + x) & 0xffffffff : k;
                if (!ref_load(r, at, size, &value))
                    return 0;
                if (mode == BPF_MSH)
                    value = value % 16 * 4;
            }
            *(class == BPF_LD ? &a : &x) = value;
            break;
        case BPF_ST:
            mem[k] = a;
            break;
        case BPF_STX:
            mem[k] = x;
            break;
        case BPF_ALU:
            if ((op == BPF_DIV || op == BPF_MOD) && !operand)
                return 0;
            a = op == BPF_ADD   ? a + operand
                : op == BPF_SUB ? a - operand
                : op == BPF_MUL ? a * operand
                : op == BPF_DIV ? a / operand
                : op == BPF_MOD ? a % operand
                : op == BPF_OR  ? (a | operand)
                : op == BPF_AND ? (a & operand)
                : op == BPF_XOR ? (a ^ operand)
                : op == BPF_LSH ? a << operand % 32
                : op == BPF_RSH ? a >> operand % 32
                                : 0 - a;
            a &= 0xffffffff;
            break;
        case BPF_JMP:
            yes = op == BPF_JEQ   ? a == operand
                  : op == BPF_JGT ? a > operand
                  : op == BPF_JGE ? a >= operand
                                  : (a & operand) != 0;
            pc += op == BPF_JA ? k : yes ? p[pc].jt : p[pc].jf;
            break;
        case BPF_RET:
            return (uint32_t)(p[pc].code & BPF_A ? a : k);
        case BPF_MISC:
            if (p[pc].code & BPF_TXA)
                a = x;
            else
                x = a;
            break;
        }
    }
}

static uint32_t pick(uint32_t below)
{
    return (uint32_t)(host_random() % below);
}

/* Small numbers mostly, so that loads hit the packet and jumps meet. */
static struct sock_filter random_insn(unsigned behind)
{
    static const uint8_t codes[] = {0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81,
                                    0xb1, 0x02, 0x03, 0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44,
                                    0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x94, 0x9c, 0xa4, 0xac,
                                    0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 0x07, 0x87};
    struct sock_filter insn = {.code = codes[pick(sizeof(codes))]};
    unsigned class = BPF_CLASS(insn.code);

    if (class == BPF_JMP) {
        insn.jt = (uint8_t)pick(min(behind, 6u));
        insn.jf = (uint8_t)pick(min(behind, 6u));
        insn.k = insn.code == 5 ? pick(min(behind, 6u)) : pick(300);
    } else if (class == BPF_ST || class == BPF_STX || BPF_MODE(insn.code) == BPF_MEM) {
        insn.k = pick(BPF_MEMWORDS);
    } else {
        insn.k = pick(8) ? pick(90) : (uint32_t)host_random();
    }
    if (class == BPF_ALU && (BPF_OP(insn.code) == BPF_LSH || BPF_OP(insn.code) == BPF_RSH))
        insn.k %= 32;
    if (class == BPF_LD && BPF_MODE(insn.code) == BPF_ABS)
        insn.k %= 100;
    if (class == BPF_ALU && !insn.k)
        insn.k = 1;
    return insn;
}

TEST("20000 random programs say what a slow interpreter says, over bare frames and packets in pieces")
{
    struct sock_filter p[40];
    unsigned full = 0, steps = 0;

    host_random_seed(7);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[80];
        unsigned len = 20 + pick(60), linear = pick(len + 1), n = 2 + pick(38);
        for (unsigned i = 0; i < len; i++)
            bytes[i] = (uint8_t)pick(pick(2) ? 256 : 8);
        for (unsigned i = 0; i + 1 < n; i++)
            p[i] = random_insn(n - 1 - i);
        p[n - 1] = INSN(BPF_STMT(BPF_RET | BPF_A, 0));
        struct bpf_prog *prog;
        if (bpf_prog_create(p, n, &prog, NULL))
            fail_msg("round %u: refused", round);
        struct reference r = {.bytes = bytes, .len = len};
        uint32_t want = ref_run(p, &r, &steps);
        full += want != 0;
        if (run_bytes(prog, bytes, len) != want)
            fail_msg("round %u: a bare frame", round);
        struct sk_buff *skb = core_skb(bytes, linear);
        if (linear < len) {
            struct page *page = alloc_pages(0);
            memcpy((uint8_t *)page_address(page) + 7, bytes + linear, len - linear);
            skb_add_rx_frag(skb, page, 7, len - linear, PAGE_SIZE);
        }
        if (bpf_run_skb(prog, skb) != want)
            fail_msg("round %u: a packet with %u of %u bytes linear", round, linear, len);
        consume_skb(skb);
        bpf_prog_put(prog);
    }
    assert_true(full > 2000);
    assert_true(steps > 60000);
}

TEST_FIXTURE(core_setup, core_teardown)
