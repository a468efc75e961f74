/*
 * fuzz_bpf.c - any bytes as a classic BPF program over any bytes as a packet: the verifier refuses it, or it
 * ends, and touches nothing outside.
 *
 * Input: a byte that says how many instructions follow, these, 8 bytes each, and the packet. Bare memory of
 * exactly the packet's size, so that a byte too far is seen.
 */
#include <stdlib.h>
#include <string.h>

#include "net/core/bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sock_filter insns[256];
    struct bpf_prog *prog;

    if (!size)
        return 0;
    size_t count = data[0];
    data++;
    size--;
    if (count > size / sizeof(insns[0]))
        count = size / sizeof(insns[0]);
    memcpy(insns, data, count * sizeof(insns[0]));
    for (size_t i = 0; i < count; i++) /* most codes are of one byte: spend the time on those */
        insns[i].code &= 0xff;
    size -= count * sizeof(insns[0]);
    if (bpf_prog_create(insns, (unsigned)count, &prog, NULL))
        return 0;
    uint8_t *packet = malloc(size ? size : 1);
    memcpy(packet, data + count * sizeof(insns[0]), size);
    struct bpf_data in = {.data = packet, .linear = (uint32_t)size, .len = (uint32_t)size};
    bpf_run(prog, &in);
    free(packet);
    bpf_prog_put(prog);
    return 0;
}
