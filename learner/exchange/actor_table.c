#include "learner/exchange/actor_table.h"

#include "common/base/clock.h"
#include "common/base/process.h"
#include "common/wire/assignment.h"

#include <math.h>

static const double TIMEOUT_STEPS = 20.0, LOOK_SECONDS = 1.0, CLOCK_SECONDS = 60.0;

enum status actor_table_init(struct actor_table *table, const struct config *config, struct transport *transport,
                             struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1;
  *table = (struct actor_table){.transport = transport,
                                .actors = actors,
                                .active = assignment_active(config, actors),
                                .actor_timeout = config->actor_timeout,
                                .env_timeout = config->env_timeout,
                                .heartbeat = heartbeat_seconds(config),
                                .began = clock_now(),
                                .listened = clock_coarse(),
                                .pid_namespace = process_pid_namespace()};
  table->entry = memory_alloc(actors, sizeof *table->entry, "the list of actors", error);
  if (!table->entry) return STATUS_MEMORY;
  const double now = clock_now();
  for (uint32_t i = 0; i < actors; i++)
    table->entry[i] = (struct actor_entry){.alive = true,
                                           .active = i < table->active,
                                           .batch_steps = assignment_of(config, actors, i).batch_steps,
                                           .heard = now,
                                           .said = now};
  return STATUS_OK;
}

void actor_table_release(struct actor_table *table) {
  memory_free(table->entry);
  buffer_release(&table->bytes);
}

uint32_t actor_table_alive(const struct actor_table *table) {
  uint32_t alive = 0;
  for (uint32_t i = 0; i < table->active; i++) alive += table->entry[i].alive && table->entry[i].active;
  return alive;
}

void actor_table_retire(struct actor_table *table, uint32_t actor) {
  table->entry[actor].active = false;
  table->entry[actor].credits = 0;
}

void actor_table_leave(struct actor_table *table, uint32_t actor, uint64_t unsent) {
  table->entry[actor].left = true;
  table->unsent += unsent;
}

enum status actor_table_expel(struct actor_table *table, uint32_t actor, struct error *error) {
  const enum status status = actor_table_send(table, actor, error);
  table->entry[actor].expelled = true;
  return status;
}

// A batch for each credit that it held, and one that waited for another.
struct actor_table_losses actor_table_losses(const struct actor_table *table) {
  struct actor_table_losses losses = {.unsent = table->unsent};
  for (uint32_t i = 0; i < table->active; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (entry->alive || entry->left) continue;
    losses.actors++;
    losses.at_most += (uint64_t)(1 + (entry->credits > 0 ? entry->credits : 0)) * entry->batch_steps;
  }
  return losses;
}

void actor_table_hear(struct actor_table *table, uint32_t actor) { table->entry[actor].heard = clock_now(); }

enum status actor_table_send(struct actor_table *table, uint32_t actor, struct error *error) {
  struct actor_entry *entry = &table->entry[actor];
  if (!entry->alive) return STATUS_OK;
  entry->said = clock_now();
  return transport_send(table->transport, (int)actor + 1, table->bytes.data, table->bytes.size, error);
}

enum status actor_table_send_all(struct actor_table *table, bool active_only, struct error *error) {
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < (active_only ? table->active : table->actors) && status == STATUS_OK; i++)
    status = actor_table_send(table, i, error);
  return status;
}

void actor_table_batch_arrived(struct actor_table *table, uint32_t actor) { table->entry[actor].credits--; }

static enum status grant_one(struct actor_table *table, uint32_t actor, uint64_t newest_version, struct error *error) {
  const struct message_credit credit = {.batches = 1, .newest_version = newest_version};
  const enum status status = message_encode_credit(&table->bytes, 0, &credit, error);
  if (status != STATUS_OK) return status;
  table->entry[actor].credits++;
  return actor_table_send(table, actor, error);
}

enum status actor_table_grant(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                              uint64_t newest_version, struct error *error) {
  const uint64_t needed = rate_limiter_needed(limiter);
  uint64_t allowed = rate_limiter_allowed(limiter), promised = limiter->steps;
  uint32_t largest = 0;
  for (uint32_t i = 0; i < table->active; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (entry->alive && entry->credits > 0) promised += (uint64_t)entry->credits * entry->batch_steps;
    if (entry->batch_steps > largest) largest = entry->batch_steps;
  }
  // Beyond the job's total nothing is of use; a batch for everyone more keeps the last ones from waiting for each
  // other.
  const uint64_t useful = total + (uint64_t)table->active * largest;
  if (allowed > useful) allowed = useful;
  for (uint32_t refused = 0; table->active > 0 && refused < table->active;) {
    const uint32_t actor = table->next;
    struct actor_entry *entry = &table->entry[actor];
    table->next = (actor + 1) % table->active;
    // A batch may go past what is allowed if without it the next update would never be owed.
    const uint64_t limit = promised < needed ? useful : allowed;
    if (!entry->alive || !entry->active || entry->credits >= ACTOR_TABLE_CREDITS ||
        promised + entry->batch_steps > limit) {
      refused++;
      continue;
    }
    const enum status status = grant_one(table, actor, newest_version, error);
    if (status != STATUS_OK) return status;
    promised += entry->batch_steps;
    refused = 0;
  }
  return STATUS_OK;
}

// Clocks of two nodes do not run alike while one of them is suspended; twice the job's age is no such thing.
enum status actor_table_take_step(struct actor_table *table, uint32_t actor, double seconds, struct error *error) {
  const double age = clock_now() - table->began;
  if (seconds > 2 * age + CLOCK_SECONDS)
    return error_set(error, STATUS_PEER, "rank %u says that a step took it %g s, after %g s of the job", actor + 1,
                     seconds, age);
  table->entry[actor].longest_step = seconds;
  return STATUS_OK;
}

enum status actor_table_take_heartbeat(struct actor_table *table, uint32_t actor,
                                       const struct message_heartbeat *heartbeat, struct error *error) {
  struct actor_entry *entry = &table->entry[actor];
  const uint32_t pid =
      table->pid_namespace != 0 && heartbeat->pid_namespace == table->pid_namespace ? heartbeat->pid : 0;
  if (entry->pid != 0 && pid != entry->pid)
    return error_set(error, STATUS_PEER, "rank %u says that it is process %u, it was %u", actor + 1, heartbeat->pid,
                     entry->pid);
  entry->heartbeats_in_step = heartbeat->heartbeats_in_step;
  entry->pid = pid;
  return actor_table_take_step(table, actor, heartbeat->longest_step, error);
}

static double patience(const struct actor_table *table, const struct actor_entry *entry) {
  if (!entry->active || entry->heartbeats_in_step) return table->actor_timeout;
  return fmax(fmax(table->actor_timeout, table->env_timeout), TIMEOUT_STEPS * entry->longest_step);
}

static bool is_gone(const struct actor_table *table, struct actor_entry *entry, double now) {
  const double silence = now - entry->heard;
  if (entry->expelled) return true;
  if (silence > patience(table, entry)) return true;
  if (entry->pid == 0 || silence < LOOK_SECONDS || now - entry->looked < LOOK_SECONDS) return false;
  entry->looked = now;
  return process_has_ended(entry->pid);
}

enum status actor_table_keep_in_touch(struct actor_table *table, uint64_t newest_version, int *died,
                                      struct error *error) {
  const double now = clock_now();
  *died = -1;
  for (uint32_t i = 0; i < table->actors; i++) {
    struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || !is_gone(table, entry, now)) continue;
    entry->alive = false; // its credits stay: if it comes back, it has them
    *died = (int)i;
    return STATUS_OK;
  }
  return actor_table_say_alive(table, newest_version, error);
}

bool actor_table_revive(struct actor_table *table, uint32_t actor) {
  struct actor_entry *entry = &table->entry[actor];
  if (entry->expelled || process_has_ended(entry->pid)) return false;
  entry->heard = clock_now();
  return entry->alive = true;
}

int actor_table_find_gone(struct actor_table *table) {
  const double now = clock_now();
  for (uint32_t i = 0; i < table->actors; i++) {
    struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || !(process_has_ended(entry->pid) || is_gone(table, entry, now))) continue;
    entry->alive = false;
    return (int)i;
  }
  return -1;
}

void actor_table_give_up(struct actor_table *table) {
  for (uint32_t i = 0; i < table->actors; i++) table->entry[i].alive &= table->entry[i].left;
}

enum status actor_table_say_alive(struct actor_table *table, uint64_t newest_version, struct error *error) {
  const double now = clock_now();
  const struct message_heartbeat heartbeat = {.newest_version = newest_version};
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < table->actors && status == STATUS_OK; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || now - entry->said < table->heartbeat) continue;
    status = message_encode_heartbeat(&table->bytes, 0, &heartbeat, error);
    if (status == STATUS_OK) status = actor_table_send(table, i, error);
  }
  return status;
}

void actor_table_listen(struct actor_table *table) { table->listened = clock_coarse(); }

void actor_table_excuse(struct actor_table *table) {
  const double now = clock_coarse(), deaf = now - table->listened;
  for (uint32_t i = 0; i < table->actors; i++) table->entry[i].heard += deaf;
  table->listened = now;
}

bool actor_table_all_left(const struct actor_table *table) {
  for (uint32_t i = 0; i < table->actors; i++)
    if (table->entry[i].alive && !table->entry[i].left) return false;
  return true;
}
