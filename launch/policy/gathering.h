// Rank 0 of eval under mpirun: it asks the other ranks for episodes, and gives them back in the order of their numbers,
// whoever played them. Pair: an actor that only evaluates (actor/actor.h).
#ifndef CORSAC_LAUNCH_POLICY_GATHERING_H
#define CORSAC_LAUNCH_POLICY_GATHERING_H

#include "actor/evaluator.h"
#include "learner/exchange/actor_table.h"
#include <signal.h>

struct gathered { // an episode
  struct message_episode result;
  bool is_here;         // result is its result
  struct buffer steps;  // the payloads of its STEP messages, in their order; all have one size
  size_t read;          // bytes of them that were given back
  uint32_t step, agent; // of the last one
};
struct player {   // an actor
  bool failed;    // it has sent an episode that failed; the first is the one that counts
  char why[1024]; // its environment failed last, until then
};

struct gathering {
  const volatile sig_atomic_t *stop; // not owned
  struct actor_table table;
  struct message_hello hello; // of the environment that all play in
  struct gathered *episode;   // (count)
  uint32_t count, next;       // asked for; the next to be given back
  uint32_t players;           // actor i plays the episodes i, i + players, ...
  struct player *player;      // (players)
  struct message_step step;   // scratch, with arrays
  size_t step_bytes;          // of a STEP's payload
  void (*said)(const char *why);
};

// Waits until every actor has made its environment, at most config->env_timeout. gathering_release must follow, on
// failure too. said: is called with the reason when an episode is made again.
enum status gathering_init(struct gathering *gathering, const struct config *config, struct transport *transport,
                           const volatile sig_atomic_t *stop, void (*said)(const char *why), struct error *error);
void gathering_release(struct gathering *gathering);

// Asks for episodes 0 .. count - 1. first, stride and count of `evaluate` are set here.
enum status gathering_begin(struct gathering *gathering, struct message_evaluate evaluate,
                            const struct policy_weights *weights, struct error *error);

// Takes what has arrived. *busy: something had. Fails when an actor cannot go on, is presumed dead (STATUS_FAILED) or
// sends an invalid message (STATUS_PEER), and after a signal (STATUS_STOPPED).
enum status gathering_turn(struct gathering *gathering, bool *busy, struct error *error);

// What comes next, in the order of episodes and steps. An episode is given once its result is here: first its steps,
// then its result.
enum gathering_item { GATHERING_NOTHING, GATHERING_STEP, GATHERING_EPISODE, GATHERING_OVER };
struct gathering_next {
  struct evaluator_transition made; // STEP: valid until the next call or turn
  bool last;                        // STEP: its episode ends with it
  struct message_episode episode;   // EPISODE
  const char *why;                  // EPISODE: why it failed
};
enum gathering_item gathering_next(struct gathering *gathering, struct gathering_next *next);

// Lets the actors leave, and waits at most `seconds` for their BYE. Returns whether all have said it.
bool gathering_dismiss(struct gathering *gathering, int exit_code, double seconds);

#endif
