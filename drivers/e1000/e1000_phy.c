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

#define E1000_MDIC_US 2000 /* an access takes 64 us */

static int e1000_mdic(struct e1000_adapter *adapter, uint32_t command, uint16_t *value)
{
    uint32_t mdic;

    e1000_write(adapter, E1000_MDIC, command);
    if (!e1000_wait(adapter, E1000_MDIC, E1000_MDIC_READY, E1000_MDIC_READY, E1000_MDIC_US))
        return -ETIMEDOUT;
    mdic = e1000_read(adapter, E1000_MDIC);
    if (mdic & E1000_MDIC_ERROR)
        return -EIO;
    *value = (uint16_t)(mdic & E1000_MDIC_DATA);
    return 0;
}

static int e1000_phy_read(struct e1000_adapter *adapter, unsigned reg, uint16_t *value)
{
    return e1000_mdic(
        adapter, E1000_MDIC_OP_READ | E1000_PHY_ADDRESS << E1000_MDIC_PHY_SHIFT | reg << E1000_MDIC_REG_SHIFT,
        value);
}

static int e1000_phy_write(struct e1000_adapter *adapter, unsigned reg, uint16_t value)
{
    uint16_t echo;

    return e1000_mdic(adapter,
                      E1000_MDIC_OP_WRITE | E1000_PHY_ADDRESS << E1000_MDIC_PHY_SHIFT |
                          reg << E1000_MDIC_REG_SHIFT | value,
                      &echo);
}

/*
 * Negotiation is restarted only if firmware has left the PHY in a state in which it would never find a link:
 * it takes seconds on a wire, and a link that is up already would go down for it.
 */
void e1000_setup_phy(struct e1000_adapter *adapter)
{
    const uint16_t unusable = PHY_CONTROL_POWER_DOWN | PHY_CONTROL_ISOLATE | PHY_CONTROL_LOOPBACK;
    uint16_t control, status;

    if (e1000_phy_read(adapter, PHY_CONTROL, &control) < 0 ||
        e1000_phy_read(adapter, PHY_STATUS, &status) < 0) {
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

void e1000_check_link(struct e1000_adapter *adapter)
{
    uint32_t status = e1000_read(adapter, E1000_STATUS);
    bool link = status & E1000_STATUS_LU;

    adapter->link_event = false;
    if (link == adapter->netdev->carrier)
        return;
    if (link) {
        e1000_link_up(adapter, status);
    } else {
        pr_warn("%s: link is down\n", adapter->netdev->name);
        netif_carrier_off(adapter->netdev);
    }
}
