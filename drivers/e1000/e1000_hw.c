/*
 * e1000_hw.c - the card as a whole: reset, start, stop, and which frames it lets in.
 *
 * Off the packet's way: called at probe, open, stop, after a transmit hang, and when a multicast group or
 * promiscuous mode comes or goes. RCTL is written with its final value when the receiver starts and otherwise
 * only when promiscuous mode changes, because QEMU's model receives nothing for one second after each write
 * of it; multicast goes through the table.
 */
#include "drivers/e1000/e1000.h"

#include <string.h>

#include "kernel/log.h"
#include "kernel/time.h"

/* The card reloads its defaults from the EEPROM after a reset; registers are safe after this
 * (317453 14.3, 5.6). */
#define E1000_RESET_US     1
#define E1000_RELOAD_US    5000
#define E1000_RST_CLEAR_US 1000

/* Multicast table: 12 bits of the address choose one of 4096 (317453 13.5.1). */
#define E1000_MTA_BITS_PER_WORD 32
#define E1000_MTA_ALL           UINT32_MAX

/* Everything but UPE and MPE, which set_rx_mode adds. Long frames and bad ones stay out (LPE, SBP off). */
#define E1000_RCTL_BASE                                                                                      \
    (E1000_RCTL_EN | E1000_RCTL_BAM | E1000_RCTL_SECRC | E1000_RCTL_BSIZE_2048 | E1000_RCTL_RDMTS_HALF |     \
     E1000_RCTL_MO_47_36)

bool e1000_wait(struct e1000_adapter *adapter, unsigned reg, uint32_t bit, uint32_t want, unsigned usec)
{
    for (unsigned waited = 0; (e1000_read(adapter, reg) & bit) != want; waited++) {
        if (waited == usec)
            return false;
        udelay(1);
    }
    return true;
}

void e1000_stop_hw(struct e1000_adapter *adapter)
{
    e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    e1000_write(adapter, E1000_RCTL, 0);
    e1000_write(adapter, E1000_TCTL, E1000_TCTL_PSP);
    e1000_flush(adapter);
    adapter->rctl = 0;
    adapter->hw_running = false;
}

/*
 * Link speed and duplex come from the PHY (SLU, on the 8254x ASDE); no flow control, PHY out of reset. VLAN
 * tags are taken out and put in by the card (VME); which VLANs come in is left to the stack (RCTL.VFE stays
 * off). MACs in chipsets have other registers where FCAL and its like are.
 */
static void e1000_set_ctrl(struct e1000_adapter *adapter)
{
    uint32_t ctrl = e1000_read(adapter, E1000_CTRL);

    ctrl &= ~(E1000_CTRL_PHY_RST | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPLX | E1000_CTRL_RFCE |
              E1000_CTRL_TFCE | E1000_CTRL_RST);
    if (adapter->chip->flags & E1000_IS_PCIE)
        ctrl &= ~(uint32_t)E1000_CTRL_GIO_MASTER_DISABLE;
    else
        ctrl = (ctrl & ~(uint32_t)(E1000_CTRL_LRST | E1000_CTRL_ILOS)) | E1000_CTRL_ASDE;
    e1000_write(adapter, E1000_CTRL, ctrl | E1000_CTRL_SLU | E1000_CTRL_VME);
    e1000_write(adapter, E1000_VET, E1000_VET_8021Q);
    if (!(adapter->chip->flags & E1000_IS_CHIPSET)) {
        e1000_write(adapter, E1000_FCAL, 0);
        e1000_write(adapter, E1000_FCAH, 0);
        e1000_write(adapter, E1000_FCT, 0);
    }
    e1000_write(adapter, E1000_FCTTV, 0);
    e1000_write(adapter, E1000_FCRTL, 0);
    e1000_write(adapter, E1000_FCRTH, 0);
}

void e1000_reset_mac(struct e1000_adapter *adapter)
{
    e1000_write(adapter, E1000_CTRL, e1000_read(adapter, E1000_CTRL) | E1000_CTRL_RST);
    udelay(E1000_RESET_US);
    if (!e1000_wait(adapter, E1000_CTRL, E1000_CTRL_RST, 0, E1000_RST_CLEAR_US))
        pr_warn("e1000 %02x:%02x.%x: the card does not come out of reset\n", adapter->pci->bus,
                adapter->pci->slot, adapter->pci->func);
    udelay(E1000_RELOAD_US);
}

void e1000_reset_hw(struct e1000_adapter *adapter)
{
    const struct e1000_chip *chip = adapter->chip;

    e1000_stop_hw(adapter);
    if (adapter->gone)
        return;
    if (chip->before_reset)
        chip->before_reset(adapter);
    (chip->reset ? chip->reset : e1000_reset_mac)(adapter);
    e1000_write(adapter, E1000_IMC, E1000_ICR_ALL);
    e1000_read(adapter, E1000_ICR);
    if (chip->after_reset)
        chip->after_reset(adapter);
    e1000_set_ctrl(adapter);
    if (chip->rx_kbytes)
        e1000_write(adapter, E1000_PBA, chip->rx_kbytes);
    e1000_pcie_tell_firmware(adapter, true);
    if (chip->link_changed)
        adapter->link_status = 0; /* what it has set for the link is undone: set anew at the next look */
}

/* --- which frames come in --- */

/* Which register pair holds place `i`: on the 82579 those behind the first are firmware's. */
static unsigned e1000_ra_offset(const struct e1000_adapter *adapter, unsigned i)
{
    return 8 * (i && adapter->chip->second_addr ? adapter->chip->second_addr + i - 1 : i);
}

/* Return: whether the card has it now. Firmware may have locked places that it shares with us. */
static bool e1000_write_ra(struct e1000_adapter *adapter, unsigned i, uint32_t low, uint32_t high)
{
    unsigned offset = e1000_ra_offset(adapter, i);
    bool shared = i && adapter->chip->flags & E1000_SHARED_FILTER;

    e1000_write(adapter, E1000_RAL0 + offset, low);
    e1000_write(adapter, E1000_RAH0 + offset, high);
    return !shared || (e1000_read(adapter, E1000_RAL0 + offset) == low &&
                       e1000_read(adapter, E1000_RAH0 + offset) == high);
}

static bool e1000_write_address(struct e1000_adapter *adapter, unsigned i, const uint8_t *mac)
{
    return e1000_write_ra(adapter, i, mac[0] | mac[1] << 8 | mac[2] << 16 | (uint32_t)mac[3] << 24,
                          (uint32_t)(mac[4] | mac[5] << 8) | E1000_RAH_AV);
}

/* Places behind the first. Return: how many addresses there are; all fit if that is <= chip->addresses. */
static unsigned e1000_set_more_addresses(struct e1000_adapter *adapter)
{
    const struct netdev_hw_addr *more;
    unsigned count = adapter->chip->addresses, i = 1;

    list_for_each_entry (more, &adapter->netdev->uc_list, list) {
        if (i < count && !e1000_write_address(adapter, i, more->addr))
            i = count; /* the rest is firmware's */
        i++;
    }
    for (unsigned unused = i; unused < adapter->addrs; unused++)
        (void)e1000_write_ra(adapter, unused, 0, 0);
    return i;
}

/*
 * The station address and those of devices on top (uc_list). More than the card has places for, or than
 * firmware leaves: it goes promiscuous (e1000_write_rctl()).
 */
static void e1000_set_addresses(struct e1000_adapter *adapter)
{
    unsigned count = adapter->chip->addresses, used;
    bool any = !list_empty(&adapter->netdev->uc_list) || adapter->addrs > 1;

    (void)e1000_write_address(adapter, 0, adapter->netdev->dev_addr);
    if (any && adapter->chip->flags & E1000_SHARED_FILTER && !e1000_lock(adapter)) {
        adapter->too_many_addrs = !list_empty(&adapter->netdev->uc_list);
        return;
    }
    used = any ? e1000_set_more_addresses(adapter) : 1;
    if (any && adapter->chip->flags & E1000_SHARED_FILTER)
        e1000_unlock(adapter);
    adapter->too_many_addrs = used > count;
    adapter->addrs = min(used, count);
}

/*
 * Bits 47:36 of the address, as RCTL.MO says; the last byte on the wire holds the highest bits. Tables of
 * 1024 bits (MACs in chipsets) take bits 47:38.
 */
static unsigned e1000_mta_hash(const struct e1000_adapter *adapter, const uint8_t *addr)
{
    unsigned hash = (unsigned)addr[5] << 4 | addr[4] >> 4;

    return hash / (E1000_MTA_WORDS / adapter->chip->mta_words);
}

static void e1000_fill_mta(const struct e1000_adapter *adapter, uint32_t mta[E1000_MTA_WORDS])
{
    const struct net_device *dev = adapter->netdev;
    struct netdev_hw_addr *group;

    for (unsigned i = 0; i < adapter->chip->mta_words; i++)
        mta[i] = dev->flags & DEV_IFF_ALLMULTI ? E1000_MTA_ALL : 0;
    list_for_each_entry (group, &dev->mc_list, list) {
        unsigned hash = e1000_mta_hash(adapter, group->addr);
        mta[hash / E1000_MTA_BITS_PER_WORD] |= 1u << hash % E1000_MTA_BITS_PER_WORD;
    }
}

/* Writes what differs from what the card has, or all of it. */
static void e1000_write_mta(struct e1000_adapter *adapter, bool all)
{
    uint32_t mta[E1000_MTA_WORDS];

    e1000_fill_mta(adapter, mta);
    for (unsigned i = 0; i < adapter->chip->mta_words; i++)
        if (all || mta[i] != adapter->mta[i])
            e1000_write(adapter, E1000_MTA + 4 * i, mta[i]);
    memcpy(adapter->mta, mta, adapter->chip->mta_words * sizeof(*mta));
}

static void e1000_write_rctl(struct e1000_adapter *adapter)
{
    bool promisc = adapter->netdev->flags & DEV_IFF_PROMISC || adapter->too_many_addrs;
    uint32_t rctl = E1000_RCTL_BASE | (promisc ? E1000_RCTL_UPE | E1000_RCTL_MPE : 0);

    if (rctl == adapter->rctl)
        return;
    adapter->rctl = rctl;
    e1000_write(adapter, E1000_RCTL, rctl);
}

/* ndo_set_rx_mode. "All multicast" is a table full of ones, so that only promiscuous mode costs a write of
 * RCTL. */
void e1000_set_rx_mode(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;

    if (!adapter->hw_running)
        return; /* e1000_start_hw() will look */
    e1000_write_mta(adapter, false);
    if (adapter->addrs > 1 || !list_empty(&dev->uc_list))
        e1000_set_addresses(adapter);
    e1000_write_rctl(adapter);
}

/* ndo_set_mac_address */
void e1000_set_mac_address(struct net_device *dev)
{
    struct e1000_adapter *adapter = dev->priv;

    if (adapter->hw_running)
        e1000_set_addresses(adapter);
}

/* --- starting --- */

static void e1000_start_transmitter(struct e1000_adapter *adapter)
{
    e1000_write(adapter, E1000_TIPG,
                E1000_TIPG_IPGT | E1000_TIPG_IPGR1 << E1000_TIPG_IPGR1_SHIFT |
                    E1000_TIPG_IPGR2 << E1000_TIPG_IPGR2_SHIFT);
    e1000_write(adapter, E1000_TCTL,
                E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_RTLC |
                    E1000_TCTL_CT_DEFAULT << E1000_TCTL_CT_SHIFT |
                    E1000_TCTL_COLD_FD << E1000_TCTL_COLD_SHIFT);
}

/* RDTR and RADV are 0: ITR alone spaces interrupts, so the first frame after silence is told at once. */
void e1000_start_hw(struct e1000_adapter *adapter)
{
    adapter->addrs = adapter->chip->addresses; /* whatever the card has: all places are written */
    e1000_set_addresses(adapter);
    e1000_write_mta(adapter, true);
    e1000_write(adapter, E1000_RDTR, 0);
    e1000_write(adapter, E1000_RADV, 0);
    e1000_write(adapter, E1000_ITR, E1000_ITR_NS / E1000_ITR_UNIT_NS);
    e1000_write(adapter, E1000_RXCSUM, E1000_RXCSUM_IPOFL | E1000_RXCSUM_TUOFL);
    e1000_rx_start(adapter);
    e1000_tx_start(adapter);
    e1000_start_transmitter(adapter);
    e1000_write_rctl(adapter);
    adapter->hw_running = true;
}
