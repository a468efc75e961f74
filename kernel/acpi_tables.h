/*
 * acpi_tables.h - the shapes of ACPI's tables, and the function that reads them through an accessor.
 *
 * Advanced Configuration and Power Interface 6.5, 5.2. Where tables lie is the accessor's to know, so that
 * the same reader works on physical memory (kernel/x86/acpi.c) and on a test's bytes.
 */
#ifndef KERNEL_ACPI_TABLES_H
#define KERNEL_ACPI_TABLES_H

#include "kernel/types.h"
#include "kernel/x86/acpi.h"

struct acpi_rsdp {
    char signature[8]; /* "RSD PTR " */
    uint8_t sum;       /* the first 20 bytes add up to 0 */
    char oem[6];
    uint8_t revision; /* 0: ends here */
    uint32_t rsdt;
    uint32_t length; /* of all of it */
    uint64_t xsdt;
    uint8_t sum_all, reserved[3];
} __packed;
#define ACPI_RSDP_SIZE_1 20
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

struct acpi_header {
    char signature[4];
    uint32_t length; /* with this header */
    uint8_t revision, sum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __packed;
_Static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

struct acpi_gas {
    uint8_t space, bit_width, bit_offset, access;
    uint64_t address;
} __packed;
_Static_assert(sizeof(struct acpi_gas) == 12, "ACPI 5.2.3.2");

struct acpi_fadt {
    struct acpi_header header;
    uint32_t facs, dsdt;
    uint8_t reserved0, profile;
    uint16_t sci_irq;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
    uint8_t gpe0_length, gpe1_length, gpe1_base, cstate;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_arch;
    uint8_t reserved1;
    uint32_t flags;
    struct acpi_gas reset;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_revision;
    uint64_t x_facs, x_dsdt;
    struct acpi_gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer;
    struct acpi_gas x_gpe0, x_gpe1, sleep_control, sleep_status;
    uint64_t hypervisor;
} __packed;
#define ACPI_FADT_SIZE_1 116
_Static_assert(offsetof(struct acpi_fadt, flags) == 112 && sizeof(struct acpi_fadt) == 276, "ACPI 5.2.9");

#define FADT_REVISION_2       3 /* of the ACPI that brought boot_arch and the fields behind flags */
#define FADT_ARCH_8042        (1u << 1)
#define FADT_ARCH_NO_VGA      (1u << 2)
#define FADT_ARCH_NO_MSI      (1u << 3)
#define FADT_ARCH_NO_ASPM     (1u << 4)
#define FADT_ARCH_NO_RTC      (1u << 5)
#define FADT_BUTTON_BY_METHOD (1u << 4)
#define FADT_TIMER_32BIT      (1u << 8)
#define FADT_RESET_SUPPORTED  (1u << 10)
#define FADT_HW_REDUCED       (1u << 20)

struct acpi_madt {
    struct acpi_header header;
    uint32_t lapic_address;
    uint32_t flags;
} __packed;
#define MADT_PCAT_COMPAT (1u << 0)

enum acpi_madt_type {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_ADDRESS = 5,
    MADT_X2APIC = 9,
};

struct acpi_madt_entry {
    uint8_t type, length;
};

struct acpi_madt_lapic {
    struct acpi_madt_entry entry;
    uint8_t processor, apic_id;
    uint32_t flags;
} __packed;
#define MADT_CPU_ENABLED (1u << 0)

struct acpi_madt_ioapic {
    struct acpi_madt_entry entry;
    uint8_t id, reserved;
    uint32_t address, gsi_base;
} __packed;

struct acpi_madt_override {
    struct acpi_madt_entry entry;
    uint8_t bus, source;
    uint32_t gsi;
    uint16_t flags;
} __packed;
#define MADT_POLARITY(flags) ((flags)&3)        /* 0: as the bus has it, 1: active high, 3: active low */
#define MADT_TRIGGER(flags)  ((flags) >> 2 & 3) /* 0: as the bus has it, 1: edge, 3: level */

struct acpi_madt_lapic_address {
    struct acpi_madt_entry entry;
    uint16_t reserved;
    uint64_t address;
} __packed;

struct acpi_madt_x2apic {
    struct acpi_madt_entry entry;
    uint16_t reserved;
    uint32_t apic_id, flags, processor;
} __packed;

struct acpi_hpet {
    struct acpi_header header;
    uint32_t block_id;
    struct acpi_gas base;
    uint8_t number;
    uint16_t min_tick;
    uint8_t protection;
} __packed;

struct acpi_mcfg_entry {
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved;
} __packed;
#define ACPI_MCFG_ENTRIES 44 /* where they start */

/* Physical memory as the reader sees it. read() copies all `len` bytes, or refuses (false). */
struct acpi_memory {
    bool (*read)(const struct acpi_memory *self, uint64_t phys, void *to, size_t len);
};

/**
 * acpi_rsdp_sound - whether bytes are a root pointer: signature, lengths and sums
 * @len: how many there are
 */
bool acpi_rsdp_sound(const uint8_t *bytes, size_t len);

/**
 * acpi_tables_read - from a root pointer to everything that struct acpi_info tells
 * @rsdp: a sound one, ACPI_RSDP_SIZE_1 bytes or sizeof(struct acpi_rsdp)
 * @info: overwritten
 *
 * Whatever the tables say, it reads a bounded number of bytes through `mem` and ends.
 */
void acpi_tables_read(const struct acpi_memory *mem, const uint8_t *rsdp, size_t len, struct acpi_info *info);

#endif
