// Starting a thread of our own. Signals belong to the main thread, so such a thread takes none.
#ifndef CORSAC_COMMON_BASE_THREAD_H
#define CORSAC_COMMON_BASE_THREAD_H

#include <pthread.h>
#include <time.h>

// Starts main(argument). name: as top shows it, up to 15 characters; NULL: that of the process. Returns 0 or an errno.
int thread_start(pthread_t *thread, const char *name, void *(*main)(void *argument), void *argument);

// A condition whose timed waits go by CLOCK_MONOTONIC.
void thread_condition_init(pthread_cond_t *condition);

// The time of that clock so many seconds from now, to wait until then.
struct timespec thread_in_seconds(double seconds);
#endif
