#include "learner/exchange/actor_table.h"

#include "common/base/clock.h"
#include "common/base/process.h"
#include "common/wire/assignment.h"

#include <math.h>

static const double TIMEOUT_STEPS = 20.0, LOOK_SECONDS = 1.0, CLOCK_SECONDS = 60.0;

enum status roster_init(struct roster *roster, const struct config *config, struct transport *transport,
                        struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1;
  *roster = (struct roster){.transport = transport,
                            .actors = actors,
                            .active = assignment_active(config, actors),
                            .actor_timeout = config->actor_timeout,
                            .env_timeout = config->env_timeout,
                            .heartbeat = heartbeat_seconds(config),
                            .began = clock_now(),
                            .listened = clock_coarse(),
                            .realm = process_realm()};
  roster->entry = memory_alloc(actors, sizeof *roster->entry, "the list of actors", error);
  if (!roster->entry) return STATUS_MEMORY;
  const double now = clock_now();
  for (uint32_t i = 0; i < actors; i++)
    roster->entry[i] = (struct roster_entry){.alive = true,
                                             .active = i < roster->active,
                                             .batch_steps = assignment_of(config, actors, i).batch_steps,
                                             .heard = now,
                                             .said = now};
  return STATUS_OK;
}

void roster_release(struct roster *roster) {
  memory_free(roster->entry);
  buffer_release(&roster->bytes);
}

uint32_t roster_alive(const struct roster *roster) {
  uint32_t alive = 0;
  for (uint32_t i = 0; i < roster->active; i++) alive += roster->entry[i].alive && roster->entry[i].active;
  return alive;
}

void roster_retire(struct roster *roster, uint32_t actor) {
  roster->entry[actor].active = false;
  roster->entry[actor].credits = 0;
}

void roster_leave(struct roster *roster, uint32_t actor, uint64_t unsent) {
  roster->entry[actor].left = true;
  roster->unsent += unsent;
}

enum status roster_expel(struct roster *roster, uint32_t actor, struct error *error) {
  const enum status status = roster_send(roster, actor, error);
  roster->entry[actor].expelled = true;
  return status;
}

// A batch for each credit that it held, and one that waited for another.
struct roster_losses roster_losses(const struct roster *roster) {
  struct roster_losses losses = {.unsent = roster->unsent};
  for (uint32_t i = 0; i < roster->active; i++) {
    const struct roster_entry *entry = &roster->entry[i];
    if (entry->alive || entry->left) continue;
    losses.actors++;
    losses.at_most += (uint64_t)(1 + (entry->credits > 0 ? entry->credits : 0)) * entry->batch_steps;
  }
  return losses;
}

void roster_hear(struct roster *roster, uint32_t actor) { roster->entry[actor].heard = clock_now(); }

enum status roster_send(struct roster *roster, uint32_t actor, struct error *error) {
  struct roster_entry *entry = &roster->entry[actor];
  if (!entry->alive) return STATUS_OK;
  entry->said = clock_now();
  return transport_send(roster->transport, (int)actor + 1, roster->bytes.data, roster->bytes.size, error);
}

enum status roster_send_all(struct roster *roster, bool active_only, struct error *error) {
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < (active_only ? roster->active : roster->actors) && status == STATUS_OK; i++)
    status = roster_send(roster, i, error);
  return status;
}

void roster_batch_arrived(struct roster *roster, uint32_t actor) { roster->entry[actor].credits--; }

static enum status grant_one(struct roster *roster, uint32_t actor, uint64_t newest_version, struct error *error) {
  const struct message_credit credit = {.batches = 1, .newest_version = newest_version};
  const enum status status = message_encode_credit(&roster->bytes, 0, &credit, error);
  if (status != STATUS_OK) return status;
  roster->entry[actor].credits++;
  return roster_send(roster, actor, error);
}

enum status roster_grant(struct roster *roster, const struct rate_limiter *limiter, uint64_t total,
                         uint64_t newest_version, struct error *error) {
  const uint64_t needed = rate_limiter_needed(limiter);
  uint64_t allowed = rate_limiter_allowed(limiter), promised = limiter->steps;
  uint32_t largest = 0;
  for (uint32_t i = 0; i < roster->active; i++) {
    const struct roster_entry *entry = &roster->entry[i];
    if (entry->alive && entry->credits > 0) promised += (uint64_t)entry->credits * entry->batch_steps;
    if (entry->batch_steps > largest) largest = entry->batch_steps;
  }
  // Beyond the job's total nothing is of use; a batch for everyone more keeps the last ones from waiting for each
  // other.
  const uint64_t useful = total + (uint64_t)roster->active * largest;
  if (allowed > useful) allowed = useful;
  for (uint32_t refused = 0; roster->active > 0 && refused < roster->active;) {
    const uint32_t actor = roster->next;
    struct roster_entry *entry = &roster->entry[actor];
    roster->next = (actor + 1) % roster->active;
    // A batch may go past what is allowed if without it the next update would never be owed.
    const uint64_t limit = promised < needed ? useful : allowed;
    if (!entry->alive || !entry->active || entry->credits >= ROSTER_CREDITS || promised + entry->batch_steps > limit) {
      refused++;
      continue;
    }
    const enum status status = grant_one(roster, actor, newest_version, error);
    if (status != STATUS_OK) return status;
    promised += entry->batch_steps;
    refused = 0;
  }
  return STATUS_OK;
}

// Clocks of two nodes do not run alike while one of them is suspended; twice the job's age is no such thing.
enum status roster_take_step(struct roster *roster, uint32_t actor, double seconds, struct error *error) {
  const double age = clock_now() - roster->began;
  if (seconds > 2 * age + CLOCK_SECONDS)
    return error_set(error, STATUS_PEER, "rank %u says that a step took it %g s, after %g s of the job", actor + 1,
                     seconds, age);
  roster->entry[actor].longest_step = seconds;
  return STATUS_OK;
}

enum status roster_take_heartbeat(struct roster *roster, uint32_t actor, const struct message_heartbeat *heartbeat,
                                  struct error *error) {
  struct roster_entry *entry = &roster->entry[actor];
  const uint32_t pid = roster->realm != 0 && heartbeat->realm == roster->realm ? heartbeat->pid : 0;
  if (entry->pid != 0 && pid != entry->pid)
    return error_set(error, STATUS_PEER, "rank %u says that it is process %u, it was %u", actor + 1, heartbeat->pid,
                     entry->pid);
  entry->speaks = heartbeat->speaks;
  entry->pid = pid;
  return roster_take_step(roster, actor, heartbeat->longest_step, error);
}

static double patience(const struct roster *roster, const struct roster_entry *entry) {
  if (!entry->active || entry->speaks) return roster->actor_timeout;
  return fmax(fmax(roster->actor_timeout, roster->env_timeout), TIMEOUT_STEPS * entry->longest_step);
}

static bool is_gone(const struct roster *roster, struct roster_entry *entry, double now) {
  const double silence = now - entry->heard;
  if (entry->expelled) return true;
  if (silence > patience(roster, entry)) return true;
  if (entry->pid == 0 || silence < LOOK_SECONDS || now - entry->looked < LOOK_SECONDS) return false;
  entry->looked = now;
  return process_is_gone(entry->pid);
}

enum status roster_keep_in_touch(struct roster *roster, uint64_t newest_version, int *died, struct error *error) {
  const double now = clock_now();
  *died = -1;
  for (uint32_t i = 0; i < roster->actors; i++) {
    struct roster_entry *entry = &roster->entry[i];
    if (!entry->alive || entry->left || !is_gone(roster, entry, now)) continue;
    entry->alive = false; // its credits stay: if it comes back, it has them
    *died = (int)i;
    return STATUS_OK;
  }
  return roster_say_alive(roster, newest_version, error);
}

bool roster_revive(struct roster *roster, uint32_t actor) {
  struct roster_entry *entry = &roster->entry[actor];
  if (entry->expelled || process_is_gone(entry->pid)) return false;
  entry->heard = clock_now();
  return entry->alive = true;
}

int roster_find_gone(struct roster *roster) {
  const double now = clock_now();
  for (uint32_t i = 0; i < roster->actors; i++) {
    struct roster_entry *entry = &roster->entry[i];
    if (!entry->alive || entry->left || !(process_is_gone(entry->pid) || is_gone(roster, entry, now))) continue;
    entry->alive = false;
    return (int)i;
  }
  return -1;
}

void roster_give_up(struct roster *roster) {
  for (uint32_t i = 0; i < roster->actors; i++) roster->entry[i].alive &= roster->entry[i].left;
}

enum status roster_say_alive(struct roster *roster, uint64_t newest_version, struct error *error) {
  const double now = clock_now();
  const struct message_heartbeat heartbeat = {.newest_version = newest_version};
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < roster->actors && status == STATUS_OK; i++) {
    const struct roster_entry *entry = &roster->entry[i];
    if (!entry->alive || entry->left || now - entry->said < roster->heartbeat) continue;
    status = message_encode_heartbeat(&roster->bytes, 0, &heartbeat, error);
    if (status == STATUS_OK) status = roster_send(roster, i, error);
  }
  return status;
}

void roster_listen(struct roster *roster) { roster->listened = clock_coarse(); }

void roster_excuse(struct roster *roster) {
  const double now = clock_coarse(), deaf = now - roster->listened;
  for (uint32_t i = 0; i < roster->actors; i++) roster->entry[i].heard += deaf;
  roster->listened = now;
}

bool roster_all_left(const struct roster *roster) {
  for (uint32_t i = 0; i < roster->actors; i++)
    if (roster->entry[i].alive && !roster->entry[i].left) return false;
  return true;
}
