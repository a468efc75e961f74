/*
 * serial.c - a 16550 on COM1: the kernel log goes out. Nobody reads what is typed, so it is left in the UART.
 *
 * Output is put into a buffer and leaves 16 bytes per interrupt, so logging never waits for the
 * line. A log line that does not fit is dropped whole, and how many were is said once there is room.
 */
#include "drivers/char/serial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/x86/io.h"

#define COM1_PORT 0x3f8
#define COM1_IRQ  4

#define UART_DATA    0 /* transmit; divisor, low byte, with LCR_DLAB */
#define UART_IER     1 /* interrupt enable; divisor, high byte, with LCR_DLAB */
#define UART_IIR     2 /* read: interrupt identification */
#define UART_FCR     2 /* write: FIFO control */
#define UART_LCR     3 /* line control */
#define UART_MCR     4 /* modem control */
#define UART_LSR     5 /* line status */
#define UART_SCRATCH 7

#define IER_TX       (1u << 1)
#define IIR_NONE     (1u << 0)
#define FCR_ENABLE   0x07 /* FIFOs on, both cleared */
#define LCR_8N1      0x03
#define LCR_DLAB     (1u << 7)
#define MCR_ON       0x0b /* DTR, RTS, and OUT2, which lets interrupts through */
#define LSR_TX_EMPTY (1u << 5)

#define UART_CLOCK   115200
#define DEFAULT_BAUD 115200
#define FIFO_SIZE    16
#define TX_BUFFER    4096    /* a power of two */
#define FLUSH_SPINS  1000000 /* per byte; a dead line must not hold up a panic */

static struct {
    char tx[TX_BUFFER];
    unsigned tx_head, tx_tail; /* head: next to write; they count on and on */
    unsigned lost_lines;
    uint8_t ier;
    bool present, interrupts;
} com1;

static uint8_t uart_read(unsigned reg)
{
    return inb((uint16_t)(COM1_PORT + reg));
}

static void uart_write(unsigned reg, uint8_t v)
{
    outb((uint16_t)(COM1_PORT + reg), v);
}

static void set_ier(uint8_t ier)
{
    if (ier == com1.ier)
        return;
    com1.ier = ier;
    uart_write(UART_IER, ier);
}

static void tx_put(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        com1.tx[com1.tx_head++ % TX_BUFFER] = text[i];
}

static unsigned tx_room(void)
{
    return TX_BUFFER - (com1.tx_head - com1.tx_tail);
}

static void tx_say_lost(void)
{
    char text[64];
    if (!com1.lost_lines || tx_room() < TX_BUFFER / 2)
        return;
    int len = snprintf(text, sizeof(text), "[%u lines lost on this slow console]\r\n", com1.lost_lines);
    com1.lost_lines = 0;
    tx_put(text, (size_t)len);
}

/* Fills the FIFO if it is empty; asks for an interrupt as long as anything waits. */
static void tx_drain(void)
{
    if (com1.tx_head != com1.tx_tail && (uart_read(UART_LSR) & LSR_TX_EMPTY))
        for (unsigned n = 0; n < FIFO_SIZE && com1.tx_tail != com1.tx_head; n++)
            uart_write(UART_DATA, (uint8_t)com1.tx[com1.tx_tail++ % TX_BUFFER]);
    tx_say_lost();
    if (com1.interrupts)
        set_ier(com1.tx_head != com1.tx_tail ? IER_TX : 0);
}

/* Called with interrupts off (printk). */
static void serial_write(struct console *self, const char *text, size_t len)
{
    size_t newlines = 0;
    for (size_t i = 0; i < len; i++)
        newlines += text[i] == '\n';
    if (len + newlines > tx_room()) {
        com1.lost_lines++;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            tx_put("\r", 1);
        tx_put(&text[i], 1);
    }
    tx_drain();
}

static void serial_flush(struct console *self)
{
    unsigned long flags = local_irq_save();
    unsigned spins = 0;
    while (com1.tx_head != com1.tx_tail && spins++ < FLUSH_SPINS) {
        unsigned before = com1.tx_tail;
        tx_drain();
        if (com1.tx_tail != before)
            spins = 0;
    }
    for (spins = 0; !(uart_read(UART_LSR) & LSR_TX_EMPTY) && spins < FLUSH_SPINS; spins++)
        ;
    local_irq_restore(flags);
}

static enum irqreturn serial_interrupt(unsigned irq, void *arg)
{
    if (uart_read(UART_IIR) & IIR_NONE)
        return IRQ_NONE;
    tx_drain();
    return IRQ_HANDLED;
}

/* A register that keeps what is written: there is a 16450 or better. */
static bool uart_probe(void)
{
    uart_write(UART_SCRATCH, 0x5a);
    if (uart_read(UART_SCRATCH) != 0x5a)
        return false;
    uart_write(UART_SCRATCH, 0xa5);
    return uart_read(UART_SCRATCH) == 0xa5;
}

/* "115200" or "9600n8": the number counts, parity and bits are always n8. */
static unsigned baud_from(const char *options)
{
    long baud = strtol(options, NULL, 10);
    return baud > 0 && baud <= UART_CLOCK ? (unsigned)baud : DEFAULT_BAUD;
}

static void uart_setup(unsigned baud)
{
    unsigned divisor = UART_CLOCK / baud;
    uart_write(UART_IER, 0);
    uart_write(UART_LCR, LCR_8N1 | LCR_DLAB);
    uart_write(UART_DATA, (uint8_t)divisor);
    uart_write(UART_IER, (uint8_t)(divisor >> 8));
    uart_write(UART_LCR, LCR_8N1);
    uart_write(UART_FCR, FCR_ENABLE);
    uart_write(UART_MCR, MCR_ON);
}

void serial_console_init(void)
{
    static struct console console = {.name = "ttyS0", .write = serial_write, .flush = serial_flush};
    const char *options = console_options("ttyS0");
    if (!options || !uart_probe())
        return;
    uart_setup(baud_from(options));
    com1.present = true;
    register_console(&console);
}

void serial_enable_interrupts(void)
{
    if (!com1.present)
        return;
    if (request_irq(COM1_IRQ, serial_interrupt, "ttyS0", &com1) < 0) {
        pr_warn("ttyS0: no memory for its interrupt; output may be slow");
        return;
    }
    unsigned long flags = local_irq_save();
    com1.interrupts = true;
    tx_drain();
    local_irq_restore(flags);
}
