/*
 * nf_ct_charge.c - see nf_ct_charge.h.
 */
#include "net/netfilter/nf_ct_charge.h"

#include <errno.h>

#include "kernel/slab.h"

struct nf_ct_charge {
    struct list_head of_conn, of_account;
    struct nf_ct_account *account;
};

void nf_ct_account_init(struct nf_ct_account *account, const void *owner,
                        void (*empty)(struct nf_ct_account *account))
{
    *account = (struct nf_ct_account){.owner = owner, .empty = empty};
    INIT_LIST_HEAD(&account->charges);
}

static void charge_free(struct nf_ct_charge *charge)
{
    list_del_init(&charge->of_conn);
    list_del_init(&charge->of_account);
    charge->account->count--;
    kfree(charge);
}

void nf_ct_account_close(struct nf_ct_account *account)
{
    struct nf_ct_charge *charge, *next;

    list_for_each_entry_safe (charge, next, &account->charges, of_account)
        charge_free(charge);
}

struct nf_ct_account *nf_ct_account_of(const struct nf_conn *ct, const void *owner)
{
    struct nf_ct_charge *charge;

    list_for_each_entry (charge, &ct->charges, of_conn) {
        if (charge->account->owner == owner)
            return charge->account;
    }
    return NULL;
}

int nf_ct_charge(struct nf_conn *ct, struct nf_ct_account *account)
{
    struct nf_ct_charge *charge = kmalloc(sizeof(*charge));

    if (!charge)
        return -ENOMEM;
    charge->account = account;
    list_add(&charge->of_conn, &ct->charges);
    list_add_tail(&charge->of_account, &account->charges);
    account->count++;
    return 0;
}

void nf_ct_release_charges(struct nf_conn *ct)
{
    struct nf_ct_charge *charge, *next;

    list_for_each_entry_safe (charge, next, &ct->charges, of_conn) {
        struct nf_ct_account *account = charge->account;

        charge_free(charge);
        if (!account->count && account->empty)
            account->empty(account);
    }
}
