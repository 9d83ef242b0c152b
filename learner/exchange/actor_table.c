// The states of an actor, and what leads from one to the next. The handshake is over: every actor with environments has
// been heard of once.
//
//   ACTIVE         alive, active. actor_table_init: the first `active` ones
//     -> RETIRED        actor_table_retire: it reported that its environments failed too often
//   ACTIVE, IDLE, RETIRED
//     -> PRESUMED DEAD  actor_table_keep_in_touch, actor_table_find_dead: its process has ended, or it is silent too
//     long;
//                       actor_table_give_up: the job ends without its BYE
//   IDLE           alive, not active. actor_table_init: ranks beyond the number of environments; they send heartbeats
//   RETIRED        alive, no longer active; it stays until the end, since a rank that left would end the job
//   PRESUMED DEAD  not alive
//     -> as before      actor_table_revive: a message of it arrives, and its process has not ended
//   EXPELLED       expelled. actor_table_expel: it sent an invalid message
//                  actor_table_keep_in_touch then marks it not alive; nothing leads back
//   LEFT           left. actor_table_leave: it said BYE; its silence means nothing any more
//
// A credit is the right to send one batch: actor_table_grant gives one, actor_table_batch_arrived takes it back.
//
// Invariants (check_invariants):
//
//   I1. An actor without environments is never active.
//   I2. An actor holds at most ACTOR_TABLE_CREDITS credits, and none when it is not active.
//   I3. An actor that is presumed dead keeps its credits: messages are late, never lost, so a revived one uses them.
//   I4. An expelled actor is never revived.
//   I5. While is_counted, promised and wanting are what count_credits would find.
//   I6. A pid is known only of a process that the learner can look for, in its own pid namespace.
#include "learner/exchange/actor_table.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/process.h"
#include "common/wire/assignment.h"

#include <assert.h>
#include <math.h>

static const double TIMEOUT_STEPS = 20.0;  // longest steps that a silence may last
static const double LOOK_SECONDS = 1.0;    // between two looks for an actor's process
static const double LISTENED_SHARE = 0.25; // of actor_timeout: the silence that one absence of the learner counts for
static const double AWAY_SECONDS = 0.5;    // an absence of the learner that may have been a suspension of the job
static const double CLOCK_SECONDS = 60.0;  // by which the clocks of two nodes may differ

static bool wants_credit(const struct actor_entry *entry) {
  return entry->alive && entry->active && entry->credits < ACTOR_TABLE_CREDITS;
}

static void count_credits(struct actor_table *table) {
  table->is_counted = true;
  table->promised = table->promised_transitions = table->wanting = table->most_steps = 0;
  table->least_steps = table->least_transitions = UINT32_MAX;
  for (uint32_t i = 0; i < table->active; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (entry->alive && entry->credits > 0) {
      table->promised += (uint64_t)entry->credits * entry->batch_steps;
      table->promised_transitions += (uint64_t)entry->credits * entry->batch_transitions;
    }
    table->wanting += wants_credit(entry);
    if (entry->batch_steps > table->most_steps) table->most_steps = entry->batch_steps;
    if (entry->batch_steps < table->least_steps) table->least_steps = entry->batch_steps;
    if (entry->batch_transitions < table->least_transitions) table->least_transitions = entry->batch_transitions;
  }
}

#ifdef CORSAC_CHECKS
static void check_invariants(const struct actor_table *table) {
  assert(table->active == 0 || table->next < table->active);
  struct actor_table counted = *table;
  count_credits(&counted);
  assert(!table->is_counted || (counted.promised == table->promised && counted.wanting == table->wanting &&
                                counted.promised_transitions == table->promised_transitions)); // I5
  for (uint32_t i = 0; i < table->actors; i++) {
    const struct actor_entry *entry = &table->entry[i];
    assert(!entry->active || i < table->active);                         // I1
    assert(entry->credits <= (entry->active ? ACTOR_TABLE_CREDITS : 0)); // I2
    assert(entry->pid == 0 || table->pid_namespace != 0);                // I6
  }
}
#endif

enum status actor_table_init(struct actor_table *table, const struct config *config, struct transport *transport,
                             struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1;
  *table = (struct actor_table){.transport = transport,
                                .actors = actors,
                                .active = assignment_active(config, actors),
                                .actor_timeout = config->actor_timeout,
                                .env_timeout = config_longest_timeout(config),
                                .heartbeat = heartbeat_seconds(config),
                                .began = clock_now(),
                                .listened = clock_coarse(),
                                .pid_namespace = process_pid_namespace()};
  table->entry = memory_alloc(actors, sizeof *table->entry, "the list of actors", error);
  if (!table->entry) return STATUS_MEMORY;
  const double now = clock_now();
  for (uint32_t i = 0; i < actors; i++)
    table->entry[i] = (struct actor_entry){.alive = true, .active = i < table->active, .heard = now, .sent = now};
  actor_table_take_agents(table, config, NULL);
  return STATUS_OK;
}

void actor_table_take_agents(struct actor_table *table, const struct config *config, const uint32_t *agents) {
  table->is_counted = false;
  for (uint32_t i = 0; i < table->actors; i++) {
    const struct assignment assignment = assignment_with_agents(config, table->actors, i, agents);
    table->entry[i].batch_steps = assignment.batch_steps;
    table->entry[i].batch_transitions = assignment.batch_transitions;
  }
}

void actor_table_release(struct actor_table *table) {
  memory_free(table->entry);
  buffer_release(&table->bytes);
}

// --- the actors' states ---

uint32_t actor_table_alive(const struct actor_table *table) {
  uint32_t alive = 0;
  for (uint32_t i = 0; i < table->active; i++) alive += table->entry[i].alive && table->entry[i].active;
  return alive;
}

void actor_table_retire(struct actor_table *table, uint32_t actor) {
  table->is_counted = false;
  table->entry[actor].active = false;
  table->entry[actor].credits = 0; // I2
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

bool actor_table_revive(struct actor_table *table, uint32_t actor) {
  struct actor_entry *entry = &table->entry[actor];
  if (entry->expelled || process_has_ended(entry->pid)) return false; // I4
  entry->heard = clock_now();
  table->is_counted = false;
  return entry->alive = true;
}

void actor_table_give_up(struct actor_table *table) {
  table->is_counted = false;
  for (uint32_t i = 0; i < table->actors; i++) table->entry[i].alive &= table->entry[i].left;
}

bool actor_table_all_left(const struct actor_table *table) {
  for (uint32_t i = 0; i < table->actors; i++)
    if (table->entry[i].alive && !table->entry[i].left) return false;
  return true;
}

// An actor that died may have made a batch for each credit it held, and one more that waited for a credit.
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

void actor_table_hear(struct actor_table *table, uint32_t actor) {
  table->entry[actor].heard = clock_now();
  table->entry[actor].wait.call = WAIT_NONE;
}

enum status actor_table_send(struct actor_table *table, uint32_t actor, struct error *error) {
  struct actor_entry *entry = &table->entry[actor];
  if (!entry->alive) return STATUS_OK;
  entry->sent = clock_now();
  return transport_send(table->transport, (int)actor + 1, table->bytes.data, table->bytes.size, error);
}

enum status actor_table_send_all(struct actor_table *table, bool active_only, struct error *error) {
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < (active_only ? table->active : table->actors) && status == STATUS_OK; i++)
    status = actor_table_send(table, i, error);
  return status;
}

// --- credits ---

void actor_table_batch_arrived(struct actor_table *table, uint32_t actor) {
  struct actor_entry *entry = &table->entry[actor];
  const bool had_none = !wants_credit(entry);
  if (entry->alive && entry->credits > 0) {
    table->promised -= entry->batch_steps;
    table->promised_transitions -= entry->batch_transitions;
  }
  entry->credits--;
  table->wanting += had_none && wants_credit(entry);
}

static enum status grant_one(struct actor_table *table, uint32_t actor, const struct message_credit *credit,
                             struct error *error) {
  const enum status status = message_encode_credit(&table->bytes, 0, credit, error);
  if (status != STATUS_OK) return status;
  struct actor_entry *entry = &table->entry[actor];
  if (++entry->credits > 0) {
    table->promised += entry->batch_steps;
    table->promised_transitions += entry->batch_transitions;
  }
  table->wanting -= !wants_credit(entry);
  return actor_table_send(table, actor, error);
}

// Whether a batch of so many steps and transitions may be made besides those that are promised. Steps beyond the job's
// total are of no use; one batch more for each actor keeps the last ones from waiting for each other. A batch may
// exceed what the limiter allows if the next update would never be owed without it.
static bool may_grant(const struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                      uint32_t steps, uint32_t transitions) {
  const uint64_t useful = total + (uint64_t)table->active * table->most_steps;
  const uint64_t promised =
      rate_limiter_count(limiter) + (limiter->by_transition ? table->promised_transitions : table->promised);
  const uint32_t more = limiter->by_transition ? transitions : steps;
  return limiter->steps + table->promised + steps <= useful &&
         (promised < rate_limiter_needed(limiter) || promised + more <= rate_limiter_allowed(limiter));
}

enum status actor_table_grant(struct actor_table *table, const struct rate_limiter *limiter, uint64_t total,
                              uint64_t newest_version, struct error *error) {
  const struct message_credit credit = {.batches = 1, .newest_version = newest_version, .env_steps = limiter->steps};
  if (!table->is_counted) count_credits(table);
  for (uint32_t refused = 0; table->wanting > 0 && refused < table->active;) {
    if (!may_grant(table, limiter, total, table->least_steps, table->least_transitions)) return STATUS_OK;
    const uint32_t actor = table->next;
    const struct actor_entry *entry = &table->entry[actor];
    table->next = (actor + 1) % table->active;
    if (!wants_credit(entry) || !may_grant(table, limiter, total, entry->batch_steps, entry->batch_transitions)) {
      refused++;
      continue;
    }
    const enum status status = grant_one(table, actor, &credit, error);
    if (status != STATUS_OK) return status;
    refused = 0;
  }
  return STATUS_OK;
}

// --- heartbeats and silence ---

// Clocks of two nodes differ while one of the nodes is suspended, but not by the age of the job. A step that is new in
// a report has ended after the report before, however late both arrive.
enum status actor_table_take_step(struct actor_table *table, uint32_t actor, double seconds, struct error *error) {
  const double age = clock_now() - table->began;
  if (seconds > 2 * age + CLOCK_SECONDS)
    return error_set(error, STATUS_PEER, "rank %d says that a step took %g s, but the job has run for %g s",
                     transport_world_rank(table->transport, (int)actor + 1), seconds, age);
  struct actor_entry *entry = &table->entry[actor];
  const double before = entry->reported;
  entry->reported = clock_now();
  if (seconds <= entry->reported_step) return STATUS_OK;
  const bool was_suspended = table->away > 0 && before - table->returned <= seconds;
  entry->longest_step = fmax(entry->longest_step, seconds - (was_suspended ? table->away : 0));
  entry->reported_step = seconds;
  return STATUS_OK;
}

// Names a call once in the log. A call is another one where it began later, by more than clocks and messages differ.
static void take_wait(struct actor_table *table, uint32_t actor, const struct message_wait *wait) {
  struct actor_entry *entry = &table->entry[actor];
  const double from = clock_now() - wait->seconds;
  if (wait->call == WAIT_NONE) return;
  if (from > entry->wait_from + 2) entry->wait_named = false;
  entry->wait = *wait;
  entry->wait_from = from;
  if (entry->wait_named || wait->seconds < ACTOR_TABLE_NAMED) return;
  entry->wait_named = true;
  log_warn("rank %d has waited %.0f s for %s of environment %u (%s)",
           transport_world_rank(table->transport, (int)actor + 1), wait->seconds, wait_call_name(wait->call),
           wait->environment, wait->evaluation ? "evaluation" : "training");
}

int actor_table_find_wait(const struct actor_table *table, double *seconds) {
  const double now = clock_now();
  int found = -1;
  *seconds = ACTOR_TABLE_WAIT;
  for (uint32_t i = 0; i < table->active; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->wait.call == WAIT_NONE || now - entry->wait_from < *seconds) continue;
    *seconds = now - entry->wait_from;
    found = (int)i;
  }
  return found;
}

enum status actor_table_take_heartbeat(struct actor_table *table, uint32_t actor,
                                       const struct message_heartbeat *heartbeat, struct error *error) {
  struct actor_entry *entry = &table->entry[actor];
  const uint32_t pid =
      table->pid_namespace != 0 && heartbeat->pid_namespace == table->pid_namespace ? heartbeat->pid : 0;
  if (entry->pid != 0 && pid != entry->pid)
    return error_set(error, STATUS_PEER, "rank %d says that it is process %u, it was %u",
                     transport_world_rank(table->transport, (int)actor + 1), heartbeat->pid, entry->pid);
  entry->heartbeats_in_step = heartbeat->heartbeats_in_step;
  entry->pid = pid;
  take_wait(table, actor, &heartbeat->wait);
  return actor_table_take_step(table, actor, heartbeat->longest_step, error);
}

// How long the actor may be silent, s.
static double patience(const struct actor_table *table, const struct actor_entry *entry) {
  if (!entry->active || entry->heartbeats_in_step) return table->actor_timeout;
  return fmax(fmax(table->actor_timeout, table->env_timeout), TIMEOUT_STEPS * entry->longest_step);
}

static bool is_dead(const struct actor_table *table, struct actor_entry *entry, double now) {
  const double silence = now - entry->heard;
  if (entry->expelled) return true;
  if (silence > patience(table, entry)) return true;
  if (entry->pid == 0 || silence < LOOK_SECONDS || now - entry->looked < LOOK_SECONDS) return false;
  entry->looked = now;
  return process_has_ended(entry->pid);
}

int actor_table_find_dead(struct actor_table *table) {
  const double now = clock_now();
  for (uint32_t i = 0; i < table->actors; i++) {
    struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || !(process_has_ended(entry->pid) || is_dead(table, entry, now))) continue;
    entry->alive = table->is_counted = false;
    return (int)i;
  }
  return -1;
}

enum status actor_table_send_heartbeats(struct actor_table *table, uint64_t newest_version, struct error *error) {
  const double now = clock_now();
  const struct message_heartbeat heartbeat = {.newest_version = newest_version};
  enum status status = STATUS_OK;
  for (uint32_t i = 0; i < table->actors && status == STATUS_OK; i++) {
    const struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || now - entry->sent < table->heartbeat) continue;
    status = message_encode_heartbeat(&table->bytes, 0, &heartbeat, error);
    if (status == STATUS_OK) status = actor_table_send(table, i, error);
  }
  return status;
}

enum status actor_table_keep_in_touch(struct actor_table *table, uint64_t newest_version, int *dead,
                                      struct error *error) {
  const double now = clock_now();
#ifdef CORSAC_CHECKS
  check_invariants(table);
#endif
  *dead = -1;
  for (uint32_t i = 0; i < table->actors; i++) {
    struct actor_entry *entry = &table->entry[i];
    if (!entry->alive || entry->left || !is_dead(table, entry, now)) continue;
    entry->alive = table->is_counted = false; // I3: its credits stay
    *dead = (int)i;
    return STATUS_OK;
  }
  return actor_table_send_heartbeats(table, newest_version, error);
}

// Time away counts as silence of at most `most` seconds.
static void come_back(struct actor_table *table, double most) {
  const double now = clock_coarse(), away = now - table->listened;
  for (uint32_t i = 0; i < table->actors && away > most; i++) table->entry[i].heard += away - most;
  table->listened = now;
}

// A job that was suspended goes on in any order: the learner may look before an actor could send anything.
void actor_table_listen(struct actor_table *table) {
  const double before = table->listened;
  come_back(table, LISTENED_SHARE * table->actor_timeout);
  if (table->listened - before <= AWAY_SECONDS) return;
  table->away = table->listened - before;
  table->returned = table->listened;
}

void actor_table_excuse(struct actor_table *table) { come_back(table, 0); }
