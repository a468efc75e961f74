/*
 * descriptors.c - the tables the CPU itself reads: segments (GDT), emergency stack (TSS) and the
 * entry for each interrupt vector (IDT).
 *
 * All code runs in ring 0 in one flat segment. Faults that may come with a broken stack pointer (a
 * stack that ran into its guard page) are taken on a stack of their own.
 */
#include "kernel/x86/machine.h"

#include "kernel/x86/trap.h"

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

#define GATE_INTERRUPT 0x8e /* present, ring 0, interrupts off on entry */
#define TSS_PRESENT    0x89
#define IST_EMERGENCY  1

#define NR_VECTORS 256
#define STUB_SIZE  8

struct idt_gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "SDM volume 3, 6.14.1");

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, io_map;
} __packed;
_Static_assert(sizeof(struct tss) == 104, "SDM volume 3, 7.7");

struct table_register {
    uint16_t limit;
    uint64_t base;
} __packed;

extern char trap_stubs[];

static struct idt_gate idt[NR_VECTORS];
static struct tss tss;
static uint64_t gdt[5] = {0, 0x00af9a000000ffffull, 0x00cf92000000ffffull};
static uint8_t emergency_stack[8192] __aligned(16);

static bool needs_emergency_stack(unsigned vector)
{
    return vector == TRAP_NMI || vector == TRAP_DOUBLE_FAULT || vector == TRAP_PAGE_FAULT ||
           vector == TRAP_MACHINE_CHECK;
}

static void idt_init(void)
{
    for (unsigned v = 0; v < NR_VECTORS; v++) {
        uintptr_t entry = (uintptr_t)trap_stubs + v * STUB_SIZE;
        idt[v] = (struct idt_gate){
            .offset_low = (uint16_t)entry,
            .offset_mid = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
            .selector = SELECTOR_CODE,
            .ist = needs_emergency_stack(v) ? IST_EMERGENCY : 0,
            .type = GATE_INTERRUPT,
        };
    }
    struct table_register idtr = {sizeof(idt) - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

static void gdt_init(void)
{
    uintptr_t base = (uintptr_t)&tss;
    tss.ist[IST_EMERGENCY - 1] = (uintptr_t)emergency_stack + sizeof(emergency_stack);
    tss.io_map = sizeof(tss);
    gdt[3] =
        (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (uint64_t)TSS_PRESENT << 40 | (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;

    struct table_register gdtr = {sizeof(gdt) - 1, (uintptr_t)gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "movw %w3, %%ax\n\t"
                     "ltr %%ax"
                     :
                     : "m"(gdtr), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "i"(SELECTOR_TSS)
                     : "rax", "memory");
}

void descriptors_init(void)
{
    gdt_init();
    idt_init();
}
