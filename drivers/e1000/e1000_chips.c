/*
 * e1000_chips.c - which cards this driver takes, and how their kinds differ.
 *
 * Read once per card, at probe. Identifiers and what a kind needs are from Intel's manuals and specification
 * updates (the errata are named where they are dealt with). What a person calls each card stands in
 * drivers/pci/pci_names.c.
 */
#include "drivers/e1000/e1000.h"

#define PCI_VENDOR_INTEL 0x8086

/* All MACs in chipsets. */
#define CHIPSET (E1000_IS_PCIE | E1000_IS_CHIPSET | E1000_TSO_GIGABIT)
#define PCH     (CHIPSET | E1000_IS_PCH)
#define LPT     (PCH | E1000_SHARED_FILTER | E1000_GATED_PHY | E1000_HAS_I217_PHY)
#define I219    (LPT | E1000_HAS_ULP | E1000_FLUSH_RINGS | E1000_IS_I219)

#define ICH_STEPS                                                                                            \
    .before_reset = e1000_pcie_quiesce, .reset = e1000_ich_reset, .after_reset = e1000_ich_set_bits
#define PCH_STEPS ICH_STEPS, .wake = e1000_pch_wake_phy, .link_changed = e1000_pch_link_changed

enum kind {
    I82540,
    I82544,
    I82546,
    I82571,
    I82572,
    I82573,
    I82574,
    I82583,
    ICH8,
    ICH9,
    ICH10,
    I82577,
    I82579,
    I217,
    I218_LP,
    I219_100,
    I219_300,
    I219_500,
    I219_NEW,
    KINDS
};

static const struct e1000_chip chips[KINDS] = {
    /*
     * Errata of the 8254x about trains: a descriptor that holds a whole train, and that of the frame behind
     * one, may be written back before the card has read the data ("premature descriptor write-back"), and in
     * PCI-X mode a first piece of more than 2015 bytes hangs it (erratum 10 of the 82545 and 82546). Cutting
     * trains in software costs less than frames that are wrong; emulated cards have no such faults.
     */
    [I82540] = {.name = "82540, 82545",
                .seen = E1000_SEEN_QEMU,
                .flags = E1000_TSO_EMULATED,
                .addresses = E1000_RA_COUNT,
                .mta_words = E1000_MTA_WORDS},
    /* The worst of them: not even the emulated one is trusted with trains. */
    [I82544] = {.name = "82544",
                .seen = E1000_SEEN_QEMU,
                .flags = E1000_HAS_NO_GRANT | E1000_NO_TSO,
                .addresses = E1000_RA_COUNT,
                .mta_words = E1000_MTA_WORDS},
    [I82546] = {.name = "82546",
                .flags = E1000_HAS_TWO_PORTS | E1000_TSO_EMULATED,
                .addresses = E1000_RA_COUNT,
                .mta_words = E1000_MTA_WORDS},
    /* Erratum 13 of the 82571 and 82572: no ASPM L1. */
    [I82571] = {.name = "82571",
                .lock = E1000_LOCK_SWSM,
                .nvm = E1000_NVM_EERD,
                .flags = E1000_IS_PCIE | E1000_TSO_GIGABIT | E1000_NO_ASPM_L1,
                .addresses = 15,
                .mta_words = E1000_MTA_WORDS,
                .rx_kbytes = 32,
                .before_reset = e1000_pcie_quiesce,
                .reset = e1000_82571_reset,
                .after_reset = e1000_82571_set_bits,
                .link_changed = e1000_82571_link_changed},
    [I82572] = {.name = "82572",
                .lock = E1000_LOCK_SWSM,
                .nvm = E1000_NVM_EERD,
                .flags = E1000_IS_PCIE | E1000_TSO_GIGABIT | E1000_NO_ASPM_L1,
                .addresses = 15,
                .mta_words = E1000_MTA_WORDS,
                .rx_kbytes = 32,
                .before_reset = e1000_pcie_quiesce,
                .reset = e1000_82571_reset,
                .after_reset = e1000_82571_set_bits,
                .link_changed = e1000_82571_link_changed},
    [I82573] = {.name = "82573",
                .lock = E1000_LOCK_SWSM,
                .nvm = E1000_NVM_EERD,
                .flags = E1000_IS_PCIE | E1000_TSO_GIGABIT | E1000_NO_ASPM_L0S | E1000_NO_ASPM_L1 |
                         E1000_MDIO_FOR_RESET | E1000_HAS_SWSM_LOADED,
                .addresses = 15,
                .mta_words = E1000_MTA_WORDS,
                .rx_kbytes = 12,
                .before_reset = e1000_pcie_quiesce,
                .reset = e1000_82571_reset,
                .after_reset = e1000_82573_set_bits},
    /* Its errata about ASPM: it may hang coming out of L0s, and loses completions with L1. */
    [I82574] = {.name = "82574",
                .seen = E1000_SEEN_QEMU,
                .lock = E1000_LOCK_SWFLAG,
                .pages = E1000_PHY_BM,
                .nvm = E1000_NVM_EERD,
                .flags = E1000_IS_PCIE | E1000_TSO_GIGABIT | E1000_NO_ASPM_L0S | E1000_NO_ASPM_L1 |
                         E1000_MDIO_FOR_RESET,
                .addresses = 15,
                .mta_words = E1000_MTA_WORDS,
                .rx_kbytes = 20,
                .before_reset = e1000_pcie_quiesce,
                .reset = e1000_82571_reset,
                .after_reset = e1000_82574_set_bits},
    [I82583] = {.name = "82583",
                .lock = E1000_LOCK_SWFLAG,
                .pages = E1000_PHY_BM,
                .nvm = E1000_NVM_EERD,
                .flags = E1000_IS_PCIE | E1000_TSO_GIGABIT | E1000_NO_ASPM_L0S | E1000_NO_ASPM_L1 |
                         E1000_MDIO_FOR_RESET,
                .addresses = 15,
                .mta_words = E1000_MTA_WORDS,
                .rx_kbytes = 20,
                .before_reset = e1000_pcie_quiesce,
                .reset = e1000_82571_reset,
                .after_reset = e1000_82574_set_bits},
    [ICH8] = {.name = "82566, 82562 (ICH8)",
              .lock = E1000_LOCK_SWFLAG,
              .nvm = E1000_NVM_FLASH,
              .flags = CHIPSET | E1000_SNOOP_REVERSED,
              .addresses = 6,
              .mta_words = 32,
              .rx_kbytes = 8,
              ICH_STEPS},
    [ICH9] = {.name = "82566, 82567, 82562 (ICH9)",
              .lock = E1000_LOCK_SWFLAG,
              .nvm = E1000_NVM_FLASH,
              .flags = CHIPSET,
              .addresses = 7,
              .mta_words = 32,
              .rx_kbytes = 10,
              ICH_STEPS},
    [ICH10] = {.name = "82567 (ICH10)",
               .lock = E1000_LOCK_SWFLAG,
               .nvm = E1000_NVM_FLASH,
               .flags = CHIPSET,
               .addresses = 7,
               .mta_words = 32,
               .rx_kbytes = 10,
               ICH_STEPS},
    [I82577] = {.name = "82577, 82578",
                .lock = E1000_LOCK_SWFLAG,
                .pages = E1000_PHY_HIGH,
                .nvm = E1000_NVM_FLASH,
                .flags = PCH,
                .addresses = 7,
                .mta_words = 32,
                .rx_kbytes = 26,
                PCH_STEPS},
    [I82579] = {.name = "82579",
                .lock = E1000_LOCK_SWFLAG,
                .pages = E1000_PHY_HIGH,
                .nvm = E1000_NVM_FLASH,
                .flags = PCH | E1000_SHARED_FILTER | E1000_GATED_PHY | E1000_SLOW_MDIO,
                .addresses = 5,
                .second_addr = 7,
                .mta_words = 32,
                .rx_kbytes = 26,
                PCH_STEPS},
    [I217] = {.name = "I217, I218",
              .lock = E1000_LOCK_SWFLAG,
              .pages = E1000_PHY_HIGH,
              .nvm = E1000_NVM_FLASH,
              .flags = LPT,
              .addresses = 12,
              .mta_words = 32,
              .rx_kbytes = 26,
              PCH_STEPS},
    [I218_LP] = {.name = "I218 (mobile)",
                 .lock = E1000_LOCK_SWFLAG,
                 .pages = E1000_PHY_HIGH,
                 .nvm = E1000_NVM_FLASH,
                 .flags = LPT | E1000_HAS_ULP | E1000_K1_HOLDS_CLOCK,
                 .addresses = 12,
                 .mta_words = 32,
                 .rx_kbytes = 26,
                 PCH_STEPS},
    /* The buffer overrun of these two series is met by two requests instead of three, and by cutting trains
     * before the card sees them. */
    [I219_100] = {.name = "I219 (100 and 200 series)",
                  .lock = E1000_LOCK_SWFLAG,
                  .pages = E1000_PHY_HIGH,
                  .nvm = E1000_NVM_FLASH_BAR0,
                  .flags = I219 | E1000_TWO_REQUESTS | E1000_NO_TSO,
                  .addresses = 12,
                  .mta_words = 32,
                  .rx_kbytes = 26,
                  PCH_STEPS},
    [I219_300] = {.name = "I219 (300 and 400 series)",
                  .lock = E1000_LOCK_SWFLAG,
                  .pages = E1000_PHY_HIGH,
                  .nvm = E1000_NVM_FLASH_BAR0,
                  .flags = I219,
                  .addresses = 12,
                  .mta_words = 32,
                  .rx_kbytes = 26,
                  PCH_STEPS},
    [I219_500] = {.name = "I219 (500 to 800 series)",
                  .lock = E1000_LOCK_SWFLAG,
                  .pages = E1000_PHY_HIGH,
                  .nvm = E1000_NVM_FLASH_BAR0,
                  .flags = I219 | E1000_DMA_CLOCK_RUNS,
                  .addresses = 12,
                  .mta_words = 32,
                  .rx_kbytes = 26,
                  PCH_STEPS},
    [I219_NEW] = {.name = "I219 (later)",
                  .lock = E1000_LOCK_SWFLAG,
                  .pages = E1000_PHY_HIGH,
                  .nvm = E1000_NVM_FLASH_BAR0,
                  .flags = I219 | E1000_DMA_CLOCK_RUNS | E1000_NO_SELF_GATING,
                  .addresses = 12,
                  .mta_words = 32,
                  .rx_kbytes = 26,
                  PCH_STEPS},
};

#define CARD(id, kind)                                                                                       \
    {                                                                                                        \
        PCI_VENDOR_INTEL, id, (unsigned long)&chips[kind], NULL                                              \
    }

/* Copper only: cards for fibre and backplanes have another way to a link. */
const struct pci_device_id e1000_ids[] = {
    CARD(0x100e, I82540),   CARD(0x1015, I82540),   CARD(0x1016, I82540),   CARD(0x1017, I82540),
    CARD(0x101e, I82540),   CARD(0x1008, I82544),   CARD(0x100c, I82544),   CARD(0x100d, I82544),
    CARD(0x100f, I82540),   CARD(0x1026, I82540),   CARD(0x1010, I82546),   CARD(0x1079, I82546),

    CARD(0x105e, I82571),   CARD(0x10a4, I82571),   CARD(0x10bc, I82571),   CARD(0x10d5, I82571),
    CARD(0x107d, I82572),   CARD(0x10b9, I82572),   CARD(0x108b, I82573),   CARD(0x108c, I82573),
    CARD(0x109a, I82573),   CARD(0x10d3, I82574),   CARD(0x10f6, I82574),   CARD(0x150c, I82583),

    CARD(0x1049, ICH8),     CARD(0x104a, ICH8),     CARD(0x104b, ICH8),     CARD(0x104c, ICH8),
    CARD(0x104d, ICH8),     CARD(0x10c4, ICH8),     CARD(0x10c5, ICH8),     CARD(0x1501, ICH8),
    CARD(0x10bd, ICH9),     CARD(0x10bf, ICH9),     CARD(0x10c0, ICH9),     CARD(0x10c2, ICH9),
    CARD(0x10c3, ICH9),     CARD(0x10cb, ICH9),     CARD(0x10e5, ICH9),     CARD(0x10f5, ICH9),
    CARD(0x294c, ICH9),     CARD(0x10cc, ICH10),    CARD(0x10cd, ICH10),    CARD(0x10ce, ICH10),
    CARD(0x10de, ICH10),    CARD(0x10df, ICH10),    CARD(0x1525, ICH10),

    CARD(0x10ea, I82577),   CARD(0x10eb, I82577),   CARD(0x10ef, I82577),   CARD(0x10f0, I82577),
    CARD(0x1502, I82579),   CARD(0x1503, I82579),   CARD(0x153a, I217),     CARD(0x153b, I217),
    CARD(0x15a0, I217),     CARD(0x15a1, I217),     CARD(0x1559, I218_LP),  CARD(0x155a, I218_LP),
    CARD(0x15a2, I218_LP),  CARD(0x15a3, I218_LP),

    CARD(0x156f, I219_100), CARD(0x1570, I219_100), CARD(0x15b7, I219_100), CARD(0x15b8, I219_100),
    CARD(0x15b9, I219_100), CARD(0x15d6, I219_100), CARD(0x15d7, I219_100), CARD(0x15d8, I219_100),
    CARD(0x15e3, I219_100), CARD(0x15bb, I219_300), CARD(0x15bc, I219_300), CARD(0x15bd, I219_300),
    CARD(0x15be, I219_300), CARD(0x15df, I219_300), CARD(0x15e0, I219_300), CARD(0x15e1, I219_300),
    CARD(0x15e2, I219_300), CARD(0x0d4c, I219_300), CARD(0x0d4d, I219_300), CARD(0x0d4e, I219_300),
    CARD(0x0d4f, I219_300), CARD(0x0d53, I219_300), CARD(0x0d55, I219_300), CARD(0x15f4, I219_500),
    CARD(0x15f5, I219_500), CARD(0x15f9, I219_500), CARD(0x15fa, I219_500), CARD(0x15fb, I219_500),
    CARD(0x15fc, I219_500), CARD(0x1a1c, I219_500), CARD(0x1a1d, I219_500), CARD(0x1a1e, I219_500),
    CARD(0x1a1f, I219_500), CARD(0x0dc5, I219_500), CARD(0x0dc6, I219_500), CARD(0x0dc7, I219_500),
    CARD(0x0dc8, I219_500), CARD(0x550a, I219_500), CARD(0x550b, I219_500), CARD(0x550c, I219_500),
    CARD(0x550d, I219_500), CARD(0x550e, I219_500), CARD(0x550f, I219_500), CARD(0x5510, I219_500),
    CARD(0x5511, I219_500), CARD(0x57a0, I219_500), CARD(0x57a1, I219_500), CARD(0x57b3, I219_NEW),
    CARD(0x57b4, I219_NEW), CARD(0x57b5, I219_NEW), CARD(0x57b6, I219_NEW), CARD(0x57b7, I219_NEW),
    CARD(0x57b8, I219_NEW), CARD(0x57b9, I219_NEW), CARD(0x57ba, I219_NEW),

    {0, 0, 0, NULL},
};

const struct e1000_chip *e1000_chip_of(const struct pci_device_id *id)
{
    return (const struct e1000_chip *)id->driver_data;
}

const struct e1000_chip *e1000_chip_next(const struct e1000_chip *prev)
{
    const struct e1000_chip *next = prev ? prev + 1 : chips;

    return next == chips + KINDS ? NULL : next;
}
