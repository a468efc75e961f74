/*
 * sign.h - what stands on the screen to be read from afar: the machine's address.
 */
#ifndef NET_APPS_SIGN_H
#define NET_APPS_SIGN_H

/* Keeps the sign true for as long as the machine runs; a task's function. arg is unused. */
void sign_main(void *arg);

#endif
