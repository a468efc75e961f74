/*
 * test_pci.c - drivers/pci on buses of models: enumeration, BARs, drivers.
 */
#include "drivers/pci/pci.h"

#include <errno.h>
#include <string.h>

#include "kernel/x86/io.h"
#include "tests/host/host.h"
#include "tests/host/pci_model.h"
#include "tests/unit/test.h"

#define CLASS_NETWORK 0x020000
#define CLASS_BRIDGE  0x060400
#define CLASS_HOST    0x060000

static struct pci_model_device bus[16];
static unsigned bus_count, violations_before;
static size_t alive_before;

/* Plugs a function in; `header` is the header type byte. */
static struct pci_model_device *plug(unsigned b, unsigned slot, unsigned func, uint16_t device,
                                     uint32_t class_code, uint8_t header)
{
    struct pci_model_device *dev = &bus[bus_count++];

    *dev = (struct pci_model_device){0};
    pci_model_init(dev, b, slot, func, 0x8086, device, class_code);
    dev->config[0x0e] = header;
    pci_model_add(dev);
    return dev;
}

static struct pci_model_device *plug_bridge(unsigned b, unsigned slot, uint8_t secondary)
{
    struct pci_model_device *dev = plug(b, slot, 0, 0x244e, CLASS_BRIDGE, 0x01);

    dev->config[0x18] = (uint8_t)b;
    dev->config[0x19] = secondary;
    dev->config[0x1a] = 0xff;
    return dev;
}

static struct pci_dev *find(uint16_t device)
{
    for (struct pci_dev *dev = pci_next(NULL); dev; dev = pci_next(dev))
        if (dev->device == device)
            return dev;
    return NULL;
}

static int setup(void **state)
{
    bus_count = 0;
    alive_before = host_objects_alive();
    violations_before = pci_model_violations();
    return 0;
}

static int teardown(void **state)
{
    pci_exit();
    for (unsigned i = 0; i < bus_count; i++)
        pci_model_remove(&bus[i]);
    pci_model_set_absent(false);
    assert_int_equal(host_objects_alive(), alive_before);
    return 0;
}

TEST("an empty bus has no devices")
{
    assert_int_equal(pci_init(), 0);
    assert_null(pci_next(NULL));
}

TEST("a machine without PCI is told apart from an empty bus")
{
    pci_model_set_absent(true);
    assert_int_equal(pci_init(), -ENODEV);
    assert_non_null(strstr(host_last_log(), "no PCI bus"));
}

TEST("a device is found with its identity, class and interrupt")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);
    char text[96];

    pci_model_set32(model, 0x2c, 0x11001af4);
    model->config[0x08] = 3; /* revision */
    model->config[0x3c] = 11;
    model->config[0x3d] = 1;
    assert_int_equal(pci_init(), 1);
    struct pci_dev *dev = find(0x100e);
    assert_non_null(dev);
    assert_int_equal(dev->vendor, 0x8086);
    assert_int_equal(dev->subsystem_vendor, 0x1af4);
    assert_int_equal(dev->subsystem_device, 0x1100);
    assert_int_equal(dev->class_base, 2);
    assert_int_equal(dev->class_sub, 0);
    assert_int_equal(dev->revision, 3);
    assert_int_equal(dev->irq_line, 11);
    assert_int_equal(dev->irq_pin, 1);
    assert_string_equal(pci_describe(dev, text, sizeof(text)),
                        "00:03.0 8086:100e network card, Intel 82540EM");
}

TEST("functions 1 to 7 are asked only where function 0 says it is one of several")
{
    plug(0, 1, 0, 0x7000, CLASS_HOST, 0x80);
    plug(0, 1, 3, 0x7113, CLASS_HOST, 0x80);
    plug(0, 2, 0, 0x1111, CLASS_HOST, 0x00);
    plug(0, 2, 1, 0x2222, CLASS_HOST, 0x00);
    assert_int_equal(pci_init(), 3);
    assert_non_null(find(0x7113));
    assert_int_equal(find(0x7113)->func, 3);
    assert_null(find(0x2222));
}

TEST("devices behind bridges behind bridges are found")
{
    plug_bridge(0, 4, 1);
    plug_bridge(1, 0, 2);
    plug(2, 31, 0, 0x100f, CLASS_NETWORK, 0);
    plug(1, 5, 0, 0x100e, CLASS_NETWORK, 0);
    assert_int_equal(pci_init(), 4);
    assert_int_equal(find(0x100f)->bus, 2);
    assert_int_equal(find(0x100f)->slot, 31);
    assert_int_equal(find(0x100e)->bus, 1);
}

TEST("bridges that lead back up or nowhere do not trap the walk")
{
    plug_bridge(0, 4, 1);
    plug_bridge(1, 0, 0); /* back to the root */
    plug_bridge(1, 1, 1); /* to itself */
    plug_bridge(0, 5, 1); /* a second way to the same bus */
    plug_bridge(0, 6, 0); /* never numbered */
    plug(1, 9, 0, 0x100e, CLASS_NETWORK, 0);
    assert_int_equal(pci_init(), 6);
}

TEST("running out of memory at any device ends the walk with -ENOMEM and leaks nothing")
{
    plug(0, 1, 0, 0x1111, CLASS_HOST, 0);
    plug(0, 2, 0, 0x2222, CLASS_HOST, 0);
    for (unsigned n = 1; n <= 2; n++) {
        host_fail_allocation(n);
        assert_int_equal(pci_init(), -ENOMEM);
        pci_exit();
    }
    host_fail_allocation(0);
    assert_int_equal(pci_init(), 2);
}

TEST("BARs are sized with decoding off and put back as they were")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);

    model->bar_writable[0] = 0xfffe0000;
    pci_model_set32(model, 0x10, 0xfebc0000);
    model->bar_writable[1] = 0xffc0;
    pci_model_set32(model, 0x14, 0xc041);
    pci_model_set16(model, 0x04, 0x0103);
    pci_init();
    struct pci_dev *dev = find(0x100e);
    assert_int_equal(pci_enable_device(dev), 0);
    assert_int_equal(dev->bar[0].base, 0xfebc0000);
    assert_int_equal(dev->bar[0].size, 0x20000);
    assert_false(dev->bar[0].io);
    assert_int_equal(dev->bar[1].base, 0xc040);
    assert_int_equal(dev->bar[1].size, 0x40);
    assert_true(dev->bar[1].io);
    assert_int_equal(dev->bar[2].size, 0);
    assert_int_equal(pci_model_get32(model, 0x10), 0xfebc0000);
    assert_int_equal(pci_model_get32(model, 0x14), 0xc041);
    assert_int_equal(pci_model_get16(model, 0x04), 0x0103);
    assert_int_equal(pci_model_violations(), violations_before);
}

TEST("a 64-bit BAR takes two registers and may lie above 4 GiB")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100f, CLASS_NETWORK, 0);

    model->bar_writable[0] = 0xfff00000;
    model->bar_writable[1] = 0xffffffff;
    pci_model_set32(model, 0x10, 0xe000000c); /* 64 bits, prefetchable */
    pci_model_set32(model, 0x14, 0x00000012);
    model->bar_writable[2] = 0xffff0000;
    pci_model_set32(model, 0x18, 0xfe000000);
    pci_init();
    struct pci_dev *dev = find(0x100f);
    assert_int_equal(pci_enable_device(dev), 0);
    assert_true(dev->bar[0].base == 0x12e0000000ull);
    assert_true(dev->bar[0].size == 0x100000);
    assert_true(dev->bar[0].is_64bit && dev->bar[0].prefetchable);
    assert_int_equal(dev->bar[1].size, 0);
    assert_int_equal(dev->bar[2].size, 0x10000);
    assert_int_equal(pci_model_get32(model, 0x10), 0xe000000c);
    assert_int_equal(pci_model_get32(model, 0x14), 0x12);
}

TEST("enabling turns on only the decoding that the device's BARs need")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);

    model->bar_writable[0] = 0xfffe0000;
    pci_model_set32(model, 0x10, 0xfebc0000);
    pci_model_set16(model, 0x04, 0x0400); /* its interrupt is switched off */
    pci_init();
    struct pci_dev *dev = find(0x100e);
    assert_int_equal(pci_enable_device(dev), 0);
    assert_int_equal(pci_model_get16(model, 0x04), 0x0002);
    pci_set_master(dev);
    assert_int_equal(pci_model_get16(model, 0x04), 0x0006);
    pci_clear_master(dev);
    assert_int_equal(pci_model_get16(model, 0x04), 0x0002);
}

TEST("a device without an address for any BAR cannot be enabled")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);

    pci_init();
    assert_int_equal(pci_enable_device(find(0x100e)), -ENODEV);
    model->bar_writable[0] = 0xfffe0000;
    assert_int_equal(pci_enable_device(find(0x100e)), -ENODEV);
    assert_null(pci_ioremap_bar(find(0x100e), 0));
}

TEST("a sleeping device is woken before it is used")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);

    model->bar_writable[0] = 0xfffe0000;
    pci_model_set32(model, 0x10, 0xfebc0000);
    pci_model_set16(model, 0x06, 0x0010); /* has capabilities */
    model->config[0x34] = 0xdc;
    pci_model_set16(model, 0xdc, 0xe401); /* power management, next at 0xe4 */
    pci_model_set16(model, 0xe4, 0x0007);
    pci_model_set16(model, 0xe0, 0x0003); /* D3 */
    pci_init();
    assert_int_equal(pci_enable_device(find(0x100e)), 0);
    assert_int_equal(pci_model_get16(model, 0xe0), 0);
    assert_int_equal(pci_find_capability(find(0x100e), 0x07), 0xe4);
    assert_int_equal(pci_find_capability(find(0x100e), 0x05), 0);
}

TEST("a capability list that runs in a circle ends")
{
    struct pci_model_device *model = plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);

    pci_model_set16(model, 0x06, 0x0010);
    model->config[0x34] = 0x40;
    pci_model_set16(model, 0x40, 0x4405);
    pci_model_set16(model, 0x44, 0x4009);
    pci_init();
    assert_int_equal(pci_find_capability(find(0x100e), 0x01), 0);
}

/* --- drivers --- */

static int probe_result, probed, removed;
static void *probe_ctx;

static int probe(struct pci_dev *dev, const struct pci_device_id *id, void *ctx)
{
    assert_int_equal(dev->device, id->device);
    probe_ctx = ctx;
    probed++;
    return probe_result;
}

static void remove_device(struct pci_dev *dev)
{
    removed++;
}

static const struct pci_device_id ids[] = {
    {0x8086, 0x100e, 0, "a"}, {0x8086, 0x100f, 0, "b"}, {0, 0, 0, NULL}};
static struct pci_driver driver = {.name = "test", .id_table = ids, .probe = probe, .remove = remove_device};

TEST("a driver is offered each device of its table once, with the context it was registered with")
{
    int ctx;

    probe_result = probed = removed = 0;
    plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);
    plug(0, 4, 0, 0x100e, CLASS_NETWORK, 0);
    plug(0, 5, 0, 0x10d3, CLASS_NETWORK, 0);
    pci_init();
    assert_int_equal(pci_register_driver(&driver, &ctx), 2);
    assert_int_equal(probed, 2);
    assert_ptr_equal(probe_ctx, &ctx);
    assert_int_equal(pci_register_driver(&driver, &ctx), 0);
    assert_int_equal(probed, 2);
    pci_unregister_driver(&driver);
    assert_int_equal(removed, 2);
    assert_null(find(0x100e)->driver);
}

TEST("a device whose probe fails stays free, and network cards without a driver are named")
{
    probe_result = -ENOMEM;
    probed = removed = 0;
    plug(0, 3, 0, 0x100e, CLASS_NETWORK, 0);
    plug(0, 5, 0, 0x10d3, CLASS_NETWORK, 0);
    plug(0, 6, 0, 0x7000, CLASS_HOST, 0);
    pci_init();
    assert_int_equal(pci_register_driver(&driver, NULL), 0);
    assert_int_equal(probed, 1);
    assert_null(find(0x100e)->driver);
    assert_int_equal(pci_warn_undriven(), 2);
    assert_non_null(strstr(host_last_log(), "Intel 82574L"));
}

TEST_FIXTURE(setup, teardown)
