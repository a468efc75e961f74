/*
 * keyboard.c - the 8042: bytes from the keyboard, by interrupt 1.
 *
 * The controller turns whatever keyboard there is into scan code set 1. Every wait for it is bounded, for
 * many a PC has no more than a part of one; where its interrupt does not come, a timer looks.
 */
#include "drivers/char/keyboard.h"

#include "drivers/char/keymap.h"
#include "drivers/video/screen.h"
#include "kernel/cmdline.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/shutdown.h"
#include "kernel/softirq.h"
#include "kernel/time.h"
#include "kernel/timer.h"
#include "kernel/x86/acpi.h"
#include "kernel/x86/io.h"

#define KEYBOARD_IRQ 1
#define PORT_DATA    0x60
#define PORT_STATUS  0x64 /* write: a command to the controller */

#define STATUS_OUTPUT_FULL (1u << 0) /* a byte for us */
#define STATUS_INPUT_FULL  (1u << 1) /* it has not taken ours yet */
#define STATUS_SYSTEM      (1u << 2) /* it has passed its test: firmware's work */
#define STATUS_MOUSE       (1u << 5) /* the byte is the mouse's */

#define COMMAND_READ_CONFIG   0x20
#define COMMAND_WRITE_CONFIG  0x60
#define COMMAND_DISABLE_MOUSE 0xa7
#define COMMAND_DISABLE       0xad
#define COMMAND_ENABLE        0xae

#define CONFIG_IRQ       (1u << 0)
#define CONFIG_MOUSE_IRQ (1u << 1)
#define CONFIG_DISABLED  (1u << 4)
#define CONFIG_TRANSLATE (1u << 6)
#define KEYBOARD_SCAN    0xf4 /* to the keyboard itself: send keys */
#define WAIT_US          20000
#define FLUSH_MAX        32 /* bytes left over from before; more is a port that is not there */
#define BYTES_PER_IRQ    16
#define POLL_MS          100 /* for an interrupt that is missing */

static struct {
    struct keyboard_state state;
    struct softirq restart; /* a handler may not */
    struct timer poll;
} keyboard;

static bool wait_status(uint8_t bit, uint8_t want)
{
    for (unsigned us = 0; us < WAIT_US; us += 10) {
        if ((inb(PORT_STATUS) & bit) == want)
            return true;
        udelay(10);
    }
    return false;
}

static bool send(uint16_t port, uint8_t value)
{
    if (!wait_status(STATUS_INPUT_FULL, 0))
        return false;
    outb(port, value);
    return true;
}

/* Return: a byte, -1 if none came. */
static int receive(void)
{
    return wait_status(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL) ? inb(PORT_DATA) : -1;
}

static void take_key(uint8_t code)
{
    static const char report[] = "\x15report\r"; /* Ctrl-U: what was typed half is gone */
    char text[8];
    switch (keymap_feed(&keyboard.state, code, text)) {
    case KEY_NOTHING:
        return;
    case KEY_TEXT:
        for (const char *c = text; *c; c++)
            screen_key(*c);
        return;
    case KEY_PAGE_UP:
        screen_scroll(-1);
        return;
    case KEY_PAGE_DOWN:
        screen_scroll(1);
        return;
    case KEY_REPORT:
        for (const char *c = report; *c; c++)
            screen_key(*c);
        return;
    case KEY_RESTART:
        raise_softirq(&keyboard.restart);
        return;
    }
}

/* Return: whether there was anything. */
static bool take_bytes(void)
{
    unsigned n = 0;
    for (; n < BYTES_PER_IRQ; n++) {
        uint8_t status = inb(PORT_STATUS);
        if (!(status & STATUS_OUTPUT_FULL) || status == 0xff)
            break;
        uint8_t byte = inb(PORT_DATA);
        if (!(status & STATUS_MOUSE))
            take_key(byte);
    }
    return n > 0;
}

static enum irqreturn keyboard_interrupt(unsigned irq, void *arg)
{
    return take_bytes() ? IRQ_HANDLED : IRQ_NONE;
}

static void keyboard_poll(struct timer *self)
{
    unsigned long flags = local_irq_save();
    take_bytes();
    local_irq_restore(flags);
    mod_timer(self, ktime_get_ms() + POLL_MS);
}

static void restart(struct softirq *self)
{
    pr_notice("Ctrl-Alt-Del: starting anew");
    shutdown_start(SHUTDOWN_RESTART);
}

/* Return: whether there is a controller that answers. */
static bool controller_init(void)
{
    unsigned n = 0;
    if (inb(PORT_STATUS) == 0xff || !send(PORT_STATUS, COMMAND_DISABLE) ||
        !send(PORT_STATUS, COMMAND_DISABLE_MOUSE))
        return false;
    for (; (inb(PORT_STATUS) & STATUS_OUTPUT_FULL) && n < FLUSH_MAX; n++)
        inb(PORT_DATA);
    if (n == FLUSH_MAX || !send(PORT_STATUS, COMMAND_READ_CONFIG))
        return false;
    int config = receive();
    if (config < 0)
        return false;
    config = (int)((unsigned)config & ~(CONFIG_MOUSE_IRQ | CONFIG_DISABLED)) |
             (int)(CONFIG_IRQ | CONFIG_TRANSLATE);
    if (!send(PORT_STATUS, COMMAND_WRITE_CONFIG) || !send(PORT_DATA, (uint8_t)config) ||
        !send(PORT_STATUS, COMMAND_ENABLE) || !send(PORT_DATA, KEYBOARD_SCAN))
        return false;
    receive(); /* its consent; without a keyboard nothing: one may be plugged in later */
    return true;
}

static void choose_layout(void)
{
    const char *name = cmdline_get("keymap");
    keyboard.state.map = keymap_find(name ? name : "us");
    if (keyboard.state.map)
        return;
    pr_warn("command line: there is no keymap=%s; there are %s", name, keymap_names());
    keyboard.state.map = keymap_find("us");
}

/*
 * ACPI says when there is no controller (IAPC_BOOT_ARCH, 5.2.9.3): then nothing is written to its ports. Some
 * tables forget theirs; a port that nobody is behind reads all ones or zeros, not as a controller that
 * firmware has tested.
 */
static bool acpi_knows_of_none(void)
{
    uint8_t status = acpi_info()->no_8042 ? inb(PORT_STATUS) : STATUS_SYSTEM;
    return status == 0xff || !(status & STATUS_SYSTEM);
}

void keyboard_init(void)
{
    choose_layout();
    if (acpi_knows_of_none()) {
        pr_info("keyboard: none, ACPI says: this machine has no controller for one");
        return;
    }
    unsigned long flags = local_irq_save(); /* its answers are ours, not the handler's */
    bool there = controller_init();
    local_irq_restore(flags);
    if (!there)
        return;
    open_softirq(&keyboard.restart, TTY_SOFTIRQ, restart);
    if (request_irq(KEYBOARD_IRQ, keyboard_interrupt, "keyboard", &keyboard) < 0) {
        timer_setup(&keyboard.poll, keyboard_poll);
        mod_timer(&keyboard.poll, ktime_get_ms() + POLL_MS);
    }
    screen_has_keyboard();
}
