/*
 * e1000_regs_pcie.h - registers and bits that only the PCI Express members of the family have.
 *
 * Sections in brackets are of Intel's "PCIe GbE Controllers Open Source Software Developer's Manual" (316080:
 * 82571, 82572, 82573, ICH8), those with "82574" of the 82574 datasheet (317694). For the MACs inside
 * chipsets (ICH9 and later) Intel has published PHY datasheets only (I217 330214, I219 333054); what is known
 * of their MACs is what the open drivers of Intel do.
 */
#ifndef DRIVERS_E1000_E1000_REGS_PCIE_H
#define DRIVERS_E1000_E1000_REGS_PCIE_H

/* --- Device control and status: what differs from the 8254x [13.3.1, 13.3.2] --- */
#define E1000_CTRL_GIO_MASTER_DISABLE 0x00000004 /* ask no more of the bus */
#define E1000_CTRL_SPEED              0x00000300 /* the speed FRCSPD forces; 0: 10 Mb/s */
#define E1000_CTRL_LANPHYPC_OVERRIDE  0x00010000 /* PCH: software drives the PHY's power pin ... */
#define E1000_CTRL_LANPHYPC_VALUE     0x00020000 /* ... to this */
#define E1000_CTRL_RESERVED_29        0x20000000 /* 82573, 82574, 82583: must be 0 */
#define E1000_STATUS_LAN_INIT_DONE    0x00000200 /* ICH: the PHY has been configured */
#define E1000_STATUS_PHYRA            0x00000400 /* ICH: the PHY was reset */
#define E1000_STATUS_GIO_MASTER       0x00080000 /* requests of ours are still under way */

#define E1000_CTRL_EXT             0x00018
#define E1000_CTRL_EXT_LPCD        0x00000004 /* PCH: the PHY has been power-cycled */
#define E1000_CTRL_EXT_DPG_EN      0x00000008 /* newest PCH: the MAC switches its own power off */
#define E1000_CTRL_EXT_FORCE_SMBUS 0x00000800 /* PCH: talk to the PHY over SMBus */
#define E1000_CTRL_EXT_EE_RST      0x00002000 /* load the NVM anew */
#define E1000_CTRL_EXT_SPD_BYPS    0x00008000
#define E1000_CTRL_EXT_RO_DIS      0x00020000 /* no relaxed ordering */
#define E1000_CTRL_EXT_DYN_CLK     0x00080000 /* clock of the DMA stops when idle */
#define E1000_CTRL_EXT_BIT_22      0x00400000 /* to be set on the 82573 and later; no name published */
#define E1000_CTRL_EXT_BIT_23      0x00800000 /* to be cleared there */
#define E1000_CTRL_EXT_DRV_LOAD    0x10000000 /* tells firmware that a driver has the card */

/* --- NVM [13.3.3, 13.3.4]: the read register has other bits than the 8254x's --- */
#define E1000_EECD_AUTO_RD         0x00000200 /* registers have been loaded after reset */
#define E1000_EECD_FLASH           0x00018000 /* both: the NVM is a flash (82573, 82574, 82583) */
#define E1000_EERD_PCIE_DONE       0x00000002
#define E1000_EERD_PCIE_ADDR_SHIFT 2

/* --- Semaphores between software and firmware [13.3.75 ff.] --- */
#define E1000_SWSM             0x05b50
#define E1000_SWSM_SMBI        0x00000001 /* reading sets it: whoever reads 0 has it */
#define E1000_SWSM_SWESMBI     0x00000002 /* stays set once firmware lets go */
#define E1000_SWSM_DRV_LOAD    0x00000008 /* 82573: as CTRL_EXT.DRV_LOAD */
#define E1000_FWSM             0x05b54
#define E1000_FWSM_RSPCIPHY    0x00000040 /* 0: firmware forbids resetting the PHY */
#define E1000_FWSM_ULP_DONE    0x00000400 /* firmware has the PHY in ultra low power */
#define E1000_FWSM_FW_VALID    0x00008000 /* there is firmware (ME) */
#define E1000_H2ME             0x05b50    /* PCH: host to ME, where others have SWSM */
#define E1000_H2ME_ULP         0x00000800
#define E1000_H2ME_ENFORCE     0x00001000
#define E1000_EXTCNF_CTRL      0x00f00
#define E1000_EXTCNF_SWFLAG    0x00000020 /* software has the PHY: MDIO ownership or software flag */
#define E1000_EXTCNF_GATE      0x00000080 /* hardware leaves configuring the PHY to software */
#define E1000_EXTCNF_LCD_WRITE 0x00000001 /* hardware configures the PHY from the NVM ... */
#define E1000_EXTCNF_OEM_WRITE 0x00000008 /* ... and its OEM bits */
#define E1000_EXTCNF_POINTER   0x0fff0000 /* where in the NVM, in double words */
#define E1000_EXTCNF_SIZE      0x00f08
#define E1000_EXTCNF_LENGTH    0x00ff0000
#define E1000_EXTCNF_SHIFT     16

/* --- PCIe control [13.3.61] --- */
#define E1000_GCR                0x05b00
#define E1000_GCR_NO_SNOOP       0x0000003f /* what the card may do past the processor's caches */
#define E1000_GCR_BIT_22         0x00400000 /* 82574, 82583 */
#define E1000_GCR_L1_WITHOUT_L0S 0x08000000
#define E1000_GCR2               0x05b64
#define E1000_GCR2_BIT_0         0x00000001 /* 82574, 82583: completions that get lost */

/* --- Transmit and receive --- */
#define E1000_TXDCTL_WTHRESH_1    0x00010000 /* each descriptor is written back as it is done */
#define E1000_TXDCTL_COUNT_DESC   0x00400000
#define E1000_TXDCTL_GRAN         0x01000000 /* thresholds count descriptors, not cache lines */
#define E1000_TXDCTL_THRESHOLDS   0x003f3f3f
#define E1000_TXDCTL_PTHRESH_31   0x0000001f
#define E1000_TXDCTL1             0x03928
#define E1000_TARC0               0x03840 /* transmit arbitration [13.3.52] */
#define E1000_TARC1               0x03940
#define E1000_TARC_SPEED_MODE     0x00200000
#define E1000_TARC_MULR           0x10000000 /* several requests; the opposite of TCTL.MULR in TARC1 */
#define E1000_TARC0_REQUESTS      0x30000000 /* I219: requests under way, 3 ... */
#define E1000_TARC0_REQUESTS_2    0x20000000 /* ... and 2 */
#define E1000_RXDCTL              0x02828
#define E1000_RXDCTL_THRESHOLDS   0x00003fff
#define E1000_RXDCTL_FLUSH        0x0100011f /* 31 prefetched, 1 in the host, in descriptors */
#define E1000_RFCTL               0x05008
#define E1000_RFCTL_NFSW_DIS      0x00000040 /* no parsing of NFS */
#define E1000_RFCTL_NFSR_DIS      0x00000080
#define E1000_RFCTL_EXTEN         0x00008000 /* extended receive descriptors */
#define E1000_RFCTL_IPV6_EX_DIS   0x00010000
#define E1000_RFCTL_NEW_IPV6_DIS  0x00020000
#define E1000_TIPG_IPGT_MASK      0x000003ff
#define E1000_TIPG_IPGT_HALF_10   0xff
#define E1000_TIPG_IPGT_I219_SLOW 0x0c
#define E1000_PBA                 0x01000 /* kilobytes of packet buffer for receiving */
#define E1000_PBS                 0x01008
#define E1000_PBS_16K             16
#define E1000_PBECCSTS            0x0100c
#define E1000_PBECCSTS_ECC        0x00010000
#define E1000_PBA_ECC             0x01100
#define E1000_PBA_ECC_CORR_EN     0x00000001
#define E1000_CRC_OFFSET          0x05f50
#define E1000_CRC_OFFSET_82577    0x65656565
#define E1000_FFLT_DBG            0x05f04
#define E1000_FFLT_DBG_DMA_CLOCK  0x00001000
#define E1000_IOSFPC              0x00f28
#define E1000_IOSFPC_RDMTS_HEX    0x00010000

/* --- Chipset MACs: where their registers differ, these stand at places that mean something else before ---
 */
#define E1000_FEXTNVM               0x00028 /* FCAL of the others */
#define E1000_FEXTNVM_SW_CONFIG     0x08000000
#define E1000_FEXTNVM3              0x0003c
#define E1000_FEXTNVM3_PHY_CFG      0x0c000000
#define E1000_FEXTNVM3_PHY_CFG_50MS 0x08000000
#define E1000_FEXTNVM4              0x00024
#define E1000_FEXTNVM4_BEACON       0x00000007
#define E1000_FEXTNVM4_BEACON_8US   0x00000007
#define E1000_FEXTNVM4_BEACON_16US  0x00000003
#define E1000_FEXTNVM6              0x00010 /* EECD of the others */
#define E1000_FEXTNVM6_PLL_CLK      0x00000100
#define E1000_FEXTNVM6_K1_OFF       0x80000000
#define E1000_FEXTNVM7              0x000e4
#define E1000_FEXTNVM7_NO_SMB_PERST 0x00000020
#define E1000_FEXTNVM11             0x05bbc
#define E1000_FEXTNVM11_NO_MULR_FIX 0x00002000
#define E1000_PCIEANACFG            0x00f18
#define E1000_STRAP                 0x0000c
#define E1000_STRAP_NVM_SIZE        0x0000003e /* in 4 KiB, less one */
#define E1000_STRAP_NVM_SHIFT       1
#define E1000_PHY_CTRL              0x00f10
#define E1000_PHY_CTRL_D0A_LPLU     0x00000002 /* low speed saves power, also while running */
#define E1000_PHY_CTRL_GBE_DISABLE  0x00000040
#define E1000_KABGTXD               0x03004
#define E1000_KABGTXD_BGSQLBIAS     0x00050000

/* Kumeran: the MAC's own registers about its link to the PHY. */
#define E1000_KMRNCTRLSTA       0x00034
#define E1000_KMRN_OFFSET_SHIFT 16
#define E1000_KMRN_READ         0x00200000
#define E1000_KMRN_TIMEOUTS     0x04
#define E1000_KMRN_K1_CONFIG    0x07
#define E1000_KMRN_K1_ENABLE    0x0002
#define E1000_KMRN_INBAND       0x09
#define E1000_KMRN_INBAND_POLLS 0x003f

/* Configuration space of the I219: descriptors are stuck in the rings. */
#define E1000_PCI_RING_STATUS 0xe4
#define E1000_PCI_RING_FLUSH  0x0100

/* --- Flash of the chipset MACs: in BAR 1, from the I219 on in BAR 0 --- */
#define E1000_FLASH_BAR           1
#define E1000_FLASH_IN_BAR0       0x0e000
#define E1000_FLASH_GFPREG        0x0000 /* first and last sector of 4 KiB (not on the I219) */
#define E1000_FLASH_GFPREG_SECTOR 0x1fff
#define E1000_FLASH_SECTOR_SHIFT  12
#define E1000_FLASH_HSF           0x0004 /* low half status, high half control */
#define E1000_FLASH_DONE          0x00000001
#define E1000_FLASH_ERROR         0x00000002
#define E1000_FLASH_ACCESS_ERROR  0x00000004
#define E1000_FLASH_BUSY          0x00000020
#define E1000_FLASH_VALID         0x00004000 /* the flash has a descriptor */
#define E1000_FLASH_GO            0x00010000
#define E1000_FLASH_CYCLE         0x001e0000 /* 0: read */
#define E1000_FLASH_COUNT         0x03000000
#define E1000_FLASH_COUNT_2       0x01000000
#define E1000_FLASH_COUNT_4       0x03000000
#define E1000_FLASH_ADDRESS       0x0008
#define E1000_FLASH_DATA          0x0010
#define NVM_SIGNATURE_WORD        0x13
#define NVM_SIGNATURE             0xc000
#define NVM_SIGNATURE_VALID       0x8000

#endif
