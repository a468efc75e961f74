/*
 * e1000_flash.c - words of the NVM of a chipset's MAC, which is a region of the board's flash.
 *
 * Off the packet's way: at probe, for a station address the hardware has not loaded by itself, and after a
 * reset of the PHY for settings it leaves to software. Only reads. The region has two banks; the one whose
 * word 0x13 is signed counts. Cycles are hardware-sequenced: address in, GO, wait for DONE. The I219 takes
 * 32-bit accesses only, the others take them too.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>

#include "kernel/time.h"

#define FLASH_CYCLE_US 100000 /* firmware may be at it */
#define FLASH_TRIES    3
#define FLASH_BANKS    2

static uint32_t flash_read(const struct e1000_adapter *adapter, unsigned reg)
{
    return readl(adapter->flash + reg);
}

static void flash_write(struct e1000_adapter *adapter, unsigned reg, uint32_t value)
{
    writel(value, adapter->flash + reg);
}

static bool flash_wait(struct e1000_adapter *adapter, uint32_t bit, uint32_t want)
{
    for (unsigned us = 0; us < FLASH_CYCLE_US; us++) {
        if ((flash_read(adapter, E1000_FLASH_HSF) & bit) == want)
            return true;
        udelay(1);
    }
    return false;
}

/* One aligned double word. Errors are acknowledged by writing them back. 0 or -EIO. */
static int flash_cycle(struct e1000_adapter *adapter, uint32_t address, uint32_t *value)
{
    const uint32_t results = E1000_FLASH_DONE | E1000_FLASH_ERROR | E1000_FLASH_ACCESS_ERROR;
    uint32_t status;

    if (!(flash_read(adapter, E1000_FLASH_HSF) & E1000_FLASH_VALID) ||
        !flash_wait(adapter, E1000_FLASH_BUSY, 0))
        return -EIO;
    flash_write(adapter, E1000_FLASH_HSF, results);
    flash_write(adapter, E1000_FLASH_ADDRESS, address);
    flash_write(adapter, E1000_FLASH_HSF, E1000_FLASH_GO | adapter->flash_count);
    if (!flash_wait(adapter, E1000_FLASH_DONE, E1000_FLASH_DONE))
        return -EIO;
    status = flash_read(adapter, E1000_FLASH_HSF);
    *value = flash_read(adapter, E1000_FLASH_DATA);
    return status & (E1000_FLASH_ERROR | E1000_FLASH_ACCESS_ERROR) ? -EIO : 0;
}

/* A word by its number from the start of the region's first bank. */
static int flash_read_word(struct e1000_adapter *adapter, uint32_t word, uint16_t *value)
{
    bool whole = adapter->flash_count == E1000_FLASH_COUNT_4;
    uint32_t address = adapter->flash_base + 2 * word, data;

    for (unsigned i = 0; i < FLASH_TRIES; i++) {
        if (flash_cycle(adapter, whole ? address & ~3u : address, &data) < 0)
            continue;
        *value = (uint16_t)(whole && address & 2 ? data >> 16 : data);
        return 0;
    }
    return -EIO;
}

/* Where the registers are, and where and how large the region is. Return: whether there is one. */
static bool flash_find(struct e1000_adapter *adapter)
{
    uint32_t region, first, last;

    if (adapter->flash)
        return true;
    if (adapter->chip->nvm == E1000_NVM_FLASH_BAR0) {
        region = (e1000_read(adapter, E1000_STRAP) & E1000_STRAP_NVM_SIZE) >> E1000_STRAP_NVM_SHIFT;
        adapter->flash = adapter->regs + E1000_FLASH_IN_BAR0;
        adapter->flash_count = E1000_FLASH_COUNT_4;
        adapter->flash_bank_words = (region + 1) << E1000_FLASH_SECTOR_SHIFT >> 2;
        return true;
    }
    adapter->flash = pci_ioremap_bar(adapter->pci, E1000_FLASH_BAR);
    if (!adapter->flash)
        return false;
    region = flash_read(adapter, E1000_FLASH_GFPREG);
    first = region & E1000_FLASH_GFPREG_SECTOR;
    last = region >> 16 & E1000_FLASH_GFPREG_SECTOR;
    adapter->flash_count = E1000_FLASH_COUNT_2;
    adapter->flash_base = first << E1000_FLASH_SECTOR_SHIFT;
    adapter->flash_bank_words = (last + 1 - first) << E1000_FLASH_SECTOR_SHIFT >> 2;
    if (last < first)
        adapter->flash = NULL;
    return adapter->flash;
}

/* 0 or -EIO: no bank is signed. */
static int flash_find_bank(struct e1000_adapter *adapter, uint32_t *start)
{
    uint16_t signature;

    for (unsigned bank = 0; bank < FLASH_BANKS; bank++) {
        *start = bank * adapter->flash_bank_words;
        if (flash_read_word(adapter, *start + NVM_SIGNATURE_WORD, &signature) < 0)
            return -EIO;
        if ((signature & NVM_SIGNATURE) == NVM_SIGNATURE_VALID)
            return 0;
    }
    return -EIO;
}

int e1000_flash_read(struct e1000_adapter *adapter, unsigned word, uint16_t *value)
{
    uint32_t start;
    int err = flash_find(adapter) ? flash_find_bank(adapter, &start) : -EIO;

    return err ? err : flash_read_word(adapter, start + word, value);
}
