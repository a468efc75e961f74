/*
 * io.h - stands in for kernel/x86/io.h on the hosted build: ports and device memory lead to the models that
 * tests/host/pci_model.c knows.
 */
#ifndef KERNEL_X86_IO_H
#define KERNEL_X86_IO_H

#include "kernel/types.h"

void host_port_write(uint16_t port, uint32_t value, unsigned bytes);
uint32_t host_port_read(uint16_t port, unsigned bytes);
uint32_t host_mmio_read(const volatile void *addr);
void host_mmio_write(volatile void *addr, uint32_t value);

static inline void outb(uint16_t port, uint8_t v)
{
    host_port_write(port, v, 1);
}

static inline void outw(uint16_t port, uint16_t v)
{
    host_port_write(port, v, 2);
}

static inline void outl(uint16_t port, uint32_t v)
{
    host_port_write(port, v, 4);
}

static inline uint8_t inb(uint16_t port)
{
    return (uint8_t)host_port_read(port, 1);
}

static inline uint16_t inw(uint16_t port)
{
    return (uint16_t)host_port_read(port, 2);
}

static inline uint32_t inl(uint16_t port)
{
    return host_port_read(port, 4);
}

static inline uint32_t readl(const volatile void *addr)
{
    return host_mmio_read(addr);
}

static inline void writel(uint32_t v, volatile void *addr)
{
    host_mmio_write(addr, v);
}

static inline uint32_t read_config_memory(const volatile void *addr)
{
    return host_mmio_read(addr);
}

static inline void write_config_memory(uint32_t v, volatile void *addr)
{
    host_mmio_write(addr, v);
}

/* Device memory whose BAR holds `phys`; NULL if no model decodes that address. */
volatile void *ioremap(uint64_t phys, size_t len);

/* Models reach buffers by the program's own pointers. */
static inline uint64_t virt_to_bus(const volatile void *p)
{
    return (uintptr_t)p;
}

#define dma_wmb() barrier()
#define dma_rmb() barrier()

#endif
