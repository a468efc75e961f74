/*
 * test_keyboard.c - the 8042, by its ports: where there is one, where there is none, and what ACPI says of
 * it.
 *
 * links: drivers/char/keyboard.c drivers/char/keymap.c
 */
#include "tests/unit/test.h"

#include <stdbool.h>
#include <string.h>

#include "drivers/char/keyboard.h"
#include "drivers/video/screen.h"
#include "kernel/cmdline.h"
#include "kernel/x86/acpi.h"
#include "tests/host/host.h"

#define PORT_DATA    0x60
#define PORT_STATUS  0x64
#define KEYBOARD_IRQ 1

enum { OUTPUT_FULL = 1, SYSTEM = 4 };

/* A controller with a keyboard, or a port that reads as `absent` for ever. */
static struct {
    bool there;
    uint8_t absent, command, config, output[4];
    unsigned pending, writes;
} i8042;

static struct acpi_info acpi;
static bool has_keyboard;
static char typed[16];

const struct acpi_info *acpi_info(void)
{
    return &acpi;
}

void screen_has_keyboard(void)
{
    has_keyboard = true;
}

void screen_key(char c)
{
    typed[strlen(typed)] = c;
}

void screen_scroll(int pages)
{
}

static void gives(uint8_t byte)
{
    i8042.output[i8042.pending++] = byte;
}

void host_port_write(uint16_t port, uint32_t value, unsigned bytes)
{
    i8042.writes++;
    if (!i8042.there)
        return;
    if (port == PORT_STATUS) {
        i8042.command = (uint8_t)value;
        if (value == 0x20)
            gives(i8042.config);
    } else if (i8042.command == 0x60) {
        i8042.config = (uint8_t)value;
        i8042.command = 0;
    } else {
        gives(0xfa); /* the keyboard's consent */
    }
}

uint32_t host_port_read(uint16_t port, unsigned bytes)
{
    if (!i8042.there)
        return i8042.absent;
    if (port == PORT_STATUS)
        return SYSTEM | (i8042.pending ? OUTPUT_FULL : 0);
    uint8_t byte = i8042.output[0];
    memmove(i8042.output, i8042.output + 1, sizeof(i8042.output) - 1);
    i8042.pending -= !!i8042.pending;
    return byte;
}

static int setup(void **state)
{
    cmdline_init("");
    memset(&i8042, 0, sizeof(i8042));
    memset(&acpi, 0, sizeof(acpi));
    memset(typed, 0, sizeof(typed));
    has_keyboard = false;
    return 0;
}

TEST("where ACPI says that there is no controller, and none shows itself, not a byte is written to its ports")
{
    const uint8_t nobody[] = {0xff, 0x00, 0x01};
    for (unsigned i = 0; i < sizeof(nobody); i++) {
        i8042.absent = nobody[i];
        acpi.no_8042 = true;
        keyboard_init();
        assert_int_equal(i8042.writes, 0);
        assert_false(has_keyboard);
        assert_non_null(strstr(host_last_log(), "keyboard: none, ACPI says"));
    }
}

TEST("without a word of ACPI's a port that nobody is behind is no keyboard either, after a bounded time")
{
    i8042.absent = 0xff;
    keyboard_init();
    assert_int_equal(i8042.writes, 0);
    i8042.absent = 0;
    keyboard_init();
    assert_true(i8042.writes > 0 && i8042.writes < 10);
    assert_false(has_keyboard);
}

TEST("a controller that firmware has tested is used, also where ACPI's tables forget it")
{
    i8042.there = true;
    acpi.no_8042 = true;
    keyboard_init();
    assert_true(has_keyboard);
    gives(0x1e);
    host_raise_irq(KEYBOARD_IRQ);
    assert_string_equal(typed, "a");
}

TEST_FIXTURE(setup, NULL)
