#include "launch/train/roles.h"

#include "actor/group.h"
#include "actor/guest/guest.h"
#include "common/base/clock.h"
#include "common/base/exit_bound.h"
#include "common/base/log.h"
#include "common/wire/codec.h"
#include "common/wire/transport_mpi.h"
#include "launch/cli/signals.h"
#include "launch/train/roles_impl.h"
#include "common/wire/transport_mpi_start.h"

#include <math.h>
#include <time.h>
#include <unistd.h>

static const double MOST_PATIENCE = 90; // a rank that has died unseen holds up the others for so long
static const double LEAST_SECONDS = 10; // an actor has many environments, and a disk may be slow

unsigned role_end_seconds(const struct config *config, const volatile sig_atomic_t *stop) {
  return *stop ? EXIT_SECONDS : (unsigned)ceil(fmax(LEAST_SECONDS, config_longest_timeout(config)));
}

unsigned role_patience(const struct config *config, const volatile sig_atomic_t *stop) {
  return *stop ? 0 : (unsigned)fmin(MOST_PATIENCE, role_end_seconds(config, stop));
}

struct acting {
  struct actor *actor;
  struct transport *transport; // not owned
  struct group *group;         // not owned, or NULL
};

// Drives the actor until the learner releases this rank.
static struct role_result act(struct acting *acting, struct error *error) {
  struct backoff backoff = {0};
  struct actor *actor = acting->actor;
  for (enum turn turn = TURN_BUSY; turn != TURN_DONE && error->status == STATUS_OK;) {
    actor_turn(actor, &turn, error);
    if (turn == TURN_BUSY)
      backoff_reset(&backoff);
    else if (turn == TURN_IDLE)
      backoff_wait(&backoff);
  }
  if (error->status != STATUS_OK) log_error("%s", error->text);
  struct role_result result = {error->status == STATUS_OK ? actor_exit_code(actor) : status_exit_code(error->status),
                               error->status == STATUS_OK && actor_leaves_together(actor)};
  result.together &= transport_flush(acting->transport, ROLE_GOODBYE_SECONDS);
  return result;
}

// The environment ended the process, and the actor never returns from it. The learner is told, and this rank stays
// until the job ends, since mpirun would end the job with a rank that left.
static void environment_ended(void *host, const struct guest_end *end) {
  struct acting *acting = host;
  struct error error = {0};
  struct role_result result = {EXIT_FAILED, false};
  if (actor_has_left(acting->actor)) {
    log_error("%s", end->why.text);
  } else {
    actor_fail(acting->actor, &end->why);
    alarm(0); // of a crash: the learner knows, and what follows may take as long as the job
    result = act(acting, &error);
  }
  if (acting->group) group_dismiss(acting->group, result.exit_code, result.together);
  mpi_stop(result.together && !acting->group, result.exit_code, 0); // the group's others may be in the environment
  _exit(result.exit_code);
}

// dims: obs_dim and act_dim of the policy that the actor only evaluates; NULL: it trains.
static struct role_result act_for_group(const struct config *config, const uint32_t *dims, struct acting *acting,
                                        bool last, const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct group *group = acting->group;
  acting->actor = actor_prepare(config, acting->transport, group, stop, &error);
  if (!acting->actor) {
    log_error("%s", error.text);
    return (struct role_result){status_exit_code(error.status), false};
  }
  struct guest_host before;
  guest_set_host(&(struct guest_host){.who = acting, .ended = environment_ended, .mend_signals = signals_mend},
                 &before);
  if (dims)
    actor_equip_to_evaluate(acting->actor, dims[0], dims[1]);
  else
    actor_equip(acting->actor);
  const struct role_result result = act(acting, &error);
  if (last) exit_bound(result.exit_code, role_end_seconds(config, stop));
  actor_destroy(acting->actor); // with it the group's environments
  guest_set_host(&before, NULL);
  if (group) group_dismiss(group, result.exit_code, result.together);
  return result;
}

struct role_result role_act_for_group(const struct config *config, struct transport *transport, struct group *group,
                                      bool last, const volatile sig_atomic_t *stop) {
  struct acting acting = {.transport = transport, .group = group};
  return act_for_group(config, NULL, &acting, last, stop);
}

struct role_result role_evaluate_for_group(const struct config *config, const uint32_t dims[2],
                                           struct transport *transport, struct group *group,
                                           const volatile sig_atomic_t *stop) {
  struct acting acting = {.transport = transport, .group = group};
  return act_for_group(config, dims, &acting, true, stop);
}

struct role_result role_act(const struct config *config, struct transport *transport,
                            const volatile sig_atomic_t *stop) {
  return role_act_for_group(config, transport, NULL, false, stop);
}

// --- a rank that is not the first of its group ---

struct following {
  const struct group_position *position; // not owned, nor is stop
  const volatile sig_atomic_t *stop;
};

// The environment of this rank ended the process. The group's first rank may be in the same call and wait for this one
// for ever, so this rank tells the learner directly. Then it stays until mpirun ends it with the job.
static void followed_environment_ended(void *host, const struct guest_end *end) {
  const struct following *following = host;
  const struct timespec pause = {.tv_nsec = 50000000};
  const pid_t parent = getppid();
  struct buffer bytes = {0};
  struct error error = {0};
  enum status status = message_encode_failed(&bytes, following->position->peer, &end->why, &error);
  if (status == STATUS_OK)
    status =
        transport_mpi_speak_aside(following->position->aside, bytes.data, bytes.size, ROLE_GOODBYE_SECONDS, &error);
  alarm(0); // of a crash: see environment_ended
  if (status != STATUS_OK) log_error("%s (and the learner could not be told: %s)", end->why.text, error.text);
  while (status == STATUS_OK && *following->stop == 0 && getppid() == parent) nanosleep(&pause, NULL);
  mpi_stop(false, EXIT_FAILED, 0);
}

struct role_result role_follow(struct group *group, const struct group_position *position,
                               const volatile sig_atomic_t *stop) {
  struct error error = {0};
  struct role_result result = {0, false};
  struct following following = {position, stop};
  struct guest_host before;
  guest_set_host(
      &(struct guest_host){.who = &following, .ended = followed_environment_ended, .mend_signals = signals_mend},
      &before);
  if (group_follow(group, &result.exit_code, &result.together, &error) != STATUS_OK) {
    log_error("%s", error.text);
    result.exit_code = status_exit_code(error.status);
  }
  guest_set_host(&before, NULL);
  return result;
}
