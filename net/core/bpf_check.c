/*
 * bpf_check.c - who may run: the verifier of classic BPF, and programs as text.
 */
#include "net/core/bpf.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "kernel/slab.h"

static bool load_is_known(const struct sock_filter *insn)
{
    uint32_t ancillary = insn->k - (uint32_t)SKF_AD_OFF;

    switch (insn->code & ~BPF_SIZE(0xff)) {
    case BPF_LD | BPF_ABS:
        /* Offsets below SKF_AD_OFF are of the network and link headers; above it only what there is. */
        if (insn->k < (uint32_t)SKF_AD_OFF)
            return BPF_SIZE(insn->code) != 0x18;
        return BPF_SIZE(insn->code) != 0x18 && ancillary < SKF_AD_MAX && ancillary % 4 == 0 &&
               ancillary != SKF_AD_NLATTR && ancillary != SKF_AD_NLATTR_NEST &&
               ancillary != SKF_AD_PAY_OFFSET;
    case BPF_LD | BPF_IND:
        return BPF_SIZE(insn->code) != 0x18;
    case BPF_LD | BPF_IMM:
    case BPF_LD | BPF_LEN:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_LEN:
        return BPF_SIZE(insn->code) == BPF_W;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
        return BPF_SIZE(insn->code) == BPF_W && insn->k < BPF_MEMWORDS;
    case BPF_LDX | BPF_MSH:
        return BPF_SIZE(insn->code) == BPF_B;
    }
    return false;
}

static const char *check_alu(const struct sock_filter *insn)
{
    unsigned op = BPF_OP(insn->code);
    bool constant = BPF_SRC(insn->code) == BPF_K;

    if (op > BPF_XOR)
        return "no such operation";
    if (op == BPF_NEG)
        return constant ? NULL : "no such operation";
    if (constant && !insn->k && (op == BPF_DIV || op == BPF_MOD))
        return "division by zero";
    if (constant && insn->k >= 32 && (op == BPF_LSH || op == BPF_RSH))
        return "shift by 32 bits or more";
    return NULL;
}

/* `behind`: how many instructions follow this one. */
static const char *check_jump(const struct sock_filter *insn, unsigned behind)
{
    switch (BPF_OP(insn->code)) {
    case BPF_JA:
        if (BPF_SRC(insn->code) != BPF_K)
            return "no such jump";
        return insn->k < behind ? NULL : "jump out of the program";
    case BPF_JEQ:
    case BPF_JGT:
    case BPF_JGE:
    case BPF_JSET:
        return insn->jt < behind && insn->jf < behind ? NULL : "jump out of the program";
    }
    return "no such jump";
}

static const char *check_insn(const struct sock_filter *insn, unsigned behind)
{
    if (insn->code > 0xff)
        return "no such instruction";
    switch (BPF_CLASS(insn->code)) {
    case BPF_LD:
    case BPF_LDX:
        return load_is_known(insn) ? NULL : "load of something that does not exist";
    case BPF_ST:
    case BPF_STX:
        if (insn->code & ~0x07)
            return "no such instruction";
        return insn->k < BPF_MEMWORDS ? NULL : "scratch memory has 16 words";
    case BPF_ALU:
        return check_alu(insn);
    case BPF_JMP:
        return check_jump(insn, behind);
    case BPF_RET:
        return insn->code == (BPF_RET | BPF_K) || insn->code == (BPF_RET | BPF_A) ? NULL : "no such return";
    case BPF_MISC:
        return insn->code == (BPF_MISC | BPF_TAX) || insn->code == (BPF_MISC | BPF_TXA)
                   ? NULL
                   : "no such instruction";
    }
    return "no such instruction";
}

static int refuse(struct bpf_why *why, unsigned at, const char *text)
{
    if (why)
        *why = (struct bpf_why){.at = at, .text = text};
    return -EINVAL;
}

int bpf_check(const struct sock_filter *insns, unsigned len, struct bpf_why *why)
{
    if (!len || len > BPF_MAXINSNS)
        return refuse(why, 0, "a program has 1 to 4096 instructions");
    for (unsigned i = 0; i < len; i++) {
        const char *wrong = check_insn(&insns[i], len - 1 - i);
        if (wrong)
            return refuse(why, i, wrong);
    }
    if (BPF_CLASS(insns[len - 1].code) != BPF_RET)
        return refuse(why, len - 1, "the last instruction must return");
    return 0;
}

static struct bpf_prog *bpf_prog_alloc(unsigned len)
{
    struct bpf_prog *prog = kmalloc(sizeof(*prog) + len * sizeof(prog->insns[0]));

    if (prog)
        *prog = (struct bpf_prog){.refcount = 1, .len = len};
    return prog;
}

int bpf_prog_create(const struct sock_filter *insns, unsigned len, struct bpf_prog **out, struct bpf_why *why)
{
    int err = bpf_check(insns, len, why);

    if (err)
        return err;
    struct bpf_prog *prog = bpf_prog_alloc(len);
    if (!prog)
        return -ENOMEM;
    memcpy(prog->insns, insns, len * sizeof(*insns));
    *out = prog;
    return 0;
}

void bpf_prog_put(struct bpf_prog *prog)
{
    if (prog && --prog->refcount == 0)
        kfree(prog);
}

/* --- as text --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '_' || c == '\t';
}

/* A decimal number up to `max`, behind blanks. false: there is none. */
static bool parse_number(const char **text, uint32_t max, uint32_t *value)
{
    const char *p = *text;
    uint64_t number = 0;

    while (is_blank(*p))
        p++;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        number = number * 10 + (uint64_t)(*p - '0');
        if (number > max)
            return false;
    }
    *text = p;
    *value = (uint32_t)number;
    return true;
}

static bool parse_insn(const char **text, struct sock_filter *insn)
{
    uint32_t code, jt, jf, k;

    if (!parse_number(text, UINT16_MAX, &code) || !parse_number(text, UINT8_MAX, &jt) ||
        !parse_number(text, UINT8_MAX, &jf) || !parse_number(text, UINT32_MAX, &k))
        return false;
    *insn = (struct sock_filter){.code = (uint16_t)code, .jt = (uint8_t)jt, .jf = (uint8_t)jf, .k = k};
    return true;
}

int bpf_prog_parse(const char *text, struct bpf_prog **out, struct bpf_why *why)
{
    uint32_t len;
    int err = 0;

    if (!parse_number(&text, BPF_MAXINSNS, &len) || !len)
        return refuse(why, 0, "it starts with the number of instructions, 1 to 4096");
    struct bpf_prog *prog = bpf_prog_alloc(len);
    if (!prog)
        return -ENOMEM;
    for (unsigned i = 0; i < len && !err; i++) {
        if (*text++ != ',')
            err = refuse(why, i, "fewer instructions than announced; a comma stands in front of each");
        else if (!parse_insn(&text, &prog->insns[i]))
            err = refuse(why, i, "an instruction is four numbers: code jt jf k, as tcpdump -ddd prints them");
    }
    if (!err && *text && !(*text == ',' && !text[1]))
        err = refuse(why, len, "more instructions than announced");
    if (!err)
        err = bpf_check(prog->insns, len, why);
    if (err)
        bpf_prog_put(prog);
    else
        *out = prog;
    return err;
}
