/*
 * e1000_lock.c - taking turns at the PHY and the NVM with firmware and with the other port.
 *
 * Called around every access to the PHY, off the packet's way. Management firmware (ME, ASF, a BMC) uses the
 * same PHY through the same wires; the cards of the PCI Express generation have semaphores for that. Waiting
 * is busy-waiting, bounded; firmware that never lets go is said once, and then the PHY is left to it: the MAC
 * tells by itself whether there is a link (STATUS).
 */
#include "drivers/e1000/e1000.h"

#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time.h"

#define SWSM_TRIES   2000 /* 100 ms */
#define SWSM_STEP_US 50
#define SWFLAG_TRIES 1000 /* 1 s: firmware may be in the middle of configuring the PHY */

static void e1000_swsm_give(struct e1000_adapter *adapter)
{
    e1000_write(adapter, E1000_SWSM,
                e1000_read(adapter, E1000_SWSM) & ~(uint32_t)(E1000_SWSM_SMBI | E1000_SWSM_SWESMBI));
}

/*
 * First among drivers (SMBI: reading 0 takes it), then from firmware. An SMBI that stays taken is left over
 * from a boot agent: there is no other driver in this machine that would wait for us.
 */
static bool e1000_swsm_take(struct e1000_adapter *adapter)
{
    for (unsigned i = 0; i < SWSM_TRIES && e1000_read(adapter, E1000_SWSM) & E1000_SWSM_SMBI; i++)
        udelay(SWSM_STEP_US);
    for (unsigned i = 0; i < SWSM_TRIES; i++) {
        e1000_write(adapter, E1000_SWSM, e1000_read(adapter, E1000_SWSM) | E1000_SWSM_SWESMBI);
        if (e1000_read(adapter, E1000_SWSM) & E1000_SWSM_SWESMBI)
            return true;
        udelay(SWSM_STEP_US);
    }
    e1000_swsm_give(adapter); /* the other port's turn: it need not wait for us as well */
    return false;
}

bool e1000_swflag_take(struct e1000_adapter *adapter)
{
    for (unsigned i = 0; i < SWFLAG_TRIES; i++) {
        e1000_write(adapter, E1000_EXTCNF_CTRL, e1000_read(adapter, E1000_EXTCNF_CTRL) | E1000_EXTCNF_SWFLAG);
        if (e1000_read(adapter, E1000_EXTCNF_CTRL) & E1000_EXTCNF_SWFLAG)
            return true;
        e1000_msleep(1);
    }
    e1000_swflag_give(adapter); /* it may be granted after the last look, and nobody would give it back */
    return false;
}

void e1000_swflag_give(struct e1000_adapter *adapter)
{
    e1000_write(adapter, E1000_EXTCNF_CTRL,
                e1000_read(adapter, E1000_EXTCNF_CTRL) & ~(uint32_t)E1000_EXTCNF_SWFLAG);
}

static bool e1000_lock_try(struct e1000_adapter *adapter)
{
    switch (adapter->chip->lock) {
    case E1000_LOCK_NONE:
        return true;
    case E1000_LOCK_SWSM:
        return e1000_swsm_take(adapter);
    case E1000_LOCK_SWFLAG:
        return e1000_swflag_take(adapter);
    }
    return false;
}

bool e1000_lock(struct e1000_adapter *adapter)
{
    if (adapter->lock_depth || (!adapter->lock_lost && e1000_lock_try(adapter))) {
        adapter->lock_depth++;
        return true;
    }
    if (!adapter->lock_lost)
        pr_warn(
            "e1000 %02x:%02x.%x: firmware does not let go of the PHY; leaving the PHY to it and trusting the "
            "card's own view of the link\n",
            adapter->pci->bus, adapter->pci->slot, adapter->pci->func);
    adapter->lock_lost = adapter->phy_lost = true;
    return false;
}

void e1000_unlock(struct e1000_adapter *adapter)
{
    ASSERT(adapter->lock_depth);
    if (--adapter->lock_depth)
        return;
    switch (adapter->chip->lock) {
    case E1000_LOCK_NONE:
        break;
    case E1000_LOCK_SWSM:
        e1000_swsm_give(adapter);
        break;
    case E1000_LOCK_SWFLAG:
        e1000_swflag_give(adapter);
        break;
    }
}
