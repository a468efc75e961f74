/*
 * acpi_tables.c - ACPI's tables, read by someone who does not trust them.
 *
 * From the root pointer to the list of tables (XSDT, or the older RSDT), and from each table of interest to
 * what struct acpi_info tells. A table counts if it lies whole in memory that can be read, has a length that
 * fits its kind, and adds up to zero; of two with one name the first counts. Firmware may claim thousands of
 * tables, or the same one a thousand times: both the number looked at and the bytes read are bounded.
 *
 * AML is never run. The one value needed from it, the sleep type of S5, stands in nearly every DSDT as a
 * plain Name(_S5_, Package{...}), whose bytes are searched for.
 */
#include "kernel/acpi_tables.h"

#include <string.h>

#include "kernel/log.h"

#define TABLES_MAX       512
#define TABLE_LENGTH_MAX (4u << 20)
#define READ_MAX         (64u << 20) /* all bytes together */
#define COMPLAINTS_MAX   8
#define CHUNK            512

#define SPACE_MEMORY 0
#define SPACE_IO     1

struct reader {
    const struct acpi_memory *mem;
    struct acpi_info *info;
    size_t left; /* of READ_MAX */
    bool seen_hpet, seen_mcfg;
};

/* A table that has been checked. */
struct table {
    uint64_t at;
    struct acpi_header header;
};

static bool reader_copy(struct reader *r, uint64_t at, void *to, size_t len)
{
    if (len > r->left || len > UINT64_MAX - at)
        return false;
    r->left -= len;
    return r->mem->read(r->mem, at, to, len);
}

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    while (len--)
        sum = (uint8_t)(sum + *bytes++);
    return sum;
}

bool acpi_rsdp_sound(const uint8_t *bytes, size_t len)
{
    struct acpi_rsdp rsdp = {0};
    if (len < ACPI_RSDP_SIZE_1 || memcmp(bytes, "RSD PTR ", 8) != 0 || sum_of(bytes, ACPI_RSDP_SIZE_1) != 0)
        return false;
    memcpy(&rsdp, bytes, min(len, sizeof(rsdp)));
    return rsdp.rsdt || (rsdp.revision >= 2 && rsdp.xsdt);
}

/* --- one table --- */

static bool table_sums_up(struct reader *r, const struct table *t)
{
    uint8_t bytes[CHUNK], sum = 0;
    for (uint32_t at = 0; at < t->header.length; at += CHUNK) {
        size_t len = min((size_t)(t->header.length - at), sizeof(bytes));
        if (!reader_copy(r, t->at + at, bytes, len))
            return false;
        sum = (uint8_t)(sum + sum_of(bytes, len));
    }
    return sum == 0;
}

static const char *table_fault(struct reader *r, struct table *t)
{
    if (!t->at || !reader_copy(r, t->at, &t->header, sizeof(t->header)))
        return "it does not lie in memory";
    if (t->header.length < sizeof(t->header) || t->header.length > TABLE_LENGTH_MAX)
        return "its length is impossible";
    if (!table_sums_up(r, t))
        return "its sum is wrong, or it does not lie in memory whole";
    return NULL;
}

static void complain(struct reader *r, const struct table *t, const char *fault)
{
    char name[5] = "????";
    for (unsigned i = 0; i < 4; i++)
        if (t->header.signature[i] > ' ' && t->header.signature[i] <= '~')
            name[i] = t->header.signature[i];
    if (r->info->nr_ignored++ < COMPLAINTS_MAX)
        pr_warn("ACPI: table %s at 0x%llx is ignored: %s", name, (unsigned long long)t->at, fault);
}

static bool table_open(struct reader *r, uint64_t at, struct table *t)
{
    *t = (struct table){.at = at};
    const char *fault = table_fault(r, t);
    if (fault)
        complain(r, t, fault);
    else
        r->info->nr_tables++;
    return !fault;
}

static bool table_is(const struct table *t, const char *signature)
{
    return memcmp(t->header.signature, signature, sizeof(t->header.signature)) == 0;
}

/* Copies what the table has of `size` bytes from `offset` on, the rest is zero. */
static void table_copy(struct reader *r, const struct table *t, uint32_t offset, void *to, size_t size)
{
    memset(to, 0, size);
    if (offset >= t->header.length)
        return;
    size_t len = min(size, (size_t)(t->header.length - offset));
    if (!reader_copy(r, t->at + offset, to, len))
        memset(to, 0, size);
}

/* --- MADT (5.2.12) --- */

static void madt_ioapic(struct acpi_info *info, const struct acpi_madt_ioapic *e)
{
    if (info->nr_ioapics < ACPI_IOAPICS_MAX && e->address)
        info->ioapics[info->nr_ioapics++] =
            (struct acpi_ioapic){.id = e->id, .gsi_base = e->gsi_base, .address = e->address};
}

/* ISA's interrupts are edge-triggered and active high where the entry says "as the bus has it". */
static void madt_override(struct acpi_info *info, const struct acpi_madt_override *e)
{
    if (info->nr_overrides < ACPI_OVERRIDES_MAX && e->bus == 0)
        info->overrides[info->nr_overrides++] =
            (struct acpi_override){.irq = e->source,
                                   .gsi = e->gsi,
                                   .level = MADT_TRIGGER(e->flags) == 3,
                                   .active_low = MADT_POLARITY(e->flags) == 3};
}

static void madt_entry(struct acpi_info *info, const uint8_t *bytes, uint8_t length)
{
    union {
        struct acpi_madt_entry entry;
        struct acpi_madt_lapic lapic;
        struct acpi_madt_ioapic ioapic;
        struct acpi_madt_override override;
        struct acpi_madt_lapic_address lapic_address;
        struct acpi_madt_x2apic x2apic;
    } e = {0};
    memcpy(&e, bytes, min((size_t)length, sizeof(e)));
    if (e.entry.type == MADT_LAPIC && length >= sizeof(e.lapic))
        info->nr_cpus += e.lapic.flags & MADT_CPU_ENABLED;
    else if (e.entry.type == MADT_X2APIC && length >= sizeof(e.x2apic))
        info->nr_cpus += e.x2apic.flags & MADT_CPU_ENABLED;
    else if (e.entry.type == MADT_IOAPIC && length >= sizeof(e.ioapic))
        madt_ioapic(info, &e.ioapic);
    else if (e.entry.type == MADT_OVERRIDE && length >= sizeof(e.override))
        madt_override(info, &e.override);
    else if (e.entry.type == MADT_LAPIC_ADDRESS && length >= sizeof(e.lapic_address))
        info->lapic_address = e.lapic_address.address;
}

static void read_madt(struct reader *r, const struct table *t)
{
    struct acpi_madt madt;
    if (r->info->has_madt || t->header.length < sizeof(madt))
        return;
    table_copy(r, t, 0, &madt, sizeof(madt));
    r->info->has_madt = true;
    r->info->has_8259 = madt.flags & MADT_PCAT_COMPAT;
    r->info->lapic_address = madt.lapic_address;
    for (uint32_t at = sizeof(madt); t->header.length - at >= sizeof(struct acpi_madt_entry);) {
        uint8_t bytes[UINT8_MAX];
        table_copy(r, t, at, bytes, sizeof(bytes));
        uint8_t length = bytes[offsetof(struct acpi_madt_entry, length)];
        if (length < sizeof(struct acpi_madt_entry) || length > t->header.length - at)
            break;
        madt_entry(r->info, bytes, length);
        at += length;
    }
}

/* --- HPET and MCFG --- */

static void read_hpet(struct reader *r, const struct table *t)
{
    struct acpi_hpet hpet;
    table_copy(r, t, 0, &hpet, sizeof(hpet));
    if (!r->seen_hpet && hpet.base.space == SPACE_MEMORY)
        r->info->hpet_address = hpet.base.address;
    r->seen_hpet = true;
}

/* PCI Firmware Specification 3.3, 4.1.2. A bus has 1 MiB, so the base is a multiple of that. */
static void read_mcfg(struct reader *r, const struct table *t)
{
    struct acpi_info *info = r->info;
    struct acpi_mcfg_entry e;
    for (uint32_t at = ACPI_MCFG_ENTRIES; !r->seen_mcfg && at <= t->header.length &&
                                          t->header.length - at >= sizeof(e) && info->nr_mcfg < ACPI_MCFG_MAX;
         at += sizeof(e)) {
        table_copy(r, t, at, &e, sizeof(e));
        if (e.base && e.base % (1u << 20) == 0 && e.first_bus <= e.last_bus)
            info->mcfg[info->nr_mcfg++] = (struct acpi_mcfg){
                .base = e.base, .segment = e.segment, .first_bus = e.first_bus, .last_bus = e.last_bus};
    }
    r->seen_mcfg = true;
}

/* --- _S5 in AML --- */

/* The longest that is looked at: root character, name, package with its length and two numbers of 8 bytes. */
#define S5_SPAN 40

enum aml {
    AML_ZERO = 0,
    AML_ONE = 1,
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD,
    AML_DWORD,
    AML_PACKAGE = 0x12
};

/* A number at *at (20.2.3), of which the low byte is kept. Return: false if none stands there. */
static bool aml_number(const uint8_t *bytes, size_t len, size_t *at, uint8_t *value)
{
    if (*at >= len)
        return false;
    uint8_t op = bytes[(*at)++];
    size_t size = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;
    *value = op == AML_ONE;
    if (op == AML_ZERO || op == AML_ONE)
        return true;
    if (!size || len - *at < size)
        return false;
    *value = bytes[*at];
    *at += size;
    return true;
}

/*
 * Whether a Name(_S5_, Package) starts at bytes[0] (20.2.5.1, 20.2.5.4). The length of a package (20.2.4) has
 * as many bytes more as the two high bits of its first say.
 */
static bool aml_s5(const uint8_t *bytes, size_t len, uint8_t *type_a, uint8_t *type_b)
{
    size_t at = 0;
    if (len < 10 || bytes[at++] != AML_NAME)
        return false;
    if (bytes[at] == '\\')
        at++;
    if (memcmp(bytes + at, "_S5_", 4) != 0 || bytes[at + 4] != AML_PACKAGE)
        return false;
    at += 5;
    at += 1u + (bytes[at] >> 6);
    if (at >= len)
        return false;
    uint8_t elements = bytes[at++];
    if (!elements || !aml_number(bytes, len, &at, type_a) || *type_a > 7)
        return false;
    *type_b = *type_a; /* with one element, it is for both registers */
    return elements == 1 || (aml_number(bytes, len, &at, type_b) && *type_b <= 7);
}

/* Read in pieces that overlap by S5_SPAN, so that none is missed between two. */
static void read_aml(struct reader *r, const struct table *t)
{
    uint8_t bytes[CHUNK + S5_SPAN];
    for (uint32_t at = sizeof(t->header); at < t->header.length && !r->info->has_s5; at += CHUNK) {
        size_t len = min(sizeof(bytes), (size_t)(t->header.length - at));
        table_copy(r, t, at, bytes, len);
        for (size_t i = 0; i < min(len, (size_t)CHUNK) && !r->info->has_s5; i++)
            if (bytes[i] == AML_NAME)
                r->info->has_s5 = aml_s5(bytes + i, len - i, &r->info->s5_type_a, &r->info->s5_type_b);
    }
}

/* --- FADT (5.2.9) --- */

static struct acpi_register register_of(const struct acpi_gas *gas)
{
    return (struct acpi_register){.space = gas->space,
                                  .bit_width = gas->bit_width,
                                  .bit_offset = gas->bit_offset,
                                  .access = gas->access,
                                  .address = gas->address};
}

/* Where a block of registers of `len` bytes lies: the extended field counts if it tells ports, else the old
 * one. */
static uint16_t port_of(uint32_t old, const struct acpi_gas *extended, unsigned len)
{
    uint64_t port = extended->space == SPACE_IO && extended->address ? extended->address : old;
    return port <= 0x10000u - len ? (uint16_t)port : 0;
}

static void fadt_registers(struct acpi_info *info, const struct acpi_fadt *f)
{
    unsigned event = f->pm1_event_length >= 4 && f->pm1_event_length <= 64 ? f->pm1_event_length : 4;
    info->sci_irq = f->sci_irq;
    info->smi_command = f->smi_command <= UINT16_MAX ? (uint16_t)f->smi_command : 0;
    info->acpi_enable = f->acpi_enable;
    info->pm1_event_length = (uint8_t)event;
    info->pm1a_event = port_of(f->pm1a_event, &f->x_pm1a_event, event);
    info->pm1b_event = port_of(f->pm1b_event, &f->x_pm1b_event, event);
    info->pm1a_control = port_of(f->pm1a_control, &f->x_pm1a_control, 2);
    info->pm1b_control = port_of(f->pm1b_control, &f->x_pm1b_control, 2);
    info->pm_timer = port_of(f->pm_timer, &f->x_pm_timer, 4);
    info->gpe0_length = f->gpe0_length;
    info->gpe1_length = f->gpe1_length;
    info->gpe0 = port_of(f->gpe0, &f->x_gpe0, f->gpe0_length);
    info->gpe1 = port_of(f->gpe1, &f->x_gpe1, f->gpe1_length);
    info->pm_timer_32bit = f->flags & FADT_TIMER_32BIT;
    info->button_by_method = f->flags & FADT_BUTTON_BY_METHOD;
}

/* What ACPI 2.0 brought; in a table of revision 1 these bytes are reserved, or missing. */
static void fadt_since_2(struct acpi_info *info, const struct acpi_fadt *f)
{
    info->no_8042 = !(f->boot_arch & FADT_ARCH_8042);
    info->no_vga = f->boot_arch & FADT_ARCH_NO_VGA;
    info->no_msi = f->boot_arch & FADT_ARCH_NO_MSI;
    info->no_aspm = f->boot_arch & FADT_ARCH_NO_ASPM;
    info->no_rtc = f->boot_arch & FADT_ARCH_NO_RTC;
    if (f->flags & FADT_RESET_SUPPORTED) {
        info->reset = register_of(&f->reset);
        info->reset_value = f->reset_value;
    }
}

static void fadt_hw_reduced(struct acpi_info *info, const struct acpi_fadt *f)
{
    info->hw_reduced = true;
    info->sleep_control = register_of(&f->sleep_control);
    info->sleep_status = register_of(&f->sleep_status);
}

static void read_fadt(struct reader *r, const struct table *t)
{
    struct acpi_fadt f;
    struct table dsdt;
    if (r->info->has_fadt || t->header.length < ACPI_FADT_SIZE_1)
        return;
    table_copy(r, t, 0, &f, sizeof(f));
    r->info->has_fadt = true;
    r->info->century = f.century;
    if (f.header.revision >= FADT_REVISION_2)
        fadt_since_2(r->info, &f);
    if (f.header.revision >= 5 && (f.flags & FADT_HW_REDUCED))
        fadt_hw_reduced(r->info, &f);
    else
        fadt_registers(r->info, &f);
    if (table_open(r, f.x_dsdt ? f.x_dsdt : f.dsdt, &dsdt) && table_is(&dsdt, "DSDT"))
        read_aml(r, &dsdt);
}

/* --- the list of tables --- */

static void read_table(struct reader *r, uint64_t at)
{
    static const struct {
        char signature[5];
        void (*read)(struct reader *r, const struct table *t);
    } kinds[] = {{"APIC", read_madt},
                 {"FACP", read_fadt},
                 {"HPET", read_hpet},
                 {"MCFG", read_mcfg},
                 {"SSDT", read_aml}};
    struct table t;
    if (!table_open(r, at, &t))
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (table_is(&t, kinds[i].signature))
            kinds[i].read(r, &t);
}

/* RSDT and XSDT differ by the size of an address. Return: false if this one is no list. */
static bool read_list(struct reader *r, uint64_t at, const char *signature, unsigned address_size)
{
    struct table list;
    if (!at || !table_open(r, at, &list) || !table_is(&list, signature))
        return false;
    uint32_t count = (list.header.length - (uint32_t)sizeof(list.header)) / address_size;
    if (count > TABLES_MAX) {
        pr_warn("ACPI: %s lists %u tables; the first %u are looked at", signature, count, TABLES_MAX);
        r->info->nr_ignored += count - TABLES_MAX;
    }
    for (uint32_t i = 0; i < min(count, (uint32_t)TABLES_MAX); i++) {
        uint64_t address = 0;
        table_copy(r, &list, (uint32_t)sizeof(list.header) + i * address_size, &address, address_size);
        read_table(r, address);
    }
    return true;
}

void acpi_tables_read(const struct acpi_memory *mem, const uint8_t *rsdp_bytes, size_t len,
                      struct acpi_info *info)
{
    struct reader r = {.mem = mem, .info = info, .left = READ_MAX};
    struct acpi_rsdp rsdp = {0};
    memcpy(&rsdp, rsdp_bytes, min(len, sizeof(rsdp)));
    *info = (struct acpi_info){0};
    memcpy(info->oem, rsdp.oem, sizeof(rsdp.oem));
    for (unsigned i = 0; i < sizeof(rsdp.oem); i++)
        if (info->oem[i] <= ' ' || info->oem[i] > '~')
            info->oem[i] = '\0';

    bool extended = len >= sizeof(rsdp) && rsdp.revision >= 2 && sum_of(rsdp_bytes, sizeof(rsdp)) == 0;
    info->present = (extended && read_list(&r, rsdp.xsdt, "XSDT", sizeof(uint64_t))) ||
                    read_list(&r, rsdp.rsdt, "RSDT", sizeof(uint32_t));
}
