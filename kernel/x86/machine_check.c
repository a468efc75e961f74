/*
 * machine_check.c - errors of the hardware, as the CPU reports them (Intel SDM volume 3, chapter 16).
 *
 * Each bank of registers belongs to a part of the CPU: its status says what happened, its address where. They
 * are kept over a reset, so what killed the last run may still be told by the next.
 */
#include "kernel/x86/machine_check.h"

#include "kernel/log.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#define CPUID_MCE (1u << 7)  /* 1 EDX */
#define CPUID_MCA (1u << 14) /* 1 EDX */
#define CR4_MCE   (1u << 6)

#define MSR_MCG_CAP         0x179
#define MSR_MCG_CTL         0x17b
#define MCG_CAP_BANKS       0xffu
#define MCG_CAP_CTL         (1u << 8)
#define MSR_BANK_CTL(n)     (0x400 + 4 * (n))
#define MSR_BANK_STATUS(n)  (0x401 + 4 * (n))
#define MSR_BANK_ADDRESS(n) (0x402 + 4 * (n))
#define STATUS_VALID        (1ull << 63)
#define STATUS_HAS_ADDRESS  (1ull << 58)
#define BANKS_MAX           32

#define PORT_B       0x61 /* system control */
#define PORT_B_SERR  (1u << 7)
#define PORT_B_IOCHK (1u << 6)

static unsigned bank_count(void)
{
    if (!(cpuid(1, 0).edx & CPUID_MCA))
        return 0;
    return min((unsigned)(rdmsr(MSR_MCG_CAP) & MCG_CAP_BANKS), (unsigned)BANKS_MAX);
}

/* Return: how many banks tell of an error. */
static unsigned banks_show(enum log_level level)
{
    unsigned errors = 0;
    for (unsigned n = 0; n < bank_count(); n++) {
        uint64_t status = rdmsr(MSR_BANK_STATUS(n));
        if (!(status & STATUS_VALID))
            continue;
        uint64_t address = status & STATUS_HAS_ADDRESS ? rdmsr(MSR_BANK_ADDRESS(n)) : 0;
        printk(level, "machine check: bank %u, status %016llx, address %016llx", n,
               (unsigned long long)status, (unsigned long long)address);
        errors++;
    }
    return errors;
}

void machine_check_init(void)
{
    if (!(cpuid(1, 0).edx & CPUID_MCE))
        return;
    if (banks_show(LOG_WARNING))
        pr_warn("machine check: these errors of the hardware were left from before this start");
    if (bank_count() && (rdmsr(MSR_MCG_CAP) & MCG_CAP_CTL))
        wrmsr(MSR_MCG_CTL, UINT64_MAX);
    for (unsigned n = 0; n < bank_count(); n++) {
        wrmsr(MSR_BANK_CTL(n), UINT64_MAX);
        wrmsr(MSR_BANK_STATUS(n), 0);
    }
    write_cr4(read_cr4() | CR4_MCE);
}

void machine_check_describe(void)
{
    pr_err("Kernel panic: machine check: the hardware reports an error of its own");
    banks_show(LOG_ERR);
}

void nmi_describe(void)
{
    uint8_t why = inb(PORT_B);
    pr_err("Kernel panic: non-maskable interrupt: %s",
           why & PORT_B_SERR    ? "error of memory or of the PCI bus (SERR)"
           : why & PORT_B_IOCHK ? "error of a card (IOCHK)"
                                : "a button, a hypervisor, or hardware that does not say why");
}
