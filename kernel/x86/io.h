/*
 * io.h - the only way to device registers. On the hosted build tests/host/io.h shadows this file
 * and leads to the device models.
 */
#ifndef KERNEL_X86_IO_H
#define KERNEL_X86_IO_H

#include "kernel/types.h"

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

/* Memory-mapped registers: strongly ordered, never cached (ioremap). */
static inline uint32_t readl(const volatile void *addr)
{
    return *(const volatile uint32_t *)addr;
}

static inline void writel(uint32_t v, volatile void *addr)
{
    *(volatile uint32_t *)addr = v;
}

/* PCI configuration space in memory. AMD's family 10h takes no register but EAX there (its BKDG, 2.11.1). */
static inline uint32_t read_config_memory(const volatile void *addr)
{
    uint32_t v;
    __asm__ volatile("movl %1, %0" : "=a"(v) : "m"(*(const volatile uint32_t *)addr));
    return v;
}

static inline void write_config_memory(uint32_t v, volatile void *addr)
{
    __asm__ volatile("movl %1, %0" : "=m"(*(volatile uint32_t *)addr) : "a"(v));
}

static inline void writew(uint16_t v, volatile void *addr)
{
    *(volatile uint16_t *)addr = v;
}

/* Maps `len` bytes of device memory uncached. NULL without page-table memory. Never unmapped. */
volatile void *ioremap(uint64_t phys, size_t len);
/* The same for memory that is only written to, as a screen's: the CPU gathers writes, where it can. */
volatile void *ioremap_wc(uint64_t phys, size_t len);

/* The address a bus master must use for this memory. */
static inline uint64_t virt_to_bus(const volatile void *p)
{
    return (uintptr_t)p;
}

/* Orders memory writes before what follows for a bus master (dma_wmb) and reads after (dma_rmb). x86 keeps
 * both orders by itself; the compiler must be told. */
#define dma_wmb() barrier()
#define dma_rmb() barrier()

#endif
