/*
 * e1000_ich.c - the MAC inside a chipset: ICH8 to ICH10, and the PCH up to the I219.
 *
 * Off the packet's way: steps that e1000_chips.c names and e1000_reset_hw() takes. The PHY is a chip of its
 * own beside the chipset, joined to it by two wires that carry frames (Kumeran, later a PCIe-like link) and
 * by SMBus, and shared with management firmware. So MAC and PHY are reset together, unless firmware forbids
 * it; afterwards the PHY is set right again by hardware, or by software where hardware cannot.
 *
 * Intel has published no manual of these MACs; each step here is one that its open drivers take for a fault
 * of the hardware, named at its place.
 */
#include "drivers/e1000/e1000.h"

#include "kernel/log.h"
#include "kernel/time.h"

#define RESET_BLOCKED_STEPS   30
#define RESET_BLOCKED_STEP_MS 10
#define RESET_MS              20 /* no register may be read meanwhile: the read would never end */
#define CONFIGURED_US         150000
#define CONFIG_DONE_MS        10
#define PHY_QUIET_MS          10
#define KMRN_US               2

bool e1000_ich_managed(struct e1000_adapter *adapter)
{
    return e1000_read(adapter, E1000_FWSM) & E1000_FWSM_FW_VALID;
}

/* Firmware uses the PHY (a remote session, for one) and wants no reset of it. May pass within moments. */
bool e1000_ich_phy_reset_blocked(struct e1000_adapter *adapter)
{
    for (unsigned i = 0; i < RESET_BLOCKED_STEPS; i++) {
        if (e1000_read(adapter, E1000_FWSM) & E1000_FWSM_RSPCIPHY)
            return false;
        e1000_msleep(RESET_BLOCKED_STEP_MS);
    }
    return true;
}

void e1000_ich_gate_phy(struct e1000_adapter *adapter, bool gate)
{
    if (adapter->chip->flags & E1000_GATED_PHY)
        e1000_change(adapter, E1000_EXTCNF_CTRL, gate ? 0 : E1000_EXTCNF_GATE, gate ? E1000_EXTCNF_GATE : 0);
}

/* --- Kumeran: the lock is held --- */

uint16_t e1000_kmrn_read(struct e1000_adapter *adapter, unsigned offset)
{
    e1000_write(adapter, E1000_KMRNCTRLSTA, offset << E1000_KMRN_OFFSET_SHIFT | E1000_KMRN_READ);
    e1000_flush(adapter);
    udelay(KMRN_US);
    return (uint16_t)e1000_read(adapter, E1000_KMRNCTRLSTA);
}

void e1000_kmrn_write(struct e1000_adapter *adapter, unsigned offset, uint16_t value)
{
    e1000_write(adapter, E1000_KMRNCTRLSTA, offset << E1000_KMRN_OFFSET_SHIFT | value);
    e1000_flush(adapter);
    udelay(KMRN_US);
}

/* Polls of the PHY at 10 Mb/s end too early with what the hardware comes up with. */
static void e1000_kmrn_set_timeouts(struct e1000_adapter *adapter)
{
    if (!e1000_lock(adapter))
        return;
    e1000_kmrn_write(adapter, E1000_KMRN_TIMEOUTS, UINT16_MAX);
    e1000_kmrn_write(adapter, E1000_KMRN_INBAND,
                     e1000_kmrn_read(adapter, E1000_KMRN_INBAND) | E1000_KMRN_INBAND_POLLS);
    e1000_unlock(adapter);
}

/* --- what the NVM has for the PHY --- */

/* The MAC loads the PHY's settings from the NVM. A card without an NVM never says that it is done. */
static void e1000_ich_wait_configured(struct e1000_adapter *adapter)
{
    e1000_msleep(CONFIG_DONE_MS);
    if (adapter->chip->nvm == E1000_NVM_FLASH && !(adapter->chip->flags & E1000_IS_PCH))
        e1000_wait(adapter, E1000_EECD, E1000_EECD_AUTO_RD, E1000_EECD_AUTO_RD, CONFIGURED_US);
    else
        e1000_wait(adapter, E1000_STATUS, E1000_STATUS_LAN_INIT_DONE, E1000_STATUS_LAN_INIT_DONE,
                   CONFIGURED_US);
    e1000_change(adapter, E1000_STATUS, E1000_STATUS_LAN_INIT_DONE | E1000_STATUS_PHYRA, 0);
}

/* Pairs of words: value, register. Register 31 chooses the page of those that follow. */
static void e1000_ich_write_config(struct e1000_adapter *adapter, unsigned word, unsigned count)
{
    unsigned page = 0;
    uint16_t value, reg;

    for (unsigned i = 0; i < count; i++, word += 2) {
        if (e1000_flash_read(adapter, word, &value) < 0 || e1000_flash_read(adapter, word + 1, &reg) < 0)
            return;
        if (reg == PHY_PAGE_SELECT)
            page = value >> PHY_PAGE_SHIFT;
        else if (e1000_phy_write(adapter, PHY_REG(page, PHY_REG_NUMBER(reg)), value) < 0)
            return;
    }
}

/* "LCD configuration": where the NVM says so, hardware does not load the PHY's part of it after a reset. */
static void e1000_ich_configure_phy(struct e1000_adapter *adapter)
{
    uint32_t extcnf = e1000_read(adapter, E1000_EXTCNF_CTRL);
    unsigned count = (e1000_read(adapter, E1000_EXTCNF_SIZE) & E1000_EXTCNF_LENGTH) >> E1000_EXTCNF_SHIFT;

    if (!(e1000_read(adapter, E1000_FEXTNVM) & E1000_FEXTNVM_SW_CONFIG) || !count)
        return;
    if (!(adapter->chip->flags & E1000_SHARED_FILTER) && extcnf & E1000_EXTCNF_LCD_WRITE)
        return; /* 82577, 82578: hardware has done it */
    e1000_ich_write_config(adapter, (extcnf & E1000_EXTCNF_POINTER) >> E1000_EXTCNF_SHIFT << 1, count);
}

/* --- reset --- */

static void e1000_ich_after_phy_reset(struct e1000_adapter *adapter)
{
    e1000_msleep(PHY_QUIET_MS);
    if (!(adapter->chip->flags & E1000_IS_PCH) || !e1000_lock(adapter))
        return;
    e1000_pch_fix_phy(adapter);
    e1000_ich_configure_phy(adapter);
    e1000_pch_set_oem_bits(adapter);
    e1000_unlock(adapter);
    if (!e1000_ich_managed(adapter) && adapter->chip->flags & E1000_SLOW_MDIO) {
        e1000_msleep(PHY_QUIET_MS); /* 82579: hardware may configure its PHY again */
        e1000_ich_gate_phy(adapter, false);
    }
}

/*
 * The semaphore is held so that firmware is not in the middle of an access; the reset frees it. A read of the
 * configuration space before and after puts the time between accesses that the hardware needs.
 */
void e1000_ich_reset(struct e1000_adapter *adapter)
{
    bool blocked = e1000_ich_phy_reset_blocked(adapter), ours;

    if (adapter->chip->flags & E1000_SNOOP_REVERSED) {
        /* ICH8, bit errors in the FIFO's memory: 8 KiB each way, of 16. */
        e1000_write(adapter, E1000_PBA, adapter->chip->rx_kbytes);
        e1000_write(adapter, E1000_PBS, E1000_PBS_16K);
    }
    if (!blocked && !e1000_ich_managed(adapter))
        e1000_ich_gate_phy(adapter, true);
    ours = e1000_lock(adapter); /* if not: e1000_lock() has said so */
    pci_read_config32(adapter->pci, 0);
    e1000_write(adapter, E1000_CTRL,
                e1000_read(adapter, E1000_CTRL) | E1000_CTRL_RST | (blocked ? 0 : E1000_CTRL_PHY_RST));
    e1000_msleep(RESET_MS);
    pci_read_config32(adapter->pci, 0);
    if (ours)
        adapter->lock_depth = 0;
    if (blocked) {
        pr_notice("e1000 %02x:%02x.%x: firmware forbids resetting the PHY; it stays as it is\n",
                  adapter->pci->bus, adapter->pci->slot, adapter->pci->func);
    } else {
        if (adapter->chip->flags & E1000_SLOW_MDIO)
            e1000_change(adapter, E1000_FEXTNVM3, E1000_FEXTNVM3_PHY_CFG, E1000_FEXTNVM3_PHY_CFG_50MS);
        e1000_ich_wait_configured(adapter);
        e1000_ich_after_phy_reset(adapter);
    }
}

/* --- bits --- */

#define TARC0_ICH  0x0d800000 /* 23, 24, 26, 27: errata of the transmit arbitration */
#define TARC0_ICH8 0x30000000
#define TARC1_ICH  0x45000000 /* 24, 26, 30 */

static void e1000_ich_set_transmit_bits(struct e1000_adapter *adapter)
{
    unsigned flags = adapter->chip->flags;

    e1000_pcie_set_txdctl(adapter, E1000_TXDCTL_PTHRESH_31);
    e1000_change(adapter, E1000_TARC0, 0, TARC0_ICH | (flags & E1000_SNOOP_REVERSED ? TARC0_ICH8 : 0));
    e1000_change(adapter, E1000_TARC1, 0, TARC1_ICH | E1000_TARC_MULR);
    if (flags & E1000_TWO_REQUESTS) {
        /* I219 of the 100 and 200 series: three requests under way overrun a buffer, the transmitter hangs.
         */
        e1000_change(adapter, E1000_IOSFPC, 0, E1000_IOSFPC_RDMTS_HEX);
        e1000_change(adapter, E1000_TARC0, E1000_TARC0_REQUESTS, E1000_TARC0_REQUESTS_2);
    }
}

void e1000_ich_set_bits(struct e1000_adapter *adapter)
{
    unsigned flags = adapter->chip->flags;
    bool reversed = flags & E1000_SNOOP_REVERSED;

    e1000_change(adapter, E1000_CTRL_EXT, flags & E1000_NO_SELF_GATING ? E1000_CTRL_EXT_DPG_EN : 0,
                 E1000_CTRL_EXT_BIT_22 | E1000_CTRL_EXT_RO_DIS);
    e1000_ich_set_transmit_bits(adapter);
    /* Every transfer looks into the processor's caches. */
    e1000_change(adapter, E1000_GCR, E1000_GCR_NO_SNOOP, reversed ? E1000_GCR_NO_SNOOP : 0);
    /* Parsing NFS corrupts descriptors under NFS over UDP; ICH8: extension headers of IPv6 hang the receiver.
     */
    e1000_change(adapter, E1000_RFCTL, E1000_RFCTL_EXTEN,
                 E1000_RFCTL_NFSW_DIS | E1000_RFCTL_NFSR_DIS |
                     (reversed ? E1000_RFCTL_IPV6_EX_DIS | E1000_RFCTL_NEW_IPV6_DIS : 0));
    if (!(flags & E1000_HAS_I217_PHY))
        e1000_kmrn_set_timeouts(adapter);
    e1000_change(adapter, E1000_PHY_CTRL, E1000_PHY_CTRL_D0A_LPLU | E1000_PHY_CTRL_GBE_DISABLE, 0);
    if (!(flags & E1000_IS_PCH))
        return;
    e1000_change(adapter, E1000_KABGTXD, 0, E1000_KABGTXD_BGSQLBIAS);
    if (flags & E1000_HAS_I217_PHY)
        e1000_change(adapter, E1000_PBECCSTS, 0, E1000_PBECCSTS_ECC);
    else if (!(flags & E1000_SHARED_FILTER)) /* 82577, 82578: noise counts as a CRC error, not as a packet */
        e1000_write(adapter, E1000_CRC_OFFSET, E1000_CRC_OFFSET_82577);
    if (flags & E1000_DMA_CLOCK_RUNS)
        e1000_change(adapter, E1000_FFLT_DBG, 0, E1000_FFLT_DBG_DMA_CLOCK);
}
