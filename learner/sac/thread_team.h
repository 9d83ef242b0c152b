// A team of threads that run one function together: the threads of an update. The main thread is member 0 and the only
// one that may call MPI, log, or touch anything but what its function was given.
#ifndef CORSAC_LEARNER_SAC_THREAD_TEAM_H
#define CORSAC_LEARNER_SAC_THREAD_TEAM_H

#include "common/base/status.h"
#include <stddef.h>

struct thread_team;
struct thread_team *
thread_team_create(unsigned threads,
                   struct error *error); // 1: no thread is started and thread_team_run is a plain call
void thread_team_destroy(struct thread_team *team);
unsigned thread_team_size(const struct thread_team *team);
// Runs work(argument, member, members) on every member and returns when all have: a barrier on both sides.
void thread_team_run(struct thread_team *team, void (*work)(void *argument, unsigned member, unsigned members),
                     void *argument);
// Member m's share of `count` things: [begin, end), contiguous, sizes differ by at most one, multiples of `grain` but
// for the last.
void thread_team_share(size_t count, size_t grain, unsigned member, unsigned members, size_t *begin, size_t *end);
#endif
