/*
 * e1000_phy_regs.h - registers of the PHYs beside the cards of the PCI Express generation.
 *
 * Beyond IEEE 802.3's first 16 (e1000_regs.h) a PHY has pages. A register is written as PHY_REG(page,
 * number) and reached as its PHY wants it: e1000_phy.c. Names are those of the PHYs' datasheets (82577
 * 319439, 82579 324990, I217 330214, I218 330213, I219 333054) as far as they give one.
 */
#ifndef DRIVERS_E1000_E1000_PHY_REGS_H
#define DRIVERS_E1000_E1000_PHY_REGS_H

#define PHY_PAGE_SHIFT        5
#define PHY_REG(page, number) ((page) << PHY_PAGE_SHIFT | (number))
#define PHY_REG_PAGE(reg)     ((reg) >> PHY_PAGE_SHIFT)
#define PHY_REG_NUMBER(reg)   ((reg)&0x1f)
#define PHY_PLAIN_REGISTERS   16 /* the same on every page */

/* Where the page is chosen. */
#define PHY_PAGE_SELECT    31 /* IGP, 82566, and the 82577 and later, whose page is shifted by 5 */
#define PHY_BM_PAGE_SELECT 22 /* 82567, 82574, 82583 */
#define PHY_BM_ADDRESS_2   2  /* chipset PHYs: where page 0 to 767 answer; 1 has the others */
#define PHY_HIGH_PAGES     768

/* Identity, without the revision in the lowest four bits. */
#define PHY_ID_REVISION 0x0000000f
#define PHY_ID_82577    0x01540050
#define PHY_ID_82578    0x004dd040
#define PHY_ID_82579    0x01540090
#define PHY_ID_I217     0x015400a0
#define PHY_ID_NONE     0xffff

/* 82571, 82572: power management of the PHY inside. */
#define PHY_IGP_POWER      25
#define PHY_IGP_POWER_SPD  0x0001 /* sleeps without a link */
#define PHY_IGP_POWER_LPLU 0x0002

/* Extended management interface of the 82577 and later: address, then data. */
#define PHY_EMI_ADDRESS             PHY_REG(0, 16)
#define PHY_EMI_DATA                PHY_REG(0, 17)
#define EMI_82577_MSE_THRESHOLD     0x0887
#define EMI_82579_MSE_THRESHOLD     0x084f
#define EMI_MSE_THRESHOLD           0x0034
#define EMI_82579_MSE_LINK_DOWN     0x2411
#define EMI_MSE_LINK_DOWN           0x0005
#define EMI_82579_RX_CONFIG         0x3412
#define EMI_I217_RX_CONFIG          0xb20c
#define EMI_82579_EEE_ADVERTISEMENT 0x040e /* IEEE 802.3 register 7.60 */
#define EMI_I217_EEE_ADVERTISEMENT  0x8001

/* 82577, 82579, I217 and later: what the link is (page 0). */
#define PHY_HV_STATUS         PHY_REG(0, 26)
#define PHY_HV_STATUS_LINK    0x0040
#define PHY_HV_STATUS_SPEED   0x0300
#define PHY_HV_STATUS_100     0x0100
#define PHY_HV_STATUS_1000    0x0200
#define PHY_HV_STATUS_AUTONEG 0x1000

#define PHY_OEM_BITS             PHY_REG(768, 25)
#define PHY_OEM_BITS_LPLU        0x0004
#define PHY_OEM_BITS_GBE_DISABLE 0x0040
#define PHY_OEM_BITS_RESTART     0x0400
#define PHY_KMRN_MODE            PHY_REG(769, 16)
#define PHY_KMRN_MODE_SLOW       0x0400 /* MDIO at a lower clock */
#define PHY_PORT_GEN_CFG         PHY_REG(769, 17)
#define PHY_PORT_GEN_HOST_WAKE   0x0010
#define PHY_PORT_GEN_LOW         0x00ff
#define PHY_SMB_CTRL             PHY_REG(769, 23)
#define PHY_SMB_CTRL_FORCE       0x0001
#define PHY_EARLY_PREAMBLE       PHY_REG(769, 25)
#define PHY_EARLY_PREAMBLE_OFF   0x4431
#define PHY_KMRN_FIFO            PHY_REG(770, 16)
#define PHY_KMRN_FIFO_PREAMBLE   0x7000
#define PHY_KMRN_FIFO_PREAMBLE_1 0x1000
#define PHY_KMRN_FIFO_TUNED      0xa204
#define PHY_PM_CTRL              PHY_REG(770, 17)
#define PHY_PM_CTRL_K1_CLK_REQ   0x0200
#define PHY_PM_CTRL_K1           0x4000
#define PHY_KMRN_STALL           PHY_REG(770, 19)
#define PHY_KMRN_STALL_UP        0x0100
#define PHY_KMRN_STALL_DOWN      0x4100
#define PHY_LPI_CTRL             PHY_REG(772, 20)
#define PHY_LPI_CTRL_ENABLE      0x6000 /* EEE at 100 and 1000 Mb/s */
#define PHY_PLL_GATE             PHY_REG(772, 28)
#define PHY_PLL_GATE_MASK        0x07ff
#define PHY_PLL_GATE_SLOW        0x03e8
#define PHY_PLL_GATE_1000        0x00fa
#define PHY_TX_FIFO              PHY_REG(776, 20)
#define PHY_TX_FIFO_GAP          0x0ffc
#define PHY_TX_FIFO_GAP_SHIFT    2
#define PHY_TX_FIFO_GAP_LEAST    0x18
#define PHY_TX_FIFO_SLOW         0xc023
#define PHY_ULP_CONFIG           PHY_REG(779, 16)
#define PHY_ULP_START            0x0001
/* Indication, sticky, in-band exit, wake the host, reset to SMBus, LANPHYPC, sticky over PERST, no SMBus
 * release. */
#define PHY_ULP_ALL 0x1d74

#endif
