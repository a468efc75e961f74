/*
 * bpf.c - the interpreter of classic BPF.
 *
 * Runs programs that bpf_check() has passed: on packets for sockets with a filter, on bare frames for a
 * card's early hook. One pass forward; nothing is written but A, X and the scratch memory.
 */
#include "net/core/bpf.h"

#include "kernel/byteorder.h"
#include "kernel/random.h"
#include "net/core/netdevice.h"

#define ARPHRD_ETHER_    1 /* as in <net/if_arp.h> */
#define ARPHRD_LOOPBACK_ 772

struct bpf_state {
    uint32_t a, x;
    uint32_t mem[BPF_MEMWORDS];
    const struct bpf_data *in;
};

/* --- loads --- */

static uint32_t number_at(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 4:
        return get_unaligned_be32(p);
    case 2:
        return get_unaligned_be16(p);
    }
    return p[0];
}

/* In the linear part. */
static inline bool is_near(const struct bpf_data *in, uint32_t offset, unsigned size)
{
    return offset <= in->linear && size <= in->linear - offset;
}

/* Bytes of headers in front of the data (SKF_NET_OFF, SKF_LL_OFF), or beyond the linear part. */
static bool load_far(const struct bpf_data *in, int64_t offset, unsigned size, uint32_t *value)
{
    uint8_t bytes[4];

    if (!in->skb)
        return false;
    if (offset < 0) {
        if (-offset > skb_headroom(in->skb) || offset + size > skb_headlen(in->skb))
            return false;
        *value = number_at(in->skb->data + offset, size);
        return true;
    }
    if (offset > in->len || skb_copy_bits(in->skb, (unsigned)offset, bytes, size))
        return false;
    *value = number_at(bytes, size);
    return true;
}

/* false: not in the packet. */
static inline bool load(const struct bpf_data *in, uint32_t offset, unsigned size, uint32_t *value)
{
    int64_t at = offset;

    if (likely(is_near(in, offset, size))) {
        *value = number_at(in->data + offset, size);
        return true;
    }
    if (offset >= (uint32_t)SKF_LL_OFF) {
        bool net = offset >= (uint32_t)SKF_NET_OFF;
        at = (int64_t)offset - (uint32_t)(net ? SKF_NET_OFF : SKF_LL_OFF);
        if (!in->skb)
            return !net && load(in, (uint32_t)at, size, value);
        at += (net ? in->skb->network_header : in->skb->mac_header) - (int64_t)skb_headroom(in->skb);
    }
    return load_far(in, at, size, value);
}

static uint32_t ancillary_protocol(const struct bpf_data *in)
{
    if (in->skb)
        return be16_to_cpu(in->skb->protocol);
    return in->linear >= 2 * ETH_ALEN + 2 ? get_unaligned_be16(in->data + 2 * ETH_ALEN) : 0;
}

static uint32_t ancillary_hatype(const struct bpf_data *in)
{
    return in->dev && in->dev->flags & DEV_IFF_LOOPBACK ? ARPHRD_LOOPBACK_ : ARPHRD_ETHER_;
}

/* What is known about the packet. A bare frame has no mark, no type, no tag taken off. */
static uint32_t ancillary(const struct bpf_state *s, uint32_t what)
{
    const struct sk_buff *skb = s->in->skb;

    switch (what) {
    case SKF_AD_PROTOCOL:
        return ancillary_protocol(s->in);
    case SKF_AD_PKTTYPE:
        return skb ? skb->pkt_type : 0;
    case SKF_AD_IFINDEX:
        return s->in->dev ? (uint32_t)s->in->dev->ifindex : 0;
    case SKF_AD_MARK:
        return skb ? skb->mark : 0;
    case SKF_AD_HATYPE:
        return ancillary_hatype(s->in);
    case SKF_AD_RXHASH:
        return skb ? skb->hash : 0;
    case SKF_AD_ALU_XOR_X:
        return s->a ^ s->x;
    case SKF_AD_VLAN_TAG:
        return skb && skb->vlan_present ? skb->vlan_tci : 0;
    case SKF_AD_VLAN_TAG_PRESENT:
        return skb && skb->vlan_present;
    case SKF_AD_VLAN_TPID:
        return skb && skb->vlan_present ? be16_to_cpu(skb->vlan_proto) : 0;
    case SKF_AD_RANDOM:
        return get_random_u32();
    }
    return 0; /* SKF_AD_QUEUE, SKF_AD_CPU: there is one of each */
}

static unsigned load_size(unsigned code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* BPF_LD and BPF_LDX. false: beyond the packet. */
static bool step_load(struct bpf_state *s, const struct sock_filter *insn)
{
    uint32_t *to = BPF_CLASS(insn->code) == BPF_LD ? &s->a : &s->x, nibble;

    switch (BPF_MODE(insn->code)) {
    case BPF_ABS:
        if (unlikely(insn->k >= (uint32_t)SKF_AD_OFF)) {
            *to = ancillary(s, insn->k - (uint32_t)SKF_AD_OFF);
            return true;
        }
        return load(s->in, insn->k, load_size(insn->code), to);
    case BPF_IND:
        return load(s->in, s->x + insn->k, load_size(insn->code), to);
    case BPF_MSH: /* an IPv4 header's length, from its first byte */
        if (!load(s->in, insn->k, 1, &nibble))
            return false;
        *to = (nibble & 0x0f) * 4;
        return true;
    case BPF_IMM:
        *to = insn->k;
        return true;
    case BPF_MEM:
        *to = s->mem[insn->k];
        return true;
    case BPF_LEN:
        *to = s->in->len;
        return true;
    }
    return false;
}

/* --- arithmetic, jumps --- */

/* false: division by zero. Shifts go by X modulo 32. */
static bool step_alu(struct bpf_state *s, const struct sock_filter *insn)
{
    uint32_t operand = BPF_SRC(insn->code) == BPF_K ? insn->k : s->x;

    switch (BPF_OP(insn->code)) {
    case BPF_ADD:
        s->a += operand;
        return true;
    case BPF_SUB:
        s->a -= operand;
        return true;
    case BPF_MUL:
        s->a *= operand;
        return true;
    case BPF_DIV:
        if (operand)
            s->a /= operand;
        return operand;
    case BPF_MOD:
        if (operand)
            s->a %= operand;
        return operand;
    case BPF_OR:
        s->a |= operand;
        return true;
    case BPF_AND:
        s->a &= operand;
        return true;
    case BPF_XOR:
        s->a ^= operand;
        return true;
    case BPF_LSH:
        s->a <<= operand & 31;
        return true;
    case BPF_RSH:
        s->a >>= operand & 31;
        return true;
    case BPF_NEG:
        s->a = -s->a;
        return true;
    }
    return false;
}

/* How many instructions to leave out. */
static uint32_t jump_length(const struct bpf_state *s, const struct sock_filter *insn)
{
    uint32_t operand = BPF_SRC(insn->code) == BPF_K ? insn->k : s->x;
    bool yes = false;

    switch (BPF_OP(insn->code)) {
    case BPF_JA:
        return insn->k;
    case BPF_JEQ:
        yes = s->a == operand;
        break;
    case BPF_JGT:
        yes = s->a > operand;
        break;
    case BPF_JGE:
        yes = s->a >= operand;
        break;
    case BPF_JSET:
        yes = s->a & operand;
        break;
    }
    return yes ? insn->jt : insn->jf;
}

/* One instruction, whatever it is. false: the program has ended, with *result. */
static bool step(struct bpf_state *s, const struct sock_filter **at, uint32_t *result)
{
    const struct sock_filter *insn = *at;

    *result = 0;
    switch (BPF_CLASS(insn->code)) {
    case BPF_LD:
    case BPF_LDX:
        return step_load(s, insn);
    case BPF_ALU:
        return step_alu(s, insn);
    case BPF_JMP:
        *at += jump_length(s, insn);
        return true;
    case BPF_ST:
        s->mem[insn->k] = s->a;
        return true;
    case BPF_STX:
        s->mem[insn->k] = s->x;
        return true;
    case BPF_MISC:
        if (BPF_MISCOP(insn->code) == BPF_TAX)
            s->x = s->a;
        else
            s->a = s->x;
        return true;
    case BPF_RET:
        *result = BPF_RVAL(insn->code) == BPF_A ? s->a : insn->k;
        return false;
    }
    return false;
}

uint32_t bpf_run(const struct bpf_prog *prog, const struct bpf_data *in)
{
    struct bpf_state s = {.in = in};
    uint32_t result;

    /* Ends: jumps go forward, and the last instruction returns. */
    for (const struct sock_filter *insn = prog->insns;; insn++) {
        /* What filters do most has a short way. */
        switch (insn->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (!is_near(in, insn->k, 4))
                break;
            s.a = get_unaligned_be32(in->data + insn->k);
            continue;
        case BPF_LD | BPF_H | BPF_ABS:
            if (!is_near(in, insn->k, 2))
                break;
            s.a = get_unaligned_be16(in->data + insn->k);
            continue;
        case BPF_LD | BPF_B | BPF_ABS:
            if (!is_near(in, insn->k, 1))
                break;
            s.a = in->data[insn->k];
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            insn += s.a == insn->k ? insn->jt : insn->jf;
            continue;
        case BPF_RET | BPF_K:
            return insn->k;
        }
        if (!step(&s, &insn, &result))
            return result;
    }
}
