/*
 * main.c - the boot order, from the first line of C to the loop that never ends.
 *
 * The only file that knows every room. What comes later may use what comes earlier.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/boot_info.h"
#include "kernel/boot_modules.h"
#include "kernel/boot_report.h"
#include "kernel/cmdline.h"
#include "kernel/config_file.h"
#include "kernel/crash_log.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/ramfs.h"
#include "kernel/slab.h"
#include "kernel/stack_protector.h"
#include "kernel/task.h"
#include "kernel/tty.h"
#include "kernel/watchdog.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/acpi_power.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/machine.h"
#include "kernel/x86/machine_check.h"

#include "drivers/char/keyboard.h"
#include "drivers/char/serial.h"
#include "drivers/video/framebuffer.h"
#include "drivers/video/vga_text.h"
#include "drivers/watchdog/watchdog.h"

#include "drivers/e1000/e1000.h"
#include "drivers/pci/pci.h"

#include "net/apps/console.h"
#include "net/apps/dhcp.h"
#include "net/apps/httpd.h"
#include "net/apps/inetd.h"
#include "net/apps/mdns.h"
#include "net/apps/sign.h"
#include "net/core/netdevice.h"
#include "net/core/sysctl.h"
#include "net/core/xdp.h"
#include "net/ethernet/link.h"
#include "net/ipv4/ipconfig.h"
#include "net/ipv4/routeconfig.h"
#include "net/netfilter/x_tables.h"
#include "net/sched/sched.h"
#include "net/socket/socket.h"

#define FIRST_CARD_IFINDEX 2 /* the loopback device is 1 */

void __noreturn kernel_main(uint32_t magic, uint32_t info);

static void console_init(const struct boot_info *boot)
{
    log_configure();
    serial_console_init();
    if (!boot || boot->framebuffer.type == BOOT_FB_TEXT)
        vga_text_init();
    else
        framebuffer_init(&boot->framebuffer);
}

static void keep_crash_log(void)
{
    size_t size;
    void *area = memory_crash_area(&size);
    crash_log_init(area, size);
}

static void report_boot(const struct boot_info *boot)
{
    pr_info("Skiff, started by %s: \"%s\"", boot->loader, boot->cmdline);
    for (unsigned i = 0; i < boot->nr_modules; i++)
        pr_info("Boot module \"%s\": %zu KiB", boot->modules[i].string,
                (boot->modules[i].at.end - boot->modules[i].at.start + 1023) / 1024);
    if (boot->modules_outside)
        pr_err(
            "Boot modules ignored because they do not fit into this machine's memory: %u. Give it more memory.",
            boot->modules_outside);
    if (boot->modules_damaged)
        pr_err("Boot modules ignored because they are empty, overlap others or are more than %d: %u.",
               BOOT_MODULES_MAX, boot->modules_damaged);
}

static struct net *network_init(void)
{
    struct net *net = skb_init() || sock_init() ? NULL : net_create("");
    if (!net || inet_init(net))
        panic("Too little memory for the network stack; give the machine at least 4 MiB.");
    return net;
}

static void set_sysctl(const char *name, const char *value, void *net)
{
    char now[64];
    switch (sysctl_set(net, name, value)) {
    case 0:
        return;
    case -ENOENT:
        if (strncmp(name, "net.ipv4.conf.", 14) == 0)
            return; /* of a device to come: sysctl_of_devices_from_cmdline() */
        pr_warn("command line: there is no setting %s; ignored", name);
        return;
    default:
        sysctl_get(net, name, now, sizeof(now));
        pr_warn("command line: sysctl.%s=%s does not fit; it stays at %s", name, value, now);
    }
}

static void set_device_sysctl(const char *name, const char *value, void *net)
{
    char full[80];
    snprintf(full, sizeof(full), "net.ipv4.conf.%s", name);
    if (sysctl_set(net, full, value) == -ENOENT)
        pr_warn("command line: there is no setting %s; ignored", full);
}

static void sysctl_from_cmdline(struct net *net)
{
    cmdline_for_each_prefix("sysctl.", set_sysctl, net);
}

/* net.ipv4.conf.<device>.<setting>: there is none before the device. */
static void sysctl_of_devices_from_cmdline(struct net *net)
{
    cmdline_for_each_prefix("sysctl.net.ipv4.conf.", set_device_sysctl, net);
}

/* What ACPI says of the bus, for drivers/pci. */
static void describe_pci(void)
{
    const struct acpi_info *acpi = acpi_info();
    for (unsigned i = 0; i < acpi->nr_mcfg; i++)
        if (acpi->mcfg[i].segment == 0)
            pci_ecam_add(acpi->mcfg[i].base, acpi->mcfg[i].first_bus, acpi->mcfg[i].last_bus);
    if (acpi->no_msi)
        pci_forbid_msi("ACPI");
}

static void report_no_card(void)
{
    pr_err(
        "No network card that Skiff drives was found. It needs one of Intel's gigabit cards, 82540 to I219 (in QEMU: -device e1000 or e1000e).");
    pci_warn_undriven();
}

/*
 * On the stick's file system (boot/stick/grub.cfg). An empty file is what is left of one whose writing was
 * cut short: it says nothing, so what would count without it does - the archive's rules, not none at all.
 */
static void report_empty_files(void)
{
    const char *name;
    for (unsigned n = 0; (name = cmdline_get_nth("empty", n)); n++)
        pr_warn("%s is empty: it counts as if it were not there", name);
}

/* Before the first who asks for a word: the console. */
static void read_config_file(const struct boot_info *boot)
{
    const struct boot_module *config = boot_module_find(boot, CONFIG_FILE_NAME);
    if (config)
        config_file_load(boot_module_data(config), boot_module_size(config));
}

/* What is damaged is served as far as it goes. */
static const struct ramfs *mount_site(const struct boot_info *boot)
{
    const char *why = NULL;
    const struct boot_module *site = boot_module_site(boot);
    if (!site) {
        pr_notice("No site.tar was given: serving the built-in start page.");
        return NULL;
    }
    const struct ramfs *fs = ramfs_mount_tar(boot_module_data(site), boot_module_size(site), &why);
    if (why)
        pr_err("site.tar: %s. Make it with: tar --format=ustar -cf site.tar www", why);
    if (fs)
        pr_info("site.tar: %zu files and directories", ramfs_count(fs));
    return fs;
}

/* Rules beside the archive can be changed without packing it anew, so they win. */
static void load_rules(struct net *net, const struct boot_info *boot, const struct ramfs *site)
{
    const struct boot_module *module = boot_module_find(boot, BOOT_MODULE_RULES);
    struct ramfs_inode rules = {.path = BOOT_MODULE_RULES};
    if (module) {
        rules.data = boot_module_data(module);
        rules.size = boot_module_size(module);
    }
    xt_load_rules(net, site, module ? &rules : NULL);
}

/* DHCP keeps an address on the interface for as long as the machine runs. */
static void start_dhcp(struct net *net, struct files *files, const char *device)
{
    struct net_device *dev =
        device[0] ? dev_get_by_name(net, device) : dev_get_by_index(net, FIRST_CARD_IFINDEX);
    if (dev && dev->master && !device[0])
        dev = dev->master; /* a port has no address: its bridge has */
    if (dev && !task_create("dhcp", dhcp_main, dev->name, files))
        pr_err("%s: no memory for the DHCP client", dev->name);
}

static void configure_address(struct net *net, struct files *files, const char *value)
{
    struct ip_config config;
    const char *why;
    if (ip_config_parse(value, &config, &why)) {
        pr_err("command line: ip=%s: %s", value, why);
        ip_config_parse("dhcp", &config, &why); /* the machine does the best it still can */
    }
    int err = ip_config_apply(net, &config);
    if (err)
        pr_err("command line: ip=%s cannot be set: %s", value, strerror(-err));
    else if (config.method == IP_CONFIG_DHCP)
        start_dhcp(net, files, config.device);
}

static void configure_addresses(struct net *net, struct files *files)
{
    const char *value;
    if (!dev_get_by_index(net, FIRST_CARD_IFINDEX))
        return;
    for (unsigned n = 0; (value = cmdline_get_nth("ip", n)); n++)
        configure_address(net, files, value);
    if (!cmdline_get("ip"))
        configure_address(net, files, "dhcp");
}

/* Who has put the cable into the second of two cards is told what to write. */
static void tell_of_idle_cards(struct net *net)
{
    struct net_device *dev;
    for (int index = FIRST_CARD_IFINDEX; (dev = dev_get_by_index(net, index)); index++)
        if (!netif_running(dev) && !dev->master)
            pr_info("%s: not in use; ip=:::::%s:dhcp would ask for an address for it", dev->name, dev->name);
}

/* After the addresses: a gateway must be a neighbour by then. */
static void configure_routes(struct net *net)
{
    struct ip_route_config config;
    const char *value, *why;

    for (unsigned n = 0; (value = cmdline_get_nth("route", n)); n++) {
        int err = ip_route_parse(value, &config, &why);
        if (!err)
            err = ip_route_apply(net, &config, &why);
        if (err)
            pr_err("command line: route=%s: %s", value, why);
    }
}

static void start_programs(struct files *files)
{
    const char *services = cmdline_get("inetd");
    bool started = task_create("httpd", httpd_main, NULL, files);
    if (cmdline_get_long("mdns", 1))
        started = started && task_create("mdns", mdns_main, NULL, files);
    if (services)
        started = started && task_create("inetd", inetd_main, (void *)(uintptr_t)services, files);
    if (!started)
        pr_err("Too little memory to start the programs; give the machine at least 4 MiB.");
}

/* Where there is a screen, the address stands on it. */
static void start_sign(struct files *files)
{
    for (struct tty *tty = tty_next(NULL); tty; tty = tty_next(tty))
        if (tty->ops->sign && !task_create("sign", sign_main, NULL, files))
            pr_warn("%s: too little memory to show the address", tty->console.name);
}

/* A command line on each terminal, with descriptors of its own: 0, 1 and 2 are that terminal. */
static void start_consoles(struct net *net, const struct ramfs *site)
{
    if (!cmdline_get_long("console.shell", 1))
        return;
    for (struct tty *tty = tty_next(NULL); tty; tty = tty_next(tty)) {
        if (tty->deaf)
            continue;
        struct files *files = files_create(net, site);
        if (!files || files_open_tty(files, tty) || !task_create("console", console_main, NULL, files)) {
            files_destroy(files);
            pr_warn("%s: too little memory for a command line", tty->console.name);
            return;
        }
        pr_info("%s: press Enter for a command line", tty->console.name);
    }
}

/* The last task to start: by now each program has read its words of the command line. */
static void boot_finished(void *arg)
{
    /* Asked for only where there is a card, or where DHCP or mDNS runs; elsewhere they are no mistake. */
    static const char *const words_of_some[] = {"ip",       "hostname", "dhcp.probe",   "dhcp.link_local",
                                                "e1000.rx", "e1000.tx", "e1000.polling"};
    for (unsigned i = 0; i < ARRAY_SIZE(words_of_some); i++)
        cmdline_get(words_of_some[i]);
    cmdline_warn_unknown();
}

/* No stack protector here: it sets the value that the others compare. */
__attribute__((no_stack_protector)) void kernel_main(uint32_t magic, uint32_t info)
{
    __stack_chk_guard = random_early_u64() & ~(uintptr_t)0xff;

    /* Console */
    descriptors_init();
    const struct boot_info *boot = multiboot_parse(magic, info);
    cmdline_init(boot ? boot->cmdline : "");
    if (boot)
        read_config_file(boot);
    console_init(boot);
    if (!boot)
        panic("Skiff must be started by a multiboot loader (GRUB, or QEMU's -kernel).");
    report_boot(boot);
    report_empty_files();
    boot_report_init(boot);
    cpu_report_init();

    /* Memory */
    acpi_init(boot);
    memory_init(boot);
    if (boot->framebuffer.type != BOOT_FB_TEXT)
        framebuffer_init(&boot->framebuffer); /* if it was out of reach until now */
    slab_init(cmdline_get("slub_debug"));
    keep_crash_log();
    machine_check_init();

    /* Interrupts, time, random numbers */
    interrupts_init();
    time_init();
    random_init();
    serial_enable_interrupts();
    keyboard_init();
    cpu_irq_enable();
    acpi_power_init();

    /* Network: the stack first, so that the cards find it */
    struct net *net = network_init();
    const struct ramfs *site = mount_site(boot);
    load_rules(net, boot, site); /* no packet comes in before the rules are there */

    /* Devices */
    describe_pci();
    pci_init();
    i6300esb_init();
    itco_init();
    watchdog_check_wanted();
    if (e1000_init(net) == 0)
        report_no_card();
    sched_configure(net);
    sysctl_from_cmdline(net); /* each card has settings of its own; none is up yet */
    xdp_configure(net);

    /* Applications */
    struct files *files = files_create(net, site);
    if (!files)
        panic("Too little memory for the programs; give the machine at least 4 MiB.");
    link_configure_all(net);
    sysctl_of_devices_from_cmdline(net);
    configure_addresses(net, files);
    tell_of_idle_cards(net);
    configure_routes(net);
    start_programs(files);
    start_sign(files);
    start_consoles(net, site);

    cmdline_get_long("panic", 0); /* read by panic_finish(); a wrong one is better said now */
    crash_test();
    task_create("boot", boot_finished, NULL, files);
    run_forever();
}
