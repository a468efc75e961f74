/*
 * cmd_ip.h - the objects of `ip`: a file each, cmd_ip_<object>.c.
 */
#ifndef NET_APPS_CMD_IP_H
#define NET_APPS_CMD_IP_H

#include "net/apps/console.h"

/* What stands in front of the object: ip -s -br link. */
struct ip_options {
    bool statistics, brief;
};

/* The words behind the object, without it. Return: 0, 1; console_usage() tells of all objects. */
int ip_address(struct shell *c, const struct ip_options *options, int argc, char **argv);
int ip_link(struct shell *c, const struct ip_options *options, int argc, char **argv);
int ip_route(struct shell *c, const struct ip_options *options, int argc, char **argv);
int ip_neigh(struct shell *c, const struct ip_options *options, int argc, char **argv);

/* "sh" is short for "show", and "show" stands where there is no word. */
bool ip_word_is(const char *word, const char *full);
bool ip_shows(int argc, char **argv);

/* "RTNETLINK answers: ..." would tell nobody anything: the sentence, or errno's. Return: 1. */
int ip_fail(struct shell *c, const char *why);

/* The value behind `key` in the words, NULL if it is not there. */
const char *ip_value(int argc, char **argv, const char *key);

struct skiff_link;
/* "2: eth0: <BROADCAST,UP> mtu 1500 state UP qlen 1000" and the line of its link address. */
void ip_show_link(struct shell *c, const struct skiff_link *link);

#endif
