// Takes batches of transitions into the job: replay, normalizer, metrics, each environment's progress. What does not
// fit its sender (another's environment, a policy version that there has not been, counts that do not add up or go
// backwards, a snapshot that nobody waits for) is refused whole with STATUS_PEER. Pair: actor/transition_sender.h.
#ifndef CORSAC_LEARNER_EXCHANGE_TRANSITION_RECEIVER_H
#define CORSAC_LEARNER_EXCHANGE_TRANSITION_RECEIVER_H

#include "common/wire/codec.h"
#include "learner/job/job.h"

struct transition_receiver;
struct transition_receiver *transition_receiver_create(struct job *job, uint32_t actors,
                                                       struct error *error); // job not owned
void transition_receiver_destroy(struct transition_receiver *receiver);
// A TRANSITIONS message. async: goes into the job at once; rows past env_steps are dropped and counted. sync: kept
// until the round is whole. *longest_step: the actor's longest step so far, s.
enum status transition_receiver_take(struct transition_receiver *receiver, const struct frame *frame,
                                     double *longest_step, struct error *error);
// A TRANSITIONS message for which there is no use any more: only counted.
enum status transition_receiver_drop(struct transition_receiver *receiver, const struct frame *frame,
                                     struct error *error);
// An INFO message: into the metrics, in sync with its round.
enum status transition_receiver_take_info(struct transition_receiver *receiver, const struct frame *frame,
                                          struct error *error);
// A SNAPSHOT message: where an environment stands. async: into the job at once; sync: kept until the round is whole.
enum status transition_receiver_take_snapshot(struct transition_receiver *receiver, const struct frame *frame,
                                              struct error *error);
// Is the environment one of the actor's at rank `sender`?
bool transition_receiver_owns(const struct transition_receiver *receiver, uint32_t sender, uint32_t environment);
// sync: STATUS_PEER unless all of the sender's environments have made the round's steps, and their snapshots are there.
enum status transition_receiver_end_round(const struct transition_receiver *receiver, uint32_t sender,
                                          struct error *error);
// async: whatever batch comes can go into the replay; sync: the round can be committed. Not so while a checkpoint is
// being written whose rows would be overwritten (replay_room).
bool transition_receiver_has_room(const struct transition_receiver *receiver);
// async: every environment is asked for a snapshot. While a save collects them, batches that arrive after an
// environment's snapshot do not void it.
void transition_receiver_collect(struct transition_receiver *receiver, bool collecting);
// sync: the round's rows and snapshots go into the job environment-major, time-minor, whatever order they came in and
// whoever sent them.
enum status transition_receiver_commit(struct transition_receiver *receiver, struct error *error);
#endif
