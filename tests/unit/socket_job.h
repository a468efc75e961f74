/*
 * socket_job.h - the BSD calls over a transport that does as it is told, and tasks that sleep in them.
 */
#ifndef TESTS_UNIT_SOCKET_JOB_H
#define TESTS_UNIT_SOCKET_JOB_H

#include "tests/unit/fake_transport.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "kernel/slab.h"
#include "net/ipv4/route.h"

#define F (fake.files)

/* A task of the test: runs fn() once, keeps what it returned. */
struct job {
    long (*fn)(struct job *job);
    int fd;
    long result;
    bool done;
};

static inline void job_run(void *arg)
{
    struct job *job = arg;

    job->result = job->fn(job);
    job->done = true;
}

static inline void job_start(struct job *job)
{
    assert_non_null(task_create("job", job_run, job, fake.files));
    host_run();
}

#endif
