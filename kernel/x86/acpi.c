/*
 * acpi.c - where ACPI's tables are on this machine, and what they told.
 *
 * The root pointer comes from the boot loader (multiboot 2, always under UEFI), or is searched where a BIOS
 * keeps it (ACPI 6.5, 5.2.5.1). Tables are read where the memory map has memory, of whatever kind, or in the
 * BIOS's own area: a wrong pointer must not lead to the registers of a device.
 */
#include "kernel/x86/acpi.h"

#include <string.h>

#include "kernel/acpi_tables.h"
#include "kernel/cmdline.h"
#include "kernel/log.h"

#define BOOT_MAPPED   (4ull << 30)
#define EBDA_SEGMENT  0x40e /* of the BIOS data area: where the extended one starts, in 16 bytes */
#define EBDA_SEARCHED 1024
#define BIOS_START    0xa0000
#define BIOS_SEARCH   0xe0000
#define BIOS_END      0x100000
#define RSDP_ALIGN    16

static struct acpi_info info;
static const struct boot_info *boot_info;

const struct acpi_info *acpi_info(void)
{
    return &info;
}

/* Whether all of it lies within one range; neighbours have been joined. */
static bool lies_within(const struct mem_range *ranges, unsigned count, uint64_t phys, size_t len)
{
    for (unsigned i = 0; i < count; i++)
        if (phys >= ranges[i].start && phys < ranges[i].end && len <= ranges[i].end - phys)
            return true;
    return false;
}

static bool memory_read(const struct acpi_memory *self, uint64_t phys, void *to, size_t len)
{
    static const struct mem_range bios = {BIOS_START, BIOS_END};
    if (phys >= BOOT_MAPPED || len > BOOT_MAPPED - phys)
        return false;
    if (!lies_within(&bios, 1, phys, len) &&
        !lies_within(boot_info->firmware, boot_info->nr_firmware, phys, len) &&
        !lies_within(boot_info->ram, boot_info->nr_ram, phys, len))
        return false;
    memcpy(to, (const void *)(uintptr_t)phys, len);
    return true;
}

static const uint8_t *search(uintptr_t start, uintptr_t end)
{
    for (uintptr_t at = start; at + sizeof(struct acpi_rsdp) <= end; at += RSDP_ALIGN)
        if (acpi_rsdp_sound((const uint8_t *)at, sizeof(struct acpi_rsdp)))
            return (const uint8_t *)at;
    return NULL;
}

/* The compiler takes constant addresses this low for null pointers, so it must not see where this leads. */
static uintptr_t ebda_start(void)
{
    uintptr_t at = EBDA_SEGMENT;
    __asm__("" : "+r"(at));
    const uint16_t *segment = (const uint16_t *)at;
    return (uintptr_t)*segment << 4;
}

static const uint8_t *find_rsdp(const struct boot_info *boot, size_t *len)
{
    *len = boot->acpi_rsdp_len;
    if (*len && acpi_rsdp_sound(boot->acpi_rsdp, *len))
        return boot->acpi_rsdp;
    uintptr_t ebda = ebda_start();
    *len = sizeof(struct acpi_rsdp);
    const uint8_t *rsdp = NULL;
    if (ebda >= 0x80000 && ebda < BIOS_START)
        rsdp = search(ebda, min(ebda + EBDA_SEARCHED, (uintptr_t)BIOS_START));
    return rsdp ? rsdp : search(BIOS_SEARCH, BIOS_END);
}

void acpi_init(const struct boot_info *boot)
{
    const struct acpi_memory memory = {memory_read};
    const char *word = cmdline_get("acpi");
    size_t len;
    if (word && strcmp(word, "off") == 0) {
        pr_notice("ACPI: off, as the command line says");
        return;
    }
    if (word)
        pr_warn("command line: acpi=%s is unknown; there is acpi=off", word);
    const uint8_t *rsdp = find_rsdp(boot, &len);
    if (!rsdp) {
        pr_notice("ACPI: this machine has no tables");
        return;
    }
    boot_info = boot;
    acpi_tables_read(&memory, rsdp, len, &info);
    if (!info.present) {
        pr_warn("ACPI: the list of tables cannot be read; going on without");
        return;
    }
    pr_info("ACPI: %u tables of %s, %u ignored; %u CPUs, %u I/O APICs%s%s%s%s", info.nr_tables, info.oem,
            info.nr_ignored, info.nr_cpus, info.nr_ioapics, info.hpet_address ? ", HPET" : "",
            info.pm_timer ? ", PM timer" : "", info.nr_mcfg ? ", MCFG" : "",
            info.hw_reduced ? ", hardware-reduced" : "");
}
