/*
 * httpd.h - the web server, a program on sockets.
 */
#ifndef NET_APPS_HTTPD_H
#define NET_APPS_HTTPD_H

/**
 * httpd_main - serve /www over HTTP/1.1; the function of a task
 * @arg: the port as (void *)(intptr_t)port; NULL: 80
 *
 * Without /www it serves a page about this machine. Returns if it cannot start, after saying why, or when its
 * epoll set has been closed.
 */
void httpd_main(void *arg);

#endif
