/*
 * acpi_bytes.h - a machine's ACPI tables as a test makes them: bytes in a window of physical memory.
 */
#ifndef TESTS_UNIT_ACPI_BYTES_H
#define TESTS_UNIT_ACPI_BYTES_H

#include <stdlib.h>
#include <string.h>

#include "kernel/acpi_tables.h"

#define WINDOW_AT   0xbffe0000u
#define WINDOW_SIZE (256u * 1024)

struct acpi_bytes {
    struct acpi_memory memory;
    uint8_t *window; /* from WINDOW_AT on; nothing else is memory */
    size_t used;
    size_t bytes_read;
    struct acpi_rsdp rsdp;
    uint64_t tables[1024];
    unsigned nr_tables;
};

static inline bool acpi_bytes_read(const struct acpi_memory *self, uint64_t phys, void *to, size_t len)
{
    struct acpi_bytes *a = (struct acpi_bytes *)(uintptr_t)self; /* memory is its first member */
    a->bytes_read += len;
    if (phys < WINDOW_AT || phys - WINDOW_AT > WINDOW_SIZE || len > WINDOW_SIZE - (phys - WINDOW_AT))
        return false;
    memcpy(to, a->window + (phys - WINDOW_AT), len);
    return true;
}

static inline void acpi_bytes_fix_sum(void *bytes, size_t len, uint8_t *sum)
{
    uint8_t all = 0;
    *sum = 0;
    for (size_t i = 0; i < len; i++)
        all = (uint8_t)(all + ((const uint8_t *)bytes)[i]);
    *sum = (uint8_t)-all;
}

/* Puts a table into the window: header and sum are made, `size` counts both. Return: its address. */
static inline uint64_t acpi_bytes_put(struct acpi_bytes *a, const char *signature, uint8_t revision,
                                      const void *table, size_t size)
{
    uint8_t *at = a->window + a->used;
    struct acpi_header *header = (struct acpi_header *)at;
    if (size > WINDOW_SIZE - a->used)
        abort();
    memcpy(at, table, size);
    memset(header, 0, sizeof(*header));
    memcpy(header->signature, signature, sizeof(header->signature));
    header->length = (uint32_t)size;
    header->revision = revision;
    acpi_bytes_fix_sum(at, size, &header->sum);
    a->used += (size + 15) & ~(size_t)15;
    return WINDOW_AT + (uint64_t)(at - a->window);
}

/* The same, and lists it. */
static inline struct acpi_header *acpi_bytes_add(struct acpi_bytes *a, const char *signature,
                                                 uint8_t revision, const void *table, size_t size)
{
    uint64_t at = acpi_bytes_put(a, signature, revision, table, size);
    a->tables[a->nr_tables++] = at;
    return (struct acpi_header *)(a->window + (at - WINDOW_AT));
}

static inline void acpi_bytes_fix_rsdp(struct acpi_bytes *a)
{
    memcpy(a->rsdp.signature, "RSD PTR ", 8);
    a->rsdp.length = sizeof(a->rsdp);
    acpi_bytes_fix_sum(&a->rsdp, ACPI_RSDP_SIZE_1, &a->rsdp.sum);
    acpi_bytes_fix_sum(&a->rsdp, sizeof(a->rsdp), &a->rsdp.sum_all);
}

/* The two lists of all that was added, and the root pointer. */
static inline void acpi_bytes_finish(struct acpi_bytes *a)
{
    struct {
        struct acpi_header header;
        uint64_t at[1024];
    } __packed xsdt;
    struct {
        struct acpi_header header;
        uint32_t at[1024];
    } __packed rsdt;
    for (unsigned i = 0; i < a->nr_tables; i++) {
        xsdt.at[i] = a->tables[i];
        rsdt.at[i] = (uint32_t)a->tables[i];
    }
    a->rsdp = (struct acpi_rsdp){.oem = "TEST  ", .revision = 2};
    a->rsdp.rsdt = (uint32_t)acpi_bytes_put(a, "RSDT", 1, &rsdt,
                                            sizeof(rsdt.header) + a->nr_tables * sizeof(rsdt.at[0]));
    a->rsdp.xsdt =
        acpi_bytes_put(a, "XSDT", 1, &xsdt, sizeof(xsdt.header) + a->nr_tables * sizeof(xsdt.at[0]));
    acpi_bytes_fix_rsdp(a);
}

static inline void acpi_bytes_init(struct acpi_bytes *a)
{
    *a = (struct acpi_bytes){.memory = {acpi_bytes_read}, .window = calloc(1, WINDOW_SIZE)};
}

static inline void acpi_bytes_free(struct acpi_bytes *a)
{
    free(a->window);
}

#endif
