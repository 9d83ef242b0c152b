// What has to hold in every world. Each violation names its invariant, C1 to C10; README.md lists them.
#ifndef CORSAC_TESTS_SIMULATION_CHECKS_H
#define CORSAC_TESTS_SIMULATION_CHECKS_H

#include "common/base/log.h"
#include "common/base/status.h"
#include "tests/simulation/world.h"

enum { CHECKS_STEPS = 4096, CHECKS_LINES = 1024, CHECKS_VERSIONS = 4096 };

// The parameters of a sync job in the undisturbed world, by its environment steps at the beginning of a round; 0: none.
struct checks_reference {
  uint64_t hash[CHECKS_STEPS];
  uint64_t envs; // that it had: a job that begins anew on other actors may have others
};

struct actor;
struct meter;
struct checks {
  struct meter *meter; // NULL: nothing is measured; else nothing is checked

  struct checks_reference *reference; // of a sync job; NULL: none
  bool is_reference;                  // this is the undisturbed world: it writes the reference

  uint64_t durable;     // steps of the newest one
  uint64_t steps;       // the learner's, when it was last seen
  bool is_exact;        // every start so far went on exactly where the one before was
  uint32_t no_progress; // starts in a row that ended at the steps that they began with
  bool is_done;         // the job has ended with exit code 0

  // of this start
  uint64_t first_steps, first_dropped; // it began with
  uint64_t made;                       // steps that environments have made and returned
  uint64_t round;                      // the newest that was compared
  double fluent;                       // s: since when the learner has made a turn at least every second
  double turned;                       // s: its last turn; 0: none
  bool is_leaving;
  double leaves;    // s: since when it tells the actors to leave; INFINITY: it does not
  double signalled; // s: when a rank was told to stop; INFINITY: none was
  double overdue;   // s: since when a checkpoint is overdue; INFINITY: none is

  uint64_t version;                  // the newest
  double published[CHECKS_VERSIONS]; // s: when version i % CHECKS_VERSIONS was there

  // warnings and errors of this start
  uint32_t lines;
  uint64_t line_hash[CHECKS_LINES];
  int line_rank[CHECKS_LINES];
};

void checks_begin(struct checks *checks);

// All starts have ended, the last one with the job.
void checks_finish(struct checks *checks);

// After every event.
void checks_event(struct checks *checks);

// --- a start of the job ---

void checks_start(struct checks *checks);
void checks_start_failed(enum status status, const char *why);
void checks_training(struct checks *checks); // the learner is made

// All processes have ended. exit_code: the learner's, -1: it was killed. Returns whether the job is started again.
bool checks_judge_start(struct checks *checks, int exit_code);

// A rank has been told to stop by a signal.
void checks_signal(struct checks *checks, const struct process *process);

// mpirun ends what has not ended after the learner.
void checks_left_behind(struct checks *checks, const struct process *process);

// How long actors may take to leave after the learner has ended, s.
double checks_patience(const struct checks *checks);

// --- the roles ---

void checks_learner_turn(struct checks *checks);
void checks_learner_done(struct checks *checks); // its last turn
void checks_actor_turn(struct checks *checks, const struct actor *actor);
void checks_actor_gives_up(struct process *process); // its actor returns an error
void checks_actor_left(struct checks *checks, const struct process *process);
void checks_step(struct checks *checks);                    // an environment that trains has made a step
void checks_saved(struct checks *checks, const char *path); // the learner takes this checkpoint for saved
void checks_log(struct checks *checks, enum log_level level, const char *text);

#endif
