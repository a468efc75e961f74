/*
 * e1000_pch.c - the PHYs beside a PCH: 82577, 82578, 82579, I217, I218 and I219.
 *
 * Off the packet's way: called at probe, after each reset of the PHY and when the link changes. Firmware and
 * the power saving of whoever had the machine before us may leave such a PHY where it cannot be reached
 * (talking over SMBus, in "ultra low power", ULP); it is brought back first. The rest are settings for faults
 * of the hardware, most of them about K1, the state in which the wires between MAC and PHY rest.
 */
#include "drivers/e1000/e1000.h"

#include "kernel/log.h"
#include "kernel/time.h"

#define SMBUS_SETTLE_MS  50
#define POWER_PIN_MS     1
#define POWER_CYCLE_MS   50 /* until the 82579 */
#define POWER_DONE_STEPS 20
#define POWER_DONE_MS    5
#define POWER_SETTLE_MS  30
#define ULP_FIRMWARE_MS  1000 /* the slowest: the 300 series */
#define ULP_STEP_MS      10
#define K1_US            20
#define PHY_ID_TRIES     2

/* Read, change, write. An access that fails leaves all as it is. */
static int e1000_phy_change(struct e1000_adapter *adapter, unsigned reg, uint16_t clear, uint16_t set)
{
    uint16_t value;
    int err = e1000_phy_read(adapter, reg, &value);

    return err ? err : e1000_phy_write(adapter, reg, (uint16_t)((value & ~clear) | set));
}

static int e1000_emi_write(struct e1000_adapter *adapter, uint16_t address, uint16_t value)
{
    int err = e1000_phy_write(adapter, PHY_EMI_ADDRESS, address);

    return err ? err : e1000_phy_write(adapter, PHY_EMI_DATA, value);
}

/* --- is it there? --- */

static bool e1000_pch_read_id(struct e1000_adapter *adapter)
{
    uint16_t high, low;

    for (unsigned i = 0; i < PHY_ID_TRIES; i++) {
        if (e1000_phy_read(adapter, PHY_ID_1, &high) < 0 || e1000_phy_read(adapter, PHY_ID_2, &low) < 0 ||
            high == PHY_ID_NONE || low == PHY_ID_NONE || !high)
            continue;
        adapter->phy_id = (uint32_t)high << 16 | low;
        return true;
    }
    return false;
}

static void e1000_pch_force_smbus(struct e1000_adapter *adapter, bool force)
{
    e1000_change(adapter, E1000_CTRL_EXT, force ? 0 : E1000_CTRL_EXT_FORCE_SMBUS,
                 force ? E1000_CTRL_EXT_FORCE_SMBUS : 0);
}

/* A PHY that answers, but has been left on SMBus, goes back to the faster wires, unless firmware needs it. */
static bool e1000_pch_phy_answers(struct e1000_adapter *adapter)
{
    if (!e1000_pch_read_id(adapter)) {
        if (adapter->chip->flags & E1000_HAS_I217_PHY)
            return false;
        /* 82577, 82579: it may need a slower clock. */
        e1000_phy_change(adapter, PHY_KMRN_MODE, 0, PHY_KMRN_MODE_SLOW);
        if (!e1000_pch_read_id(adapter))
            return false;
    }
    if (adapter->chip->flags & E1000_HAS_I217_PHY && !e1000_ich_managed(adapter)) {
        e1000_phy_change(adapter, PHY_SMB_CTRL, PHY_SMB_CTRL_FORCE, 0);
        e1000_pch_force_smbus(adapter, false);
    }
    return true;
}

/* Switches the PHY off and on by its power pin, LANPHYPC. */
static void e1000_pch_power_cycle(struct e1000_adapter *adapter)
{
    e1000_change(adapter, E1000_FEXTNVM3, E1000_FEXTNVM3_PHY_CFG, E1000_FEXTNVM3_PHY_CFG_50MS);
    e1000_change(adapter, E1000_CTRL, E1000_CTRL_LANPHYPC_VALUE, E1000_CTRL_LANPHYPC_OVERRIDE);
    e1000_flush(adapter);
    e1000_msleep(POWER_PIN_MS);
    e1000_change(adapter, E1000_CTRL, E1000_CTRL_LANPHYPC_OVERRIDE, 0);
    e1000_flush(adapter);
    if (!(adapter->chip->flags & E1000_HAS_I217_PHY)) {
        e1000_msleep(POWER_CYCLE_MS);
        return;
    }
    for (unsigned i = 0; i < POWER_DONE_STEPS; i++) {
        e1000_msleep(POWER_DONE_MS);
        if (e1000_read(adapter, E1000_CTRL_EXT) & E1000_CTRL_EXT_LPCD)
            break;
    }
    e1000_msleep(POWER_SETTLE_MS);
}

/* --- ultra low power (I218, I219) --- */

static int e1000_ulp_exit_by_firmware(struct e1000_adapter *adapter)
{
    int err = 0;

    e1000_change(adapter, E1000_H2ME, E1000_H2ME_ULP, E1000_H2ME_ENFORCE);
    for (unsigned ms = 0; e1000_read(adapter, E1000_FWSM) & E1000_FWSM_ULP_DONE; ms += ULP_STEP_MS) {
        if (ms >= ULP_FIRMWARE_MS) {
            err = -1;
            break;
        }
        e1000_msleep(ULP_STEP_MS);
    }
    e1000_change(adapter, E1000_H2ME, E1000_H2ME_ENFORCE, 0);
    return err;
}

static int e1000_ulp_exit_by_hand(struct e1000_adapter *adapter)
{
    e1000_pch_power_cycle(adapter);
    if (e1000_phy_change(adapter, PHY_SMB_CTRL, PHY_SMB_CTRL_FORCE, 0) < 0) {
        e1000_pch_force_smbus(adapter, true); /* it is on SMBus while the MAC is not */
        e1000_msleep(SMBUS_SETTLE_MS);
        if (e1000_phy_change(adapter, PHY_SMB_CTRL, PHY_SMB_CTRL_FORCE, 0) < 0)
            return -1;
    }
    e1000_pch_force_smbus(adapter, false);
    /* Entering ULP has switched K1 off. */
    if (e1000_phy_change(adapter, PHY_PM_CTRL, 0, PHY_PM_CTRL_K1) < 0 ||
        e1000_phy_change(adapter, PHY_ULP_CONFIG, PHY_ULP_ALL, 0) < 0 ||
        e1000_phy_change(adapter, PHY_ULP_CONFIG, 0, PHY_ULP_START) < 0)
        return -1;
    e1000_change(adapter, E1000_FEXTNVM7, E1000_FEXTNVM7_NO_SMB_PERST, 0);
    return 0;
}

static void e1000_ulp_exit(struct e1000_adapter *adapter)
{
    int err =
        e1000_ich_managed(adapter) ? e1000_ulp_exit_by_firmware(adapter) : e1000_ulp_exit_by_hand(adapter);

    if (err)
        pr_warn("e1000 %02x:%02x.%x: the PHY does not leave its ultra low power state\n", adapter->pci->bus,
                adapter->pci->slot, adapter->pci->func);
}

static void e1000_pch_find_phy(struct e1000_adapter *adapter)
{
    bool i217 = adapter->chip->flags & E1000_HAS_I217_PHY;

    if (e1000_pch_phy_answers(adapter))
        return;
    if (i217) {
        e1000_pch_force_smbus(adapter, true);
        e1000_msleep(SMBUS_SETTLE_MS);
        if (e1000_pch_phy_answers(adapter))
            return;
    }
    if (e1000_ich_phy_reset_blocked(adapter))
        return; /* firmware has it: so has its power pin */
    e1000_pch_power_cycle(adapter);
    if (i217 && e1000_pch_phy_answers(adapter))
        return;
    if (i217)
        e1000_pch_force_smbus(adapter, false);
    e1000_pch_phy_answers(adapter);
}

/* Once, before the first reset. A PHY that stays dumb is e1000_setup_phy()'s to report. */
void e1000_pch_wake_phy(struct e1000_adapter *adapter)
{
    e1000_ich_gate_phy(adapter, true);
    if (!e1000_lock(adapter))
        return;
    if (adapter->chip->flags & E1000_HAS_ULP)
        e1000_ulp_exit(adapter);
    e1000_pch_find_phy(adapter);
    e1000_unlock(adapter);
}

/* --- after each reset of the PHY --- */

/* Energy efficient Ethernet off: neither offered to the other side nor entered. */
static void e1000_pch_disable_eee(struct e1000_adapter *adapter)
{
    bool i217 = adapter->chip->flags & E1000_HAS_I217_PHY;

    e1000_emi_write(adapter, i217 ? EMI_I217_EEE_ADVERTISEMENT : EMI_82579_EEE_ADVERTISEMENT, 0);
    e1000_phy_change(adapter, PHY_LPI_CTRL, PHY_LPI_CTRL_ENABLE, 0);
}

static bool e1000_phy_is(const struct e1000_adapter *adapter, uint32_t id)
{
    return (adapter->phy_id & ~(uint32_t)PHY_ID_REVISION) == id;
}

static void e1000_82577_fix_phy(struct e1000_adapter *adapter)
{
    unsigned revision = adapter->phy_id & PHY_ID_REVISION;

    if (e1000_phy_is(adapter, PHY_ID_82577))
        e1000_phy_change(adapter, PHY_KMRN_MODE, 0, PHY_KMRN_MODE_SLOW);
    if (revision == 1 || (revision == 2 && e1000_phy_is(adapter, PHY_ID_82577))) {
        e1000_phy_write(adapter, PHY_EARLY_PREAMBLE, PHY_EARLY_PREAMBLE_OFF);
        e1000_phy_write(adapter, PHY_KMRN_FIFO, PHY_KMRN_FIFO_TUNED);
    }
    /* Links that break on a busy hub at half duplex; then: noise that breaks a link too early. */
    e1000_phy_change(adapter, PHY_PORT_GEN_CFG, (uint16_t)~PHY_PORT_GEN_LOW, 0);
    e1000_emi_write(adapter, EMI_82577_MSE_THRESHOLD, EMI_MSE_THRESHOLD);
}

static void e1000_82579_fix_phy(struct e1000_adapter *adapter)
{
    e1000_phy_change(adapter, PHY_KMRN_MODE, 0, PHY_KMRN_MODE_SLOW);
    e1000_emi_write(adapter, EMI_82579_MSE_THRESHOLD, EMI_MSE_THRESHOLD);
    e1000_emi_write(adapter, EMI_82579_MSE_LINK_DOWN, EMI_MSE_LINK_DOWN);
}

/* The lock is held. */
void e1000_pch_fix_phy(struct e1000_adapter *adapter)
{
    if (adapter->chip->flags & E1000_SLOW_MDIO)
        e1000_82579_fix_phy(adapter);
    else if (!(adapter->chip->flags & E1000_HAS_I217_PHY))
        e1000_82577_fix_phy(adapter);
    e1000_phy_change(adapter, PHY_PORT_GEN_CFG, PHY_PORT_GEN_HOST_WAKE, 0);
    if (adapter->chip->flags & E1000_SHARED_FILTER)
        e1000_pch_disable_eee(adapter);
}

/*
 * Low speed and no gigabit save power while the machine sleeps. They stay set after a warm start and would
 * make a link of 10 Mb/s; negotiating anew puts the bits into force. The lock is held.
 */
void e1000_pch_set_oem_bits(struct e1000_adapter *adapter)
{
    const uint16_t slow = PHY_OEM_BITS_LPLU | PHY_OEM_BITS_GBE_DISABLE;
    uint16_t oem;

    if (e1000_phy_read(adapter, PHY_OEM_BITS, &oem) == 0 && oem & slow)
        e1000_phy_write(adapter, PHY_OEM_BITS, (uint16_t)((oem & ~slow) | PHY_OEM_BITS_RESTART));
}

/* --- when the link changes --- */

/* The MAC takes up a new K1 setting while its speed is forced for a moment. */
static void e1000_pch_set_k1(struct e1000_adapter *adapter, bool enable)
{
    uint16_t config = e1000_kmrn_read(adapter, E1000_KMRN_K1_CONFIG);
    uint32_t ctrl, ctrl_ext;

    config = (uint16_t)(enable ? config | E1000_KMRN_K1_ENABLE : config & ~E1000_KMRN_K1_ENABLE);
    e1000_kmrn_write(adapter, E1000_KMRN_K1_CONFIG, config);
    udelay(K1_US);
    ctrl = e1000_read(adapter, E1000_CTRL);
    ctrl_ext = e1000_read(adapter, E1000_CTRL_EXT);
    e1000_write(adapter, E1000_CTRL, (ctrl & ~(uint32_t)E1000_CTRL_SPEED) | E1000_CTRL_FRCSPD);
    e1000_write(adapter, E1000_CTRL_EXT, ctrl_ext | E1000_CTRL_EXT_SPD_BYPS);
    e1000_flush(adapter);
    udelay(K1_US);
    e1000_write(adapter, E1000_CTRL, ctrl);
    e1000_write(adapter, E1000_CTRL_EXT, ctrl_ext);
    e1000_flush(adapter);
    udelay(K1_US);
}

/* 82577, 82578: with K1 at 1000 Mb/s the MAC may stall on the way up from a lower speed. */
static void e1000_82577_link_changed(struct e1000_adapter *adapter, bool up, bool gigabit)
{
    e1000_phy_write(adapter, PHY_KMRN_STALL, up ? PHY_KMRN_STALL_UP : PHY_KMRN_STALL_DOWN);
    e1000_pch_set_k1(adapter, !(up && gigabit));
}

/* 82579: with K1 at 100 and 1000 Mb/s packets get lost; at 10 Mb/s its beacon must be longer. */
static void e1000_82579_link_changed(struct e1000_adapter *adapter, bool up)
{
    uint16_t status;

    if (!up || e1000_phy_read(adapter, PHY_HV_STATUS, &status) < 0)
        return;
    if (status & (PHY_HV_STATUS_100 | PHY_HV_STATUS_1000))
        e1000_phy_change(adapter, PHY_PM_CTRL, PHY_PM_CTRL_K1, 0);
    else
        e1000_change(adapter, E1000_FEXTNVM4, E1000_FEXTNVM4_BEACON, E1000_FEXTNVM4_BEACON_16US);
}

/* At half duplex the PHY must leave one preamble less, or the MAC mistakes the kind of packet. */
static void e1000_pch_set_preamble(struct e1000_adapter *adapter, uint32_t status)
{
    e1000_phy_change(adapter, PHY_KMRN_FIFO, PHY_KMRN_FIFO_PREAMBLE,
                     status & E1000_STATUS_FD ? 0 : PHY_KMRN_FIFO_PREAMBLE_1);
}

/* I218 (mobile): with K1 at 1000 Mb/s the MAC misses the end of DMA, unless its clock runs on. */
static void e1000_i218_hold_clock(struct e1000_adapter *adapter, bool hold)
{
    uint16_t config;

    if (!hold) {
        e1000_change(adapter, E1000_FEXTNVM6, E1000_FEXTNVM6_PLL_CLK, 0);
        return;
    }
    config = e1000_kmrn_read(adapter, E1000_KMRN_K1_CONFIG);
    e1000_kmrn_write(adapter, E1000_KMRN_K1_CONFIG, config & (uint16_t)~E1000_KMRN_K1_ENABLE);
    udelay(K1_US);
    e1000_change(adapter, E1000_FEXTNVM6, 0, E1000_FEXTNVM6_PLL_CLK);
    e1000_kmrn_write(adapter, E1000_KMRN_K1_CONFIG, config);
}

/* I219: the distance of the pointers in the transmit FIFO, without which frames go out damaged. */
static void e1000_i219_set_fifo(struct e1000_adapter *adapter, bool gigabit)
{
    uint16_t fifo;

    if (!gigabit) {
        e1000_phy_write(adapter, PHY_TX_FIFO, PHY_TX_FIFO_SLOW);
    } else if (e1000_phy_read(adapter, PHY_TX_FIFO, &fifo) == 0 &&
               (fifo & PHY_TX_FIFO_GAP) >> PHY_TX_FIFO_GAP_SHIFT < PHY_TX_FIFO_GAP_LEAST) {
        fifo = (uint16_t)((fifo & ~PHY_TX_FIFO_GAP) | PHY_TX_FIFO_GAP_LEAST << PHY_TX_FIFO_GAP_SHIFT);
        e1000_phy_write(adapter, PHY_TX_FIFO, fifo);
    }
}

/* Some parts at 10 Mb/s half duplex send again too eagerly and collide; the I219 wants more room below 1000.
 */
static uint32_t e1000_pch_gap(const struct e1000_adapter *adapter, uint32_t status)
{
    if (!(status & E1000_STATUS_FD) && !(status & E1000_STATUS_SPEED))
        return E1000_TIPG_IPGT_HALF_10;
    if (adapter->chip->flags & E1000_IS_I219 && status & E1000_STATUS_FD &&
        !(status & E1000_STATUS_SPEED_1000))
        return E1000_TIPG_IPGT_I219_SLOW;
    return E1000_TIPG_IPGT;
}

static void e1000_i217_link_up(struct e1000_adapter *adapter, bool gigabit)
{
    e1000_phy_change(adapter, PHY_PLL_GATE, PHY_PLL_GATE_MASK,
                     gigabit ? PHY_PLL_GATE_1000 : PHY_PLL_GATE_SLOW);
    if (gigabit)
        e1000_phy_change(adapter, PHY_PM_CTRL, 0, PHY_PM_CTRL_K1_CLK_REQ);
    if (adapter->chip->flags & E1000_IS_I219)
        e1000_i219_set_fifo(adapter, gigabit);
}

/* I217: packets get lost with a longer beacon. 100 and 200 series: K1 may switch off only where the NVM says.
 */
static void e1000_i217_link_changed(struct e1000_adapter *adapter, bool up, bool gigabit)
{
    e1000_change(adapter, E1000_FEXTNVM4, E1000_FEXTNVM4_BEACON, E1000_FEXTNVM4_BEACON_8US);
    if (adapter->chip->flags & E1000_K1_HOLDS_CLOCK)
        e1000_i218_hold_clock(adapter, up && gigabit);
    if (adapter->chip->flags & E1000_TWO_REQUESTS)
        e1000_change(adapter, E1000_FEXTNVM6, E1000_FEXTNVM6_K1_OFF,
                     e1000_read(adapter, E1000_PCIEANACFG) & E1000_FEXTNVM6_K1_OFF);
    if (up)
        e1000_i217_link_up(adapter, gigabit);
}

static void e1000_pch_set_gap(struct e1000_adapter *adapter, uint32_t status)
{
    bool i217 = adapter->chip->flags & E1000_HAS_I217_PHY;
    uint32_t gap = e1000_pch_gap(adapter, status);

    e1000_change(adapter, E1000_TIPG, E1000_TIPG_IPGT_MASK, gap);
    e1000_emi_write(adapter, i217 ? EMI_I217_RX_CONFIG : EMI_82579_RX_CONFIG,
                    gap == E1000_TIPG_IPGT_HALF_10 ? 0 : 1);
}

void e1000_pch_link_changed(struct e1000_adapter *adapter, uint32_t status)
{
    unsigned flags = adapter->chip->flags;
    bool up = status & E1000_STATUS_LU, gigabit = status & E1000_STATUS_SPEED_1000;

    if (!e1000_lock(adapter))
        return;
    if (flags & E1000_HAS_I217_PHY)
        e1000_i217_link_changed(adapter, up, gigabit);
    else if (flags & E1000_SLOW_MDIO)
        e1000_82579_link_changed(adapter, up);
    else
        e1000_82577_link_changed(adapter, up, gigabit);
    if (up && !(flags & E1000_HAS_I217_PHY))
        e1000_pch_set_preamble(adapter, status);
    if (up && flags & E1000_SHARED_FILTER)
        e1000_pch_set_gap(adapter, status);
    e1000_unlock(adapter);
}
