/*
 * e1000_model_inner.h - what the files of the e1000's model share.
 */
#ifndef TESTS_HOST_E1000_MODEL_INNER_H
#define TESTS_HOST_E1000_MODEL_INNER_H

#include "tests/host/e1000_model.h"

#define REG(card, offset) ((card)->regs[(offset) / 4])

/* e1000_model.c */
void e1000_model_violation(struct e1000_model *card, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void e1000_model_negotiate(struct e1000_model *card); /* the link goes, and comes back if there is a cable */
void e1000_model_phy_write(struct e1000_model *card, unsigned reg, uint16_t value); /* one of the first 16 */

/* e1000_model_chips.c: nothing of it concerns an 8254x */
void e1000_model_chip_create(struct e1000_model *card);
void e1000_model_chip_power_on(struct e1000_model *card);             /* registers have been cleared */
void e1000_model_chip_ctrl(struct e1000_model *card, uint32_t value); /* CTRL is about to hold this */
/* Whether that was all there is to the access. */
bool e1000_model_chip_write(struct e1000_model *card, uint32_t offset, uint32_t value);
bool e1000_model_chip_read(struct e1000_model *card, uint32_t offset, uint32_t *value);
unsigned e1000_model_hash(const struct e1000_model *card, const uint8_t *addr);

#endif
