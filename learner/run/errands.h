// Calls into the file system, which may hang for minutes, without holding up the learner: a thread makes them one at a
// time, and the caller waits for it, but does something else now and then (it sends heartbeats).
#ifndef CORSAC_LEARNER_RUN_ERRANDS_H
#define CORSAC_LEARNER_RUN_ERRANDS_H

#include "common/base/status.h"

struct errands;

// meanwhile(who) is called every few hundredths of a second of a call that takes longer. Nothing of it may touch what
// the call touches, or run an errand. directory: what the files are in, for the log; it has to outlive the errands.
struct errands *errands_create(const char *directory, void (*meanwhile)(void *who), void *who, struct error *error);
void errands_destroy(struct errands *errands); // NULL is allowed

// Makes call(argument) and returns when it is over. errands NULL: in this thread. A call that takes long is named on
// standard error, and in the log once it is over; the call itself may log.
void errands_run(struct errands *errands, void (*call)(void *argument), void *argument);
#endif
