/*
 * nf_ct_charge.h - counting connections as long as they live (connlimit).
 *
 * An account has a number of connections on it. A charge ties one to the other and goes when the connection
 * ends (also when TCP reaches TIME-WAIT) or the account is closed, so the number is always right and never
 * has to be looked for.
 */
#ifndef NET_NETFILTER_NF_CT_CHARGE_H
#define NET_NETFILTER_NF_CT_CHARGE_H

#include "net/netfilter/nf_conntrack.h"

struct nf_ct_account {
    struct list_head charges;
    unsigned count;
    const void *owner;                            /* a connection is on one account of an owner at most */
    void (*empty)(struct nf_ct_account *account); /* count has come down to 0; may free it. May be NULL */
};

void nf_ct_account_init(struct nf_ct_account *account, const void *owner,
                        void (*empty)(struct nf_ct_account *account));
void nf_ct_account_close(struct nf_ct_account *account); /* without calling empty() */

/* The account of this owner that the connection is on, or NULL. */
struct nf_ct_account *nf_ct_account_of(const struct nf_conn *ct, const void *owner);
int __must_check nf_ct_charge(struct nf_conn *ct, struct nf_ct_account *account); /* 0 or -ENOMEM */
void nf_ct_release_charges(struct nf_conn *ct);

#endif
