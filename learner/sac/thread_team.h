// A team of threads that run one function together: the threads of an update. The main thread is member 0. Only it may
// call MPI or log; a function of the team touches nothing but its argument.
#ifndef CORSAC_LEARNER_SAC_THREAD_TEAM_H
#define CORSAC_LEARNER_SAC_THREAD_TEAM_H

#include "common/base/status.h"
#include <stddef.h>

struct thread_team;

// With one thread none is started, and thread_team_run is a plain call.
struct thread_team *thread_team_create(unsigned threads, struct error *error);
void thread_team_destroy(struct thread_team *team);
unsigned thread_team_size(const struct thread_team *team);

// Runs work(argument, member, members) on every member and returns when all have returned: a barrier on both sides.
void thread_team_run(struct thread_team *team, void (*work)(void *argument, unsigned member, unsigned members),
                     void *argument);

// A barrier within a thread_team_run: returns when every member has called it. Every member calls it equally often.
void thread_team_meet(struct thread_team *team);

// [begin, end): the member's share of `count` things. Shares are contiguous; their sizes are multiples of `grain`, but
// for the last one, and differ by one grain at most.
void thread_team_share(size_t count, size_t grain, unsigned member, unsigned members, size_t *begin, size_t *end);
#endif
