/*
 * e1000_phy.c - the PHY behind MDIC (317453 13.4.7), and what the stack hears about the link.
 *
 * The link is watched by interrupt (LSC) and, in case that never comes, by a look every two seconds. Nothing
 * here waits for a link: a machine without a cable boots and serves as soon as it is plugged in.
 */
#include "drivers/e1000/e1000.h"

#include <errno.h>

#include "kernel/log.h"
#include "kernel/time.h"

#define E1000_MDIC_US       20000 /* an access takes 64 us, at the lowest clock ten times that */
#define E1000_MDIC_PAUSE_US 100

/* PHY identifier of the 82567, which has its first pages at address 2. */
#define PHY_ID_82567 0x01410cb0

static int e1000_mdic(struct e1000_adapter *adapter, unsigned address, unsigned number, uint32_t command,
                      uint16_t *value)
{
    uint32_t mdic = command | address << E1000_MDIC_PHY_SHIFT | number << E1000_MDIC_REG_SHIFT;

    e1000_write(adapter, E1000_MDIC, mdic);
    if (!e1000_wait(adapter, E1000_MDIC, E1000_MDIC_READY, E1000_MDIC_READY, E1000_MDIC_US))
        return -ETIMEDOUT;
    mdic = e1000_read(adapter, E1000_MDIC);
    if (adapter->chip->flags & E1000_SLOW_MDIO)
        udelay(E1000_MDIC_PAUSE_US); /* 82579: the next access may return this one's data */
    if (mdic & E1000_MDIC_ERROR || (mdic >> E1000_MDIC_REG_SHIFT & (PHY_REGISTERS - 1)) != number)
        return -EIO;
    *value = (uint16_t)(mdic & E1000_MDIC_DATA);
    return 0;
}

/* Where on the wires a page answers. */
static unsigned e1000_phy_address_of(const struct e1000_adapter *adapter, unsigned page)
{
    if (adapter->chip->pages == E1000_PHY_HIGH)
        return page >= PHY_HIGH_PAGES ? E1000_PHY_ADDRESS : PHY_BM_ADDRESS_2;
    return adapter->phy_address;
}

/* The page stays chosen, so it is chosen before each access beyond the plain registers. */
static int e1000_phy_select(struct e1000_adapter *adapter, unsigned reg)
{
    unsigned page = PHY_REG_PAGE(reg), address = adapter->phy_address, select = PHY_PAGE_SELECT;
    uint16_t echo;

    if (PHY_REG_NUMBER(reg) < PHY_PLAIN_REGISTERS)
        return 0;
    switch (adapter->chip->pages) {
    case E1000_PHY_IGP:
        page = reg;
        break;
    case E1000_PHY_BM:
        select = PHY_BM_PAGE_SELECT;
        break;
    case E1000_PHY_HIGH:
        page = (page == PHY_HIGH_PAGES ? 0 : page) << PHY_PAGE_SHIFT;
        address = E1000_PHY_ADDRESS;
        break;
    }
    return e1000_mdic(adapter, address, select, E1000_MDIC_OP_WRITE | page, &echo);
}

static int e1000_phy_access(struct e1000_adapter *adapter, unsigned reg, uint32_t command, uint16_t *value)
{
    int err;

    if (adapter->phy_lost || !e1000_lock(adapter))
        return -EBUSY;
    err = e1000_phy_select(adapter, reg);
    if (!err)
        err = e1000_mdic(adapter, e1000_phy_address_of(adapter, PHY_REG_PAGE(reg)), PHY_REG_NUMBER(reg),
                         command, value);
    e1000_unlock(adapter);
    return err;
}

int e1000_phy_read(struct e1000_adapter *adapter, unsigned reg, uint16_t *value)
{
    return e1000_phy_access(adapter, reg, E1000_MDIC_OP_READ, value);
}

int e1000_phy_write(struct e1000_adapter *adapter, unsigned reg, uint16_t value)
{
    uint16_t echo;

    return e1000_phy_access(adapter, reg, E1000_MDIC_OP_WRITE | value, &echo);
}

/* The PHYs beside an ICH answer at one of the first addresses; all others at 1. */
static void e1000_find_phy(struct e1000_adapter *adapter)
{
    uint16_t high, low;

    if ((adapter->chip->flags & (E1000_IS_CHIPSET | E1000_IS_PCH)) != E1000_IS_CHIPSET || adapter->phy_id)
        return;
    for (unsigned address = 1; address <= 4; address++) {
        adapter->phy_address = address % 4;
        if (e1000_phy_read(adapter, PHY_ID_1, &high) < 0 || e1000_phy_read(adapter, PHY_ID_2, &low) < 0 ||
            !high || high == PHY_ID_NONE)
            continue;
        adapter->phy_id = (uint32_t)high << 16 | low;
        if ((adapter->phy_id & ~(uint32_t)PHY_ID_REVISION) == PHY_ID_82567)
            adapter->phy_address = PHY_BM_ADDRESS_2;
        return;
    }
    adapter->phy_address = E1000_PHY_ADDRESS;
}

/*
 * Negotiation is restarted only if firmware has left the PHY in a state in which it would never find a link:
 * it takes seconds on a wire, and a link that is up already would go down for it.
 */
void e1000_setup_phy(struct e1000_adapter *adapter)
{
    const uint16_t unusable = PHY_CONTROL_POWER_DOWN | PHY_CONTROL_ISOLATE | PHY_CONTROL_LOOPBACK;
    uint16_t control, status;

    e1000_find_phy(adapter);
    if (adapter->phy_lost)
        return; /* that has been said */
    if (e1000_phy_read(adapter, PHY_CONTROL, &control) < 0 ||
        e1000_phy_read(adapter, PHY_STATUS, &status) < 0) {
        adapter->phy_lost = true;
        pr_warn("e1000 %02x:%02x.%x: the PHY does not answer; trusting the card's own view of the link\n",
                adapter->pci->bus, adapter->pci->slot, adapter->pci->func);
        return;
    }
    if (!(control & unusable) && (control & PHY_CONTROL_AUTONEG_ENABLE || status & PHY_STATUS_LINK))
        return;
    control &= (uint16_t)~unusable;
    control |= PHY_CONTROL_AUTONEG_ENABLE | PHY_CONTROL_RESTART_AUTONEG;
    if (e1000_phy_write(adapter, PHY_CONTROL, control) < 0)
        pr_warn("e1000 %02x:%02x.%x: the PHY refuses to negotiate\n", adapter->pci->bus, adapter->pci->slot,
                adapter->pci->func);
}

static unsigned e1000_link_speed(uint32_t status)
{
    if (status & E1000_STATUS_SPEED_1000)
        return 1000;
    return status & E1000_STATUS_SPEED_100 ? 100 : 10;
}

static void e1000_link_up(struct e1000_adapter *adapter, uint32_t status)
{
    pr_info("%s: link is up, %u Mb/s, %s duplex\n", adapter->netdev->name, e1000_link_speed(status),
            status & E1000_STATUS_FD ? "full" : "half");
    adapter->netdev->speed_mbps = e1000_link_speed(status);
    adapter->netdev->full_duplex = status & E1000_STATUS_FD;
    netif_carrier_on(adapter->netdev);
    if (!e1000_tx_empty(adapter))
        e1000_tx_watch_start(adapter, E1000_TX_RECLAIM_MS);
}

/* Trains below 1000 Mb/s are known to hang the PCI Express members: the stack cuts them then. */
static void e1000_set_tso(struct e1000_adapter *adapter, uint32_t status)
{
    struct net_device *dev = adapter->netdev;

    if (!(adapter->chip->flags & E1000_TSO_GIGABIT) || !adapter->has_tso)
        return;
    if (status & E1000_STATUS_SPEED_1000)
        dev->features |= NETIF_F_TSO;
    else
        dev->features &= ~(unsigned)NETIF_F_TSO;
}

/* A link that went and came back at another speed between two looks has changed too. */
void e1000_check_link(struct e1000_adapter *adapter)
{
    uint32_t status = e1000_read(adapter, E1000_STATUS);
    bool link = status & E1000_STATUS_LU;

    adapter->link_event = false;
    if (unlikely(status == E1000_ALL_ONES)) {
        e1000_card_gone(adapter);
        return;
    }
    status &= E1000_STATUS_LU | E1000_STATUS_FD | E1000_STATUS_SPEED;
    if (link == adapter->netdev->carrier && (!link || status == adapter->link_status))
        return;
    adapter->link_status = status;
    if (adapter->chip->link_changed)
        adapter->chip->link_changed(adapter, status);
    if (link) {
        e1000_set_tso(adapter, status);
        e1000_link_up(adapter, status);
    } else {
        pr_warn("%s: link is down\n", adapter->netdev->name);
        netif_carrier_off(adapter->netdev);
    }
}
