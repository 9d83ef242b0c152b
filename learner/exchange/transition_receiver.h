// Takes batches of transitions into the job: replay, normalizer, metrics, each environment's progress. A message that
// does not fit its sender is refused whole with STATUS_PEER: rows of another actor's environment, a policy version that
// does not exist, counts that do not add up or go backwards, a snapshot that is not expected. Pair:
// actor/transition_sender.h.
#ifndef CORSAC_LEARNER_EXCHANGE_TRANSITION_RECEIVER_H
#define CORSAC_LEARNER_EXCHANGE_TRANSITION_RECEIVER_H

#include "common/wire/codec.h"
#include "learner/job/job.h"

struct transition_receiver;

// job: not owned.
struct transition_receiver *transition_receiver_create(struct job *job, uint32_t actors, struct error *error);
void transition_receiver_destroy(struct transition_receiver *receiver);

// Takes a TRANSITIONS message. async: its rows go into the job at once; those past env_steps are dropped and counted.
// sync: they are kept until the round is whole. *longest_step: the actor's longest step so far, s.
enum status transition_receiver_take(struct transition_receiver *receiver, const struct frame *frame,
                                     double *longest_step, struct error *error);

// Counts the steps of a TRANSITIONS message as dropped; the job has no use for them any more.
enum status transition_receiver_drop(struct transition_receiver *receiver, const struct frame *frame,
                                     struct error *error);

// Takes an INFO message into the metrics; in sync it is kept until the round is whole.
enum status transition_receiver_take_info(struct transition_receiver *receiver, const struct frame *frame,
                                          struct error *error);

// An environment failed outside of evaluations. In sync the metrics count it when the round is whole.
void transition_receiver_count_failure(struct transition_receiver *receiver);

// Takes a SNAPSHOT message, where an environment stands. async: into the job at once. sync: kept until the round is
// whole.
enum status transition_receiver_take_snapshot(struct transition_receiver *receiver, const struct frame *frame,
                                              struct error *error);

// True when the environment belongs to the actor of rank `sender`.
bool transition_receiver_owns(const struct transition_receiver *receiver, uint32_t sender, uint32_t environment);

// sync: the sender ended the round. STATUS_PEER unless all of its environments have made the round's steps and their
// snapshots are there.
enum status transition_receiver_end_round(const struct transition_receiver *receiver, uint32_t sender,
                                          struct error *error);

// async: the replay has room for any batch. sync: the round can be committed. False while a checkpoint is being written
// that still needs the rows that would be overwritten (replay_room).
bool transition_receiver_has_room(const struct transition_receiver *receiver);

// async: collecting: every environment was asked for a snapshot, and batches that arrive after an environment's
// snapshot do not void it until this is called with false.
void transition_receiver_collect(struct transition_receiver *receiver, bool collecting);

// sync: puts the round's rows, snapshots and failures into the job, environment-major and time-minor, whatever order
// they came in and whoever sent them.
enum status transition_receiver_commit(struct transition_receiver *receiver, struct error *error);
#endif
