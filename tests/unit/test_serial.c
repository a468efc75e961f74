/*
 * test_serial.c - the serial port, by its registers: with its interrupt, and without, by the clock.
 *
 * links: drivers/char/serial.c
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "drivers/char/serial.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/tty.h"
#include "tests/host/host.h"

#define COM1     0x3f8
#define COM1_IRQ 4
#define FIFO     16

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
enum {
    IER_RX = 1,
    IER_TX = 2,
    LSR_READY = 1,
    LSR_OVERRUN = 2,
    LSR_FRAMING = 8,
    LSR_EMPTY = 0x20,
    LCR_DLAB = 0x80
};

/* A 16550 whose line moves when the test says so. */
static struct {
    uint8_t ier, lcr, scratch, error; /* error: of the byte that is read next */
    char fifo[FIFO], line[1 << 16], keys[4096];
    size_t fifo_len, line_len, keys_at, keys_len;
    bool stuck, gone;
} uart;

static const char *const console_name = "ttyS0";
static const char *options = "9600n8";

const char *console_options(const char *name)
{
    return strcmp(name, console_name) ? NULL : options;
}

static void uart_send(void)
{
    assert_true(uart.line_len + uart.fifo_len < sizeof(uart.line));
    memcpy(uart.line + uart.line_len, uart.fifo, uart.fifo_len);
    uart.line_len += uart.fifo_len;
    uart.line[uart.line_len] = '\0';
    uart.fifo_len = 0;
}

void host_port_write(uint16_t port, uint32_t value, unsigned bytes)
{
    unsigned reg = port - COM1;
    assert_int_equal(bytes, 1);
    assert_true(reg <= SCRATCH);
    if (reg == SCRATCH)
        uart.scratch = (uint8_t)value;
    else if (reg == LCR)
        uart.lcr = (uint8_t)value;
    else if (reg == IER && !(uart.lcr & LCR_DLAB))
        uart.ier = (uint8_t)value;
    else if (reg == DATA && !(uart.lcr & LCR_DLAB)) {
        assert_true(uart.fifo_len < FIFO); /* more would be lost */
        uart.fifo[uart.fifo_len++] = (char)value;
    }
}

static uint8_t line_status(void)
{
    uint8_t status = uart.fifo_len ? 0 : LSR_EMPTY;
    if (uart.keys_at < uart.keys_len)
        status |= LSR_READY | uart.error;
    return status;
}

uint32_t host_port_read(uint16_t port, unsigned bytes)
{
    bool rx = uart.keys_at < uart.keys_len && (uart.ier & IER_RX), tx = !uart.fifo_len && (uart.ier & IER_TX);
    if (uart.gone)
        return 0xff;
    switch (port - COM1) {
    case DATA:
        uart.error = 0;
        return uart.keys_at < uart.keys_len ? (uint8_t)uart.keys[uart.keys_at++] : 0;
    case IIR:
        return rx ? 4 : tx ? 2 : 1;
    case LSR:
        return line_status();
    case SCRATCH:
        return uart.scratch;
    default:
        return 0;
    }
}

/* Whatever is asked for comes: a byte's time passes, and the line is pulled if somebody wants it. */
static void interrupts_until_quiet(void)
{
    for (unsigned n = 0; n < 10000; n++) {
        if (!uart.stuck)
            uart_send();
        bool wanted =
            (uart.ier & IER_TX && !uart.fifo_len) || (uart.ier & IER_RX && uart.keys_at < uart.keys_len);
        if (!wanted)
            return;
        host_raise_irq(COM1_IRQ);
        host_run();
    }
    fail_msg("the interrupts never end");
}

/* Time passes in steps of the line, with no interrupt at all. */
static void wait_ms(unsigned ms)
{
    while (ms--) {
        if (!uart.stuck)
            uart_send();
        host_advance_ms(1);
    }
}

static struct tty *tty;
static char taken[8]; /* the places of the interrupt line, where somebody else has them all */

static enum irqreturn not_mine(unsigned irq, void *arg)
{
    return IRQ_NONE;
}

/* The port is found once, as at boot; its interrupt cannot be had. */
static int setup(void **state)
{
    if (tty)
        return 0;
    serial_console_init();
    tty = tty_next(NULL);
    for (unsigned i = 0; i < sizeof(taken); i++)
        assert_int_equal(request_irq(COM1_IRQ, not_mine, "", &taken[i]), 0);
    serial_enable_interrupts();
    return !tty;
}

static int teardown(void **state)
{
    wait_ms(5000);
    uart.line_len = 0;
    return uart.fifo_len || uart.keys_at != uart.keys_len;
}

static void type(const char *keys)
{
    assert_true(strlen(keys) < sizeof(uart.keys));
    strcpy(uart.keys, keys);
    uart.keys_at = 0;
    uart.keys_len = strlen(keys);
}

static void log_line(const char *text)
{
    tty->console.write(&tty->console, text, strlen(text));
}

static void read_is(const char *keys)
{
    char buf[256];
    ssize_t n = tty_read(tty, buf, sizeof(buf) - 1);
    assert_true(n >= 0);
    buf[n] = '\0';
    assert_string_equal(buf, keys);
}

TEST("without its interrupt the log goes out by the clock, whoever reads or not")
{
    char line[101] = "";
    memset(line, 'x', 99);
    line[99] = '\n';
    wait_ms(200); /* the sentence about the interrupt, and the log so far */
    assert_non_null(strstr(uart.line, "no memory for its interrupt"));
    uart.line_len = 0;
    assert_int_equal(uart.ier, 0);
    log_line(line);
    assert_true(uart.line_len + uart.fifo_len < 100);
    wait_ms(200);
    assert_int_equal(uart.line_len, 101); /* with the carriage return */
    assert_non_null(strstr(uart.line, "xxx\r\n"));
    assert_int_equal(uart.ier, 0);
}

TEST("without its interrupt what is typed is read by the clock, in order and whole")
{
    tty_open(tty);
    type("ls -l");
    wait_ms(20);
    read_is("ls -l");
    type("0123456789abcdefghijklmnopqrstuvwxyz"); /* more than one look takes */
    wait_ms(60);
    read_is("0123456789abcdefghijklmnopqrstuvwxyz");
}

TEST("a damaged byte is no key, and one that came too late is counted")
{
    uint64_t before = tty->overruns;
    uart.error = LSR_FRAMING;
    type("?a");
    wait_ms(20);
    read_is("a");
    uart.error = LSR_OVERRUN;
    type("bc");
    wait_ms(20);
    read_is("bc");
    assert_int_equal(tty->overruns, before + 1);
}

TEST("a port that has gone, and reads as ones, holds nobody up")
{
    uart.gone = true;
    for (unsigned i = 0; i < 20; i++)
        host_advance_ms(10);
    uart.gone = false;
    while (tty_poll(tty) & 1) { /* POLLIN: ones that were taken for keys */
        char buf[64];
        tty_read(tty, buf, sizeof(buf));
    }
}

TEST("a line that takes nothing loses lines of the log, whole ones, and says how many when it moves")
{
    char text[64];
    uart.stuck = true;
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "[    0.000000] line number %03u of the log\n", i);
        log_line(text);
    }
    unsigned lost = tty->lost_lines;
    assert_true(lost > 300 && lost < 500);
    wait_ms(1000);
    assert_int_equal(uart.line_len, 0);
    uart.stuck = false;
    wait_ms(5000);
    assert_int_equal(tty->lost_lines, 0);
    snprintf(text, sizeof(text), "line number %03u of the log\r\n[%u lines lost", 500 - lost - 1, lost);
    assert_non_null(strstr(uart.line, text));
    assert_null(strstr(uart.line, "line number 499"));
}

TEST("with its interrupt the log goes out and keys come in without the clock, and none is asked for in vain")
{
    for (unsigned i = 0; i < sizeof(taken); i++)
        free_irq(COM1_IRQ, &taken[i]);
    serial_enable_interrupts();
    uart.stuck = true;
    log_line("a line that is longer than what the port takes at once\n");
    uart.stuck = false;
    interrupts_until_quiet();
    assert_string_equal(uart.line, "a line that is longer than what the port takes at once\r\n");
    assert_int_equal(uart.ier, IER_RX); /* somebody reads; nothing is to be sent */
    type("uptime");
    interrupts_until_quiet();
    read_is("uptime");
}

TEST_FIXTURE(setup, teardown)
