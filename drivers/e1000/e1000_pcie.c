/*
 * e1000_pcie.c - resetting the PCI Express members of the family, and their errata.
 *
 * Off the packet's way: steps that e1000_chips.c names and e1000_reset_hw() takes, at probe, at close and
 * after a transmit hang. Here is what all of them need (the bus must be quiet, the I219's rings empty) and
 * what the cards with a PHY inside need (82571 to 82574, 82583); MACs in chipsets are in e1000_ich.c.
 *
 * A bit that has a number for a name has none in Intel's manuals: they say that it must be set.
 */
#include "drivers/e1000/e1000.h"

#include "kernel/log.h"
#include "kernel/time.h"

#define MASTER_DISABLE_US 80000
#define QUIESCE_MS        10
#define AUTO_READ_US      10000
#define PHY_CONFIG_MS     25 /* 82573 and later: firmware configures the PHY after the registers are loaded */

#define FLUSH_TX_US    250
#define FLUSH_RX_US    150
#define FLUSH_TX_BYTES 512

void e1000_msleep(unsigned ms)
{
    while (ms--)
        udelay(1000);
}

void e1000_change(struct e1000_adapter *adapter, unsigned reg, uint32_t clear, uint32_t set)
{
    e1000_write(adapter, reg, (e1000_read(adapter, reg) & ~clear) | set);
}

/* --- before a reset --- */

static bool e1000_rings_stuck(struct e1000_adapter *adapter)
{
    return pci_read_config16(adapter->pci, E1000_PCI_RING_STATUS) & E1000_PCI_RING_FLUSH &&
           e1000_read(adapter, E1000_TDLEN);
}

/* Whatever lies at the ring's end is overwritten: the ring itself serves as data, which never leaves. */
static void e1000_flush_tx(struct e1000_adapter *adapter)
{
    struct e1000_tx_ring *ring = &adapter->tx;
    uint32_t tail = e1000_read(adapter, E1000_TDT);

    if (tail >= ring->count)
        return;
    e1000_change(adapter, E1000_TCTL, 0, E1000_TCTL_EN);
    ring->desc[tail].data = (struct e1000_data_desc){
        .buffer_addr = virt_to_bus(ring->desc),
        .dtalen_dtyp_dcmd = FLUSH_TX_BYTES | E1000_TXD_CMD_IFCS, /* no end of packet: nothing is sent */
    };
    dma_wmb(); /* descriptor before the tail that gives it away; pairs with the card's DMA */
    e1000_write(adapter, E1000_TDT, tail + 1 == ring->count ? 0 : tail + 1);
    e1000_flush(adapter);
    udelay(FLUSH_TX_US);
    e1000_change(adapter, E1000_TCTL, E1000_TCTL_EN, 0);
}

/* Other thresholds, which a moment of running makes the card take up: it lets go of what it has prefetched.
 */
static void e1000_flush_rx(struct e1000_adapter *adapter)
{
    e1000_change(adapter, E1000_RCTL, E1000_RCTL_EN, 0);
    e1000_flush(adapter);
    udelay(FLUSH_RX_US);
    e1000_change(adapter, E1000_RXDCTL, E1000_RXDCTL_THRESHOLDS, E1000_RXDCTL_FLUSH);
    e1000_change(adapter, E1000_RCTL, 0, E1000_RCTL_EN);
    e1000_flush(adapter);
    udelay(FLUSH_RX_US);
    e1000_change(adapter, E1000_RCTL, E1000_RCTL_EN, 0);
}

/*
 * I219, "transmit hang on reset": with descriptors left in its rings a reset makes the unit hang until the
 * machine is reset. The configuration space tells whether there are some.
 */
static void e1000_flush_rings(struct e1000_adapter *adapter)
{
    e1000_change(adapter, E1000_FEXTNVM11, 0, E1000_FEXTNVM11_NO_MULR_FIX);
    if (!adapter->tx.desc || !e1000_rings_stuck(adapter))
        return;
    e1000_flush_tx(adapter);
    if (e1000_rings_stuck(adapter))
        e1000_flush_rx(adapter);
}

/*
 * A reset in the middle of a transfer can leave the bus waiting for its end for ever (316080 13.3.1,
 * GIO Master Disable). A card that does not get its requests back is reset all the same.
 */
void e1000_pcie_quiesce(struct e1000_adapter *adapter)
{
    if (adapter->chip->flags & E1000_FLUSH_RINGS)
        e1000_flush_rings(adapter);
    e1000_change(adapter, E1000_CTRL, 0, E1000_CTRL_GIO_MASTER_DISABLE);
    if (!e1000_wait(adapter, E1000_STATUS, E1000_STATUS_GIO_MASTER, 0, MASTER_DISABLE_US))
        pr_warn("e1000 %02x:%02x.%x: the card still waits for the bus; resetting it all the same\n",
                adapter->pci->bus, adapter->pci->slot, adapter->pci->func);
    e1000_msleep(QUIESCE_MS);
}

/* --- 82571 to 82574, 82583 --- */

/* Firmware has the PHY after a reset, until it has configured it; meanwhile it must not have it. */
void e1000_82571_reset(struct e1000_adapter *adapter)
{
    bool mdio = adapter->chip->flags & E1000_MDIO_FOR_RESET && e1000_swflag_take(adapter);

    e1000_reset_mac(adapter);
    if (mdio)
        e1000_swflag_give(adapter);
    if ((e1000_read(adapter, E1000_EECD) & E1000_EECD_FLASH) == E1000_EECD_FLASH)
        e1000_change(adapter, E1000_CTRL_EXT, 0, E1000_CTRL_EXT_EE_RST);
    if (!e1000_wait(adapter, E1000_EECD, E1000_EECD_AUTO_RD, E1000_EECD_AUTO_RD, AUTO_READ_US))
        pr_warn("e1000 %02x:%02x.%x: the card has not loaded its registers from the EEPROM\n",
                adapter->pci->bus, adapter->pci->slot, adapter->pci->func);
    if (adapter->chip->flags & E1000_MDIO_FOR_RESET)
        e1000_msleep(PHY_CONFIG_MS);
}

/* Sent descriptors are written back one by one, in both queues: the driver looks for DD in memory. */
void e1000_pcie_set_txdctl(struct e1000_adapter *adapter, uint32_t more)
{
    uint32_t txdctl = E1000_TXDCTL_GRAN | E1000_TXDCTL_WTHRESH_1 | E1000_TXDCTL_COUNT_DESC | more;

    e1000_change(adapter, E1000_TXDCTL, E1000_TXDCTL_THRESHOLDS, txdctl);
    e1000_change(adapter, E1000_TXDCTL1, E1000_TXDCTL_THRESHOLDS, txdctl);
}

/* 30:27 of TARC0 0 and what is set here, each for an erratum of the transmit arbitration (316080 13.3.52). */
#define TARC0_CLEAR       0x78000000
#define TARC0_82571       0x07800000
#define TARC0_82574       0x04000000
#define TARC1_CLEAR_82571 0x60000000
#define TARC1_82571       0x07400000

/* Smart power down makes a link come seconds later; low power link up makes it a slow one. */
static void e1000_82571_wake_phy(struct e1000_adapter *adapter)
{
    uint16_t power;

    if (e1000_phy_read(adapter, PHY_IGP_POWER, &power) == 0)
        e1000_phy_write(adapter, PHY_IGP_POWER, power & (uint16_t) ~(PHY_IGP_POWER_SPD | PHY_IGP_POWER_LPLU));
}

void e1000_82571_set_bits(struct e1000_adapter *adapter)
{
    e1000_pcie_set_txdctl(adapter, 0);
    e1000_change(adapter, E1000_TARC0, TARC0_CLEAR, TARC0_82571 | E1000_TARC_SPEED_MODE);
    e1000_change(adapter, E1000_TARC1, TARC1_CLEAR_82571, TARC1_82571 | E1000_TARC_MULR);
    e1000_change(adapter, E1000_PBA_ECC, 0, E1000_PBA_ECC_CORR_EN);
    /* Erratum: with the clock of the DMA gated, transfers may stall. */
    e1000_change(adapter, E1000_CTRL_EXT, E1000_CTRL_EXT_DYN_CLK, 0);
    e1000_82571_wake_phy(adapter);
}

/* Erratum of the 82571 and 82572: the speed mode bit hangs the transmitter below 1000 Mb/s. */
void e1000_82571_link_changed(struct e1000_adapter *adapter, uint32_t status)
{
    bool gigabit = status & E1000_STATUS_SPEED_1000;

    e1000_change(adapter, E1000_TARC0, gigabit ? 0 : E1000_TARC_SPEED_MODE,
                 gigabit ? E1000_TARC_SPEED_MODE : 0);
}

static void e1000_82573_set_common_bits(struct e1000_adapter *adapter)
{
    e1000_pcie_set_txdctl(adapter, 0);
    e1000_change(adapter, E1000_CTRL, E1000_CTRL_RESERVED_29, 0);
    e1000_change(adapter, E1000_CTRL_EXT, E1000_CTRL_EXT_BIT_23, E1000_CTRL_EXT_BIT_22);
    e1000_change(adapter, E1000_GCR, 0, E1000_GCR_L1_WITHOUT_L0S);
}

void e1000_82573_set_bits(struct e1000_adapter *adapter)
{
    e1000_82573_set_common_bits(adapter);
    e1000_change(adapter, E1000_TARC0, TARC0_CLEAR, 0);
}

/* Erratum of the 82574 and 82583: completions that come late are taken for errors and end in a hang. */
void e1000_82574_set_bits(struct e1000_adapter *adapter)
{
    e1000_82573_set_common_bits(adapter);
    e1000_change(adapter, E1000_TARC0, TARC0_CLEAR, TARC0_82574);
    e1000_change(adapter, E1000_GCR, 0, E1000_GCR_BIT_22);
    e1000_change(adapter, E1000_GCR2, 0, E1000_GCR2_BIT_0);
    e1000_change(adapter, E1000_PHY_CTRL, E1000_PHY_CTRL_D0A_LPLU, 0);
}

/* --- all of them --- */

/* Firmware keeps its hands off while a driver has the card. */
void e1000_pcie_tell_firmware(struct e1000_adapter *adapter, bool loaded)
{
    bool swsm = adapter->chip->flags & E1000_HAS_SWSM_LOADED;
    uint32_t bit = swsm ? E1000_SWSM_DRV_LOAD : E1000_CTRL_EXT_DRV_LOAD;

    if (adapter->chip->flags & E1000_IS_PCIE)
        e1000_change(adapter, swsm ? E1000_SWSM : E1000_CTRL_EXT, loaded ? 0 : bit, loaded ? bit : 0);
}
