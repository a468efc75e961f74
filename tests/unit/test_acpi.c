/*
 * test_acpi.c - ACPI's tables, sound and broken: what is right is told, what is wrong is left out, and it
 * ends.
 */
#include "tests/unit/test.h"

#include "tests/unit/acpi_bytes.h"

static struct acpi_bytes a;
static struct acpi_info info;

static int setup(void **state)
{
    acpi_bytes_init(&a);
    memset(&info, 0xee, sizeof(info));
    return 0;
}

static int teardown(void **state)
{
    acpi_bytes_free(&a);
    return 0;
}

static void read_tables(void)
{
    acpi_bytes_finish(&a);
    assert_true(acpi_rsdp_sound((const uint8_t *)&a.rsdp, sizeof(a.rsdp)));
    acpi_tables_read(&a.memory, (const uint8_t *)&a.rsdp, sizeof(a.rsdp), &info);
}

/* A DSDT whose AML is `bytes`, behind `before` bytes of other things. */
static uint64_t put_dsdt(const char *bytes, size_t len, size_t before)
{
    uint8_t table[8192] = {0};
    memset(table + sizeof(struct acpi_header), 0x08, before); /* NameOp: it has to look twice at each */
    memcpy(table + sizeof(struct acpi_header) + before, bytes, len);
    return acpi_bytes_put(&a, "DSDT", 2, table, sizeof(struct acpi_header) + before + len);
}

static struct acpi_fadt pc_fadt(void)
{
    return (struct acpi_fadt){.dsdt =
                                  (uint32_t)put_dsdt("\x08_S5_\x12\x06\x04\x0a\x05\x0a\x07\x00\x00", 13, 0),
                              .sci_irq = 9,
                              .smi_command = 0xb2,
                              .acpi_enable = 0xf1,
                              .pm1a_event = 0x600,
                              .pm1a_control = 0x604,
                              .pm_timer = 0x608,
                              .pm1_event_length = 4,
                              .century = 0x32,
                              .boot_arch = FADT_ARCH_NO_MSI,
                              .flags = FADT_RESET_SUPPORTED | FADT_TIMER_32BIT,
                              .reset = {1, 8, 0, 1, 0xcf9},
                              .reset_value = 6};
}

#define S5_NAME "\x08_S5_\x12"

TEST("a FADT tells ports, interrupt, reset register and, through its DSDT, how to switch off (ACPI 5.2.9)")
{
    struct acpi_fadt fadt = pc_fadt();
    acpi_bytes_add(&a, "FACP", 3, &fadt, 244);
    read_tables();
    assert_true(info.present && info.has_fadt && info.has_s5);
    assert_string_equal(info.oem, "TEST");
    assert_int_equal(info.sci_irq, 9);
    assert_int_equal(info.smi_command, 0xb2);
    assert_int_equal(info.pm1a_event, 0x600);
    assert_int_equal(info.pm1a_control, 0x604);
    assert_int_equal(info.pm1b_control, 0);
    assert_int_equal(info.pm_timer, 0x608);
    assert_true(info.pm_timer_32bit && info.no_8042 && info.no_msi && !info.no_vga && !info.hw_reduced);
    assert_int_equal(info.reset.address, 0xcf9);
    assert_int_equal(info.reset_value, 6);
    assert_int_equal(info.s5_type_a, 5);
    assert_int_equal(info.s5_type_b, 7);
    assert_int_equal(info.nr_ignored, 0);
}

TEST("in a FADT of revision 1 the fields that ACPI 2.0 brought are not believed")
{
    struct acpi_fadt fadt = pc_fadt();
    acpi_bytes_add(&a, "FACP", 1, &fadt, ACPI_FADT_SIZE_1);
    read_tables();
    assert_true(info.has_fadt && !info.no_8042 && !info.no_msi);
    assert_int_equal(info.reset.address, 0);
    assert_int_equal(info.pm1a_control, 0x604);
}

TEST("extended addresses of the FADT count if they are ports, and ports beyond the last do not")
{
    struct acpi_fadt fadt = pc_fadt();
    fadt.x_pm1a_control = (struct acpi_gas){.space = 1, .address = 0x804};
    fadt.x_pm_timer = (struct acpi_gas){.space = 0, .address = 0xfed80808};
    fadt.pm1b_control = 0xffff;
    acpi_bytes_add(&a, "FACP", 3, &fadt, 244);
    read_tables();
    assert_int_equal(info.pm1a_control, 0x804);
    assert_int_equal(info.pm_timer, 0x608);
    assert_int_equal(info.pm1b_control, 0);
}

TEST("a hardware-reduced machine has no PM1 registers, whatever stands there, but sleep registers (ACPI 4.1)")
{
    struct acpi_fadt fadt = pc_fadt();
    fadt.flags |= FADT_HW_REDUCED;
    fadt.sleep_control = (struct acpi_gas){.space = 1, .bit_width = 8, .address = 0x604};
    acpi_bytes_add(&a, "FACP", 5, &fadt, sizeof(fadt));
    read_tables();
    assert_true(info.hw_reduced);
    assert_int_equal(info.pm1a_control, 0);
    assert_int_equal(info.pm_timer, 0);
    assert_int_equal(info.sleep_control.address, 0x604);
}

TEST("_S5 is found wherever it stands in the AML, also across the pieces it is read in, and in an SSDT")
{
    static const char root_name[] = "\x08\\_S5_\x12\x08\x04\x01\x0b\x03\x00\x00\x00";
    for (size_t before = 480; before < 530; before++) {
        teardown(NULL), setup(NULL);
        struct acpi_fadt fadt = pc_fadt();
        fadt.dsdt = (uint32_t)put_dsdt(root_name, sizeof(root_name) - 1, before);
        acpi_bytes_add(&a, "FACP", 3, &fadt, 244);
        read_tables();
        assert_true(info.has_s5);
        assert_int_equal(info.s5_type_a, 1);
        assert_int_equal(info.s5_type_b, 3);
    }
    teardown(NULL), setup(NULL);
    uint8_t ssdt[64] = {0};
    memcpy(ssdt + 40, S5_NAME "\x04\x01\x0a\x06", 10);
    acpi_bytes_add(&a, "SSDT", 2, ssdt, sizeof(ssdt));
    read_tables();
    assert_true(info.has_s5);
    assert_int_equal(info.s5_type_b, 6);
}

TEST("an _S5 that is cut, empty, no package, or holds what is no sleep type is not taken")
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{S5_NAME, 6},
               {S5_NAME "\x06", 7},
               {S5_NAME "\x06\x04\x0a", 9},
               {S5_NAME "\x06\x00\x0a\x05\x00", 11},
               {S5_NAME "\x06\x02\x0a\x05\x0c\x01", 12},
               {S5_NAME "\x06\x02\x0a\x08\x0a\x00", 12},
               {S5_NAME "\x06\x02\x0a\x05\x0a\x08", 12},
               {S5_NAME "\x06\x02\x5f\x53\x35\x5f", 12},
               {S5_NAME "\xff\xff\xff\xff", 10},
               {"\x08_S5_\x0a\x05\x00\x00\x00\x00\x00", 12}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        teardown(NULL), setup(NULL);
        struct acpi_fadt fadt = pc_fadt();
        fadt.dsdt = (uint32_t)put_dsdt(bad[i].bytes, bad[i].len, 0);
        acpi_bytes_add(&a, "FACP", 3, &fadt, 244);
        read_tables();
        assert_true(info.has_fadt);
        assert_false(info.has_s5);
    }
}

struct full_madt {
    struct acpi_madt madt;
    struct acpi_madt_lapic cpu[2];
    struct acpi_madt_ioapic ioapic;
    struct acpi_madt_override override[2];
    struct acpi_madt_lapic_address lapic_address;
    struct acpi_madt_x2apic x2apic;
} __attribute__((packed));

static struct full_madt pc_madt(void)
{
    return (struct full_madt){
        .madt = {.lapic_address = 0xfee00000, .flags = MADT_PCAT_COMPAT},
        .cpu = {{{MADT_LAPIC, 8}, 0, 0, 1}, {{MADT_LAPIC, 8}, 1, 1, 0}},
        .ioapic = {{MADT_IOAPIC, 12}, 2, 0, 0xfec00000, 0},
        .override = {{{MADT_OVERRIDE, 10}, 0, 0, 2, 0}, {{MADT_OVERRIDE, 10}, 0, 9, 20, 0xf}},
        .lapic_address = {{MADT_LAPIC_ADDRESS, 12}, 0, 0xfee10000},
        .x2apic = {{MADT_X2APIC, 16}, 0, 300, 1, 2}};
}

TEST("a MADT tells CPUs that are on, I/O APICs, and where ISA's interrupts arrive (ACPI 5.2.12)")
{
    struct full_madt madt = pc_madt();
    acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    read_tables();
    assert_true(info.has_madt && info.has_8259);
    assert_int_equal(info.nr_cpus, 2);
    assert_int_equal(info.lapic_address, 0xfee10000);
    assert_int_equal(info.nr_ioapics, 1);
    assert_int_equal(info.ioapics[0].address, 0xfec00000);
    assert_int_equal(info.nr_overrides, 2);
    assert_int_equal(info.overrides[0].gsi, 2);
    assert_false(info.overrides[0].level || info.overrides[0].active_low);
    assert_true(info.overrides[1].level && info.overrides[1].active_low);
}

TEST(
    "an entry of the MADT of no length, or longer than the table, ends it; one too short for its kind is skipped")
{
    struct full_madt madt = pc_madt();
    madt.ioapic.entry.length = 0;
    acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    read_tables();
    assert_int_equal(info.nr_cpus, 1);
    assert_int_equal(info.nr_ioapics, 0);

    teardown(NULL), setup(NULL);
    madt = pc_madt();
    madt.x2apic.entry.length = 17;
    madt.cpu[0].entry.length = 4; /* what follows is read as an entry of its own: type 1, length 0 */
    acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    read_tables();
    assert_int_equal(info.nr_ioapics, 0);

    teardown(NULL), setup(NULL);
    madt = pc_madt();
    acpi_bytes_add(&a, "APIC", 3, &madt,
                   offsetof(struct full_madt, override) - 1); /* cut within the I/O APIC */
    read_tables();
    assert_int_equal(info.nr_ioapics, 0);
}

TEST("a MADT with hundreds of I/O APICs and overrides fills no more than there is room for")
{
    struct {
        struct acpi_madt madt;
        struct acpi_madt_ioapic ioapic[300];
        struct acpi_madt_override override[300];
    } __attribute__((packed)) madt = {.madt = {.lapic_address = 1}};
    for (unsigned i = 0; i < 300; i++) {
        madt.ioapic[i] =
            (struct acpi_madt_ioapic){{MADT_IOAPIC, 12}, (uint8_t)i, 0, 0xfec00000 + i * 4096, i * 24};
        madt.override[i] = (struct acpi_madt_override){{MADT_OVERRIDE, 10}, 0, (uint8_t)i, i, 0};
    }
    acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    read_tables();
    assert_int_equal(info.nr_ioapics, ACPI_IOAPICS_MAX);
    assert_int_equal(info.nr_overrides, ACPI_OVERRIDES_MAX);
}

TEST("HPET and MCFG are told; an MCFG entry that cannot be is left out (PCI Firmware Specification 4.1.2)")
{
    struct acpi_hpet hpet = {.base = {.space = 0, .address = 0xfed00000}};
    struct {
        uint8_t head[ACPI_MCFG_ENTRIES];
        struct acpi_mcfg_entry entry[4];
    } __attribute__((packed)) mcfg = {.entry = {{0xb0000000, 0, 0, 255, 0},
                                                {0, 1, 0, 255, 0},
                                                {0xb0001000, 2, 0, 255, 0},
                                                {0xc0000000, 3, 9, 8, 0}}};
    acpi_bytes_add(&a, "HPET", 1, &hpet, sizeof(hpet));
    acpi_bytes_add(&a, "MCFG", 1, &mcfg, sizeof(mcfg) - 1);
    read_tables();
    assert_int_equal(info.hpet_address, 0xfed00000);
    assert_int_equal(info.nr_mcfg, 1);
    assert_int_equal(info.mcfg[0].last_bus, 255);
}

TEST(
    "a table whose sum is wrong, that is shorter than its header, or leaves memory is ignored; the others are not")
{
    struct acpi_hpet hpet = {.base = {.space = 0, .address = 0xfed00000}};
    struct full_madt madt = pc_madt();
    struct acpi_header *bad_sum = acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    bad_sum->sum++;
    struct acpi_header *bad_length = acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    bad_length->length = 35;
    struct acpi_header *too_long = acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    too_long->length = WINDOW_SIZE;
    struct acpi_header *endless = acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    endless->length = UINT32_MAX;
    a.tables[a.nr_tables++] = 0;
    a.tables[a.nr_tables++] = WINDOW_AT - 1;
    a.tables[a.nr_tables++] = WINDOW_AT + WINDOW_SIZE - 4;
    acpi_bytes_add(&a, "HPET", 1, &hpet, sizeof(hpet));
    read_tables();
    assert_false(info.has_madt);
    assert_int_equal(info.hpet_address, 0xfed00000);
    assert_int_equal(info.nr_ignored, 7);
}

TEST("of two tables with one name the first counts")
{
    struct acpi_hpet first = {.base = {.address = 0xfed00000}}, second = {.base = {.address = 0xfed10000}};
    acpi_bytes_add(&a, "HPET", 1, &first, sizeof(first));
    acpi_bytes_add(&a, "HPET", 1, &second, sizeof(second));
    read_tables();
    assert_int_equal(info.hpet_address, 0xfed00000);
}

TEST("a list of a thousand tables, all of them one large table, is read within a bound")
{
    static uint8_t big[200 * 1024];
    acpi_bytes_add(&a, "SSDT", 1, big, sizeof(big));
    while (a.nr_tables < 1024) {
        a.tables[a.nr_tables] = a.tables[0];
        a.nr_tables++;
    }
    read_tables();
    assert_true(info.present);
    assert_true(info.nr_ignored > 500);
    assert_true(a.bytes_read < 65u << 20);
}

TEST("where the XSDT is broken the RSDT is read, and where both are there is no ACPI")
{
    struct acpi_hpet hpet = {.base = {.address = 0xfed00000}};
    acpi_bytes_add(&a, "HPET", 1, &hpet, sizeof(hpet));
    acpi_bytes_finish(&a);
    a.window[a.rsdp.xsdt - WINDOW_AT + 9]++;
    acpi_tables_read(&a.memory, (const uint8_t *)&a.rsdp, sizeof(a.rsdp), &info);
    assert_int_equal(info.hpet_address, 0xfed00000);
    acpi_tables_read(&a.memory, (const uint8_t *)&a.rsdp, ACPI_RSDP_SIZE_1, &info);
    assert_int_equal(info.hpet_address, 0xfed00000);
    a.window[a.rsdp.rsdt - WINDOW_AT + 9]++;
    acpi_tables_read(&a.memory, (const uint8_t *)&a.rsdp, sizeof(a.rsdp), &info);
    assert_false(info.present);
    assert_int_equal(info.hpet_address, 0);
}

TEST("a root pointer with a wrong signature, sum or length, or that points nowhere, is none (ACPI 5.2.5.3)")
{
    acpi_bytes_finish(&a);
    const struct acpi_rsdp good = a.rsdp;
    assert_true(acpi_rsdp_sound((const uint8_t *)&a.rsdp, ACPI_RSDP_SIZE_1));
    assert_false(acpi_rsdp_sound((const uint8_t *)&a.rsdp, ACPI_RSDP_SIZE_1 - 1));
    a.rsdp.signature[0] = 'r';
    assert_false(acpi_rsdp_sound((const uint8_t *)&a.rsdp, sizeof(a.rsdp)));
    a.rsdp = good;
    a.rsdp.sum++;
    assert_false(acpi_rsdp_sound((const uint8_t *)&a.rsdp, sizeof(a.rsdp)));
    a.rsdp = good;
    a.rsdp.rsdt = 0;
    a.rsdp.xsdt = 0;
    acpi_bytes_fix_rsdp(&a);
    assert_false(acpi_rsdp_sound((const uint8_t *)&a.rsdp, sizeof(a.rsdp)));
}

TEST("with any one byte of all tables changed the reader ends, and says no more than it has room for")
{
    struct acpi_fadt fadt = pc_fadt();
    struct full_madt madt = pc_madt();
    acpi_bytes_add(&a, "FACP", 3, &fadt, 244);
    acpi_bytes_add(&a, "APIC", 3, &madt, sizeof(madt));
    acpi_bytes_finish(&a);
    for (size_t at = 0; at < a.used; at++) {
        a.window[at] ^= 0xff;
        acpi_tables_read(&a.memory, (const uint8_t *)&a.rsdp, sizeof(a.rsdp), &info);
        a.window[at] ^= 0xff;
        assert_true(info.nr_ioapics <= ACPI_IOAPICS_MAX && info.s5_type_a <= 7);
    }
}

TEST_FIXTURE(setup, teardown)
