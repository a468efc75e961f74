/*
 * fuzz_acpi.c - any bytes as the memory in which ACPI's tables lie. The first 36 are the root pointer; a
 * fuzzer cannot guess sums, so a first pass repairs those of every table that the lists name, a second takes
 * them as they are. Addresses are taken modulo the size of the memory, so that pointers lead somewhere.
 */
#include "kernel/acpi_tables.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct {
    struct acpi_memory memory;
    uint8_t *bytes;
    size_t len;
    bool repair;
} m;

/* What is read in the length of a header is one: it is given the sum that makes its table sound. */
static void repair(size_t at)
{
    struct acpi_header header;
    memcpy(&header, m.bytes + at, sizeof(header));
    if (header.length < sizeof(header) || header.length > m.len - at)
        return;
    uint8_t sum = 0;
    for (size_t i = 0; i < header.length; i++)
        sum = (uint8_t)(sum + m.bytes[at + i]);
    m.bytes[at + offsetof(struct acpi_header, sum)] = (uint8_t)(header.sum - sum);
}

static bool memory_read(const struct acpi_memory *self, uint64_t phys, void *to, size_t len)
{
    size_t at = phys % m.len;
    if (len > m.len - at)
        return false;
    if (m.repair && len == sizeof(struct acpi_header))
        repair(at);
    memcpy(to, m.bytes + at, len);
    return true;
}

static void read_and_check(void)
{
    struct acpi_info info;
    acpi_rsdp_sound(m.bytes, m.len);
    acpi_tables_read(&m.memory, m.bytes, sizeof(struct acpi_rsdp), &info);
    if (info.nr_ioapics > ACPI_IOAPICS_MAX || info.nr_overrides > ACPI_OVERRIDES_MAX ||
        info.nr_mcfg > ACPI_MCFG_MAX || info.s5_type_a > 7 || info.s5_type_b > 7 || strlen(info.oem) > 6)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < sizeof(struct acpi_rsdp))
        return 0;
    m.memory.read = memory_read;
    m.bytes = malloc(len);
    m.len = len;
    memcpy(m.bytes, data, len);
    m.repair = false;
    read_and_check();
    m.repair = true;
    m.bytes[15] = 2; /* revision: the longer root pointer counts */
    uint8_t sum = 0;
    for (size_t i = 0; i < sizeof(struct acpi_rsdp); i++)
        sum = (uint8_t)(sum + m.bytes[i]);
    m.bytes[32] = (uint8_t)(m.bytes[32] - sum);
    read_and_check();
    free(m.bytes);
    return 0;
}
