/*
 * e1000_chips.h - what one member of the family has that another has not.
 *
 * Rings, descriptors, filters, interrupts and statistics are the same from the 82540 of 2002 to the I219 of
 * today, and so is the code for them. Members differ in how they are reset, how their PHY is reached and
 * whom they share it with, where their address stands, and in their errata: all that is one struct e1000_chip
 * per kind, and off the packet's way.
 */
#ifndef DRIVERS_E1000_E1000_CHIPS_H
#define DRIVERS_E1000_E1000_CHIPS_H

#include "drivers/pci/pci.h"

struct e1000_adapter;

/* Where this driver has been seen at work on it. */
enum e1000_seen {
    E1000_SEEN_MODEL, /* in the register-level model of tests/host only */
    E1000_SEEN_QEMU,  /* in QEMU */
    E1000_SEEN_METAL, /* on the real thing */
};

/* Who else uses the PHY and the NVM, and how one takes turns: e1000_lock.c. */
enum e1000_lock {
    E1000_LOCK_NONE,
    E1000_LOCK_SWSM,   /* the other port and firmware: SWSM.SMBI, then SWSM.SWESMBI */
    E1000_LOCK_SWFLAG, /* firmware: EXTCNF_CTRL bit 5, "MDIO ownership" or "software flag" */
};

/* How the registers of the PHY behind the first 16 are reached: e1000_phy.c. */
enum e1000_phy_pages {
    E1000_PHY_IGP,  /* address 1, the whole register number in register 31 (also: no pages used at all) */
    E1000_PHY_BM,   /* address 1, page in register 22 */
    E1000_PHY_HIGH, /* addresses 1 and 2 by page, page << 5 in register 31 of address 1 */
};

/* Where the NVM is read if the card has not loaded its address by itself. */
enum e1000_nvm {
    E1000_NVM_EEPROM,    /* EERD as the 8254x have it, or Microwire */
    E1000_NVM_EERD,      /* EERD of the PCI Express generation */
    E1000_NVM_FLASH,     /* the chipset's flash, through registers in BAR 1 */
    E1000_NVM_FLASH_BAR0 /* ... in BAR 0 (I219) */
};

#define E1000_HAS_NO_GRANT  0x00000001 /* no arbitration for its EEPROM (82544) */
#define E1000_HAS_TWO_PORTS 0x00000002 /* the second has the EEPROM's address with the last bit flipped */
#define E1000_IS_PCIE       0x00000004
#define E1000_IS_CHIPSET    0x00000008 /* the MAC in an ICH or PCH: its PHY is a chip of its own */
#define E1000_IS_PCH        0x00000010 /* 82577 and later */
#define E1000_HAS_SWSM_LOADED                                                                                \
    0x00000020                          /* firmware is told in SWSM that a driver is there, else CTRL_EXT    \
                                         */
#define E1000_MDIO_FOR_RESET 0x00000040 /* the PHY must be ours when the MAC is reset */
#define E1000_NO_TSO         0x00000080
#define E1000_TSO_GIGABIT    0x00000100 /* cuts trains at 1000 Mb/s only */
#define E1000_TSO_EMULATED   0x00000800 /* cuts trains well only where it is not a real card */
#define E1000_NO_ASPM_L0S    0x00000200
#define E1000_NO_ASPM_L1     0x00000400
#define E1000_FLUSH_RINGS    0x00001000 /* rings must be empty before a reset */
#define E1000_HAS_ULP        0x00002000 /* the PHY may be in ultra low power */
#define E1000_SHARED_FILTER  0x00004000 /* firmware may have places of the address filter for itself */
#define E1000_GATED_PHY      0x00008000 /* hardware's configuring of the PHY must be held off meanwhile */
#define E1000_SLOW_MDIO      0x00010000 /* an access needs time after it (82579) */
#define E1000_HAS_I217_PHY   0x00020000 /* I217, I218 or I219 beside it */
#define E1000_K1_HOLDS_CLOCK 0x00040000 /* I218: K1 at 1000 Mb/s loses DMA completions */
#define E1000_IS_I219        0x00080000
#define E1000_TWO_REQUESTS   0x00100000 /* I219 of the 100 and 200 series: buffer overrun with three */
#define E1000_DMA_CLOCK_RUNS 0x00200000 /* I219 from the 500 series on: loses packets with it gated */
#define E1000_NO_SELF_GATING 0x00400000 /* newest I219: must not switch its own power off */
#define E1000_SNOOP_REVERSED 0x00800000 /* ICH8: GCR's no-snoop bits mean the opposite */

#define E1000_QEMU_82574 0x10d3 /* the one later member that QEMU has a model of */

struct e1000_chip {
    const char *name; /* the row of README's table */
    enum e1000_seen seen;
    enum e1000_lock lock;
    enum e1000_phy_pages pages;
    enum e1000_nvm nvm;
    unsigned flags;
    uint8_t addresses;   /* places in the address filter */
    uint8_t second_addr; /* the register pair of the second one; 0: follows the first */
    uint8_t mta_words;   /* 32 bits each */
    uint8_t rx_kbytes;   /* of the packet buffer for receiving; 0: as the card divides it */

    /* NULL: nothing to do. */
    void (*wake)(struct e1000_adapter *adapter);         /* once, before the first reset */
    void (*before_reset)(struct e1000_adapter *adapter); /* the card is stopped, interrupts masked */
    void (*reset)(struct e1000_adapter *adapter);        /* in place of e1000_reset_mac() */
    void (*after_reset)(struct e1000_adapter *adapter);
    void (*link_changed)(struct e1000_adapter *adapter, uint32_t status); /* STATUS as it is now */
};

extern const struct pci_device_id e1000_ids[]; /* driver_data points to the struct e1000_chip */

/* The kinds one after the other, as README lists them; NULL behind the last. */
const struct e1000_chip *e1000_chip_of(const struct pci_device_id *id);
const struct e1000_chip *e1000_chip_next(const struct e1000_chip *prev);

#endif
