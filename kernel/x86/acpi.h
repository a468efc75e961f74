/*
 * acpi.h - what the firmware's tables say about the board.
 *
 * Read once, at boot, and defensively: every length is checked against the memory it claims to lie in, every
 * table against its sum. What is missing or broken is left at zero, and its users have another way.
 * Advanced Configuration and Power Interface 6.5, chapters 4 and 5. No AML is run. The reading itself is in
 * kernel/acpi_tables.c, the search for the tables in kernel/x86/acpi.c.
 */
#ifndef KERNEL_X86_ACPI_H
#define KERNEL_X86_ACPI_H

#include "kernel/boot_info.h"
#include "kernel/types.h"

#define ACPI_IOAPICS_MAX   8
#define ACPI_OVERRIDES_MAX 16
#define ACPI_MCFG_MAX      4

/* A register, as a Generic Address Structure tells (5.2.3.2). */
struct acpi_register {
    uint8_t space; /* 0 memory, 1 I/O ports, 2 PCI configuration space of bus 0 */
    uint8_t bit_width, bit_offset, access;
    uint64_t address; /* 0: there is none */
};

struct acpi_ioapic {
    uint8_t id;
    uint32_t gsi_base; /* number of its first input */
    uint64_t address;
};

/* An ISA interrupt that does not arrive at the input of its own number, or not as edge, active high. */
struct acpi_override {
    uint8_t irq;
    bool level, active_low;
    uint32_t gsi;
};

/* PCIe configuration space in memory: base + (bus << 20 | device << 15 | function << 12), bus from 0. */
struct acpi_mcfg {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

struct acpi_info {
    bool present;
    char oem[7];
    unsigned nr_tables, nr_ignored; /* seen and sound; outside memory, of a wrong length or sum, too many */

    /* MADT */
    bool has_madt, has_8259;
    uint64_t lapic_address;
    unsigned nr_cpus, nr_ioapics, nr_overrides;
    struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
    struct acpi_override overrides[ACPI_OVERRIDES_MAX];

    /* MCFG */
    unsigned nr_mcfg;
    struct acpi_mcfg mcfg[ACPI_MCFG_MAX];

    /* HPET */
    uint64_t hpet_address;

    /* FADT; ports are 0 if there are none */
    bool has_fadt;
    bool hw_reduced;       /* no PM1 registers, no PM timer, no SCI; and often no 8254 and no 8259 (4.1) */
    bool button_by_method; /* the power button is a device of AML's, not the bit in PM1's event registers */
    bool no_vga, no_msi, no_8042, no_aspm, no_rtc; /* IAPC_BOOT_ARCH */
    uint16_t sci_irq, smi_command;
    uint8_t acpi_enable;
    uint16_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm_timer;
    uint16_t gpe0, gpe1; /* general events: status in the first half, what may interrupt in the second */
    uint8_t pm1_event_length, gpe0_length, gpe1_length;
    bool pm_timer_32bit;
    struct acpi_register reset;
    uint8_t reset_value, century;                     /* century: its place in the battery clock */
    struct acpi_register sleep_control, sleep_status; /* in place of PM1's control registers, if hw_reduced */

    /* _S5 of the DSDT or an SSDT: what to write to be switched off */
    bool has_s5;
    uint8_t s5_type_a, s5_type_b;
};

/*
 * Reads the tables; before it, and where there are none (or acpi=off), all is zero. Runs on the page tables
 * of boot/multiboot.S, before memory_init() gives away a byte: so it can look wherever firmware put them
 * below 4 GiB, and needs no memory.
 */
void acpi_init(const struct boot_info *boot);

/* Never NULL. */
const struct acpi_info *acpi_info(void);

#endif
