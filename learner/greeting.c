#include "learner/greeting.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

#include <stdio.h>
#include <string.h>

static enum status compare(const struct message_hello *first, const struct message_hello *next, uint32_t rank,
                           struct error *error) {
  if (strcmp(first->environment, next->environment) != 0 || first->obs_dim != next->obs_dim ||
      first->act_dim != next->act_dim)
    return error_set(error, STATUS_MISMATCH,
                     "rank %u has environment %s (obs %u, act %u), the ranks before it %s (obs %u, act %u): every rank "
                     "must be able to "
                     "make the same one",
                     rank, next->environment, next->obs_dim, next->act_dim, first->environment, first->obs_dim,
                     first->act_dim);
  if (first->info_dim != next->info_dim ||
      memcmp(first->info_name, next->info_name, first->info_dim * sizeof *first->info_name) != 0)
    return error_set(error, STATUS_MISMATCH, "rank %u: the info of %s has other names than on the ranks before it",
                     rank, next->environment);
  for (uint32_t i = 0; i < first->act_dim; i++)
    if (first->action_low[i] != next->action_low[i] || first->action_high[i] != next->action_high[i])
      return error_set(
          error, STATUS_MISMATCH, "rank %u: action %u of %s is in [%g, %g], on the ranks before it in [%g, %g]", rank,
          i, next->environment, next->action_low[i], next->action_high[i], first->action_low[i], first->action_high[i]);
  return STATUS_OK;
}

// Whom greeting_collect waits for.
struct guests {
  uint32_t active, greeted;
  bool *here; // (active) of rank i + 1
};

static enum status take(const struct frame *frame, uint32_t rank, struct guests *guests, struct message_hello *hello,
                        struct error *error) {
  enum status status;
  if (frame->type == MESSAGE_FAILED) {
    struct message_failed failed;
    status = message_decode_failed(frame, &failed, error);
    return status == STATUS_OK ? error_set(error, (enum status)failed.status, "rank %u: %s", frame->rank, failed.text)
                               : status;
  }
  if (frame->type == MESSAGE_STOP_REQUEST)
    return error_set(error, STATUS_STOPPED, "rank %u was stopped before training began: nothing was to be saved",
                     frame->rank);
  if (frame->type != MESSAGE_HELLO) return STATUS_OK; // a heartbeat
  if (rank < 1 || rank > guests->active || guests->here[rank - 1])
    return error_set(error, STATUS_PEER, "rank %u sent a HELLO that nobody waits for", frame->rank);
  struct message_hello next = {0};
  status = message_decode_hello(frame, guests->greeted == 0 ? hello : &next, error);
  if (status != STATUS_OK) error_prefix(error, "rank %u", frame->rank);
  if (status == STATUS_OK && guests->greeted > 0) status = compare(hello, &next, frame->rank, error);
  message_hello_release(&next);
  guests->here[rank - 1] = true;
  guests->greeted++;
  return status;
}

static enum status say_missing(const struct config *config, const struct transport *transport,
                               const struct guests *guests, struct error *error) {
  enum { NAMED = 16 };
  char ranks[NAMED * 12] = "";
  const uint32_t missing = guests->active - guests->greeted;
  size_t used = 0;
  for (uint32_t i = 0, named = 0; i < guests->active && named < NAMED; i++)
    if (!guests->here[i])
      used += (size_t)sprintf(ranks + used, "%s%d", named++ ? ", " : "", transport_world_rank(transport, (int)i + 1));
  return error_set(error, STATUS_PEER, "rank%s %s%s had not made %s environment after %g s (env_timeout)",
                   missing > 1 ? "s" : "", ranks, missing > NAMED ? " and more" : "", missing > 1 ? "their" : "its",
                   config->env_timeout);
}

enum status greeting_collect(const struct config *config, struct transport *transport,
                             const volatile sig_atomic_t *stop, struct message_hello *hello, struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1, active = assignment_active(config, actors);
  const double deadline = clock_now() + config->env_timeout;
  struct guests guests = {.active = active};
  struct backoff backoff = {0};
  *hello = (struct message_hello){0};
  guests.here = memory_alloc(active, sizeof *guests.here, "the list of actors", error);
  enum status status = guests.here ? STATUS_OK : STATUS_MEMORY;
  while (guests.greeted < active && status == STATUS_OK) {
    int from;
    const uint8_t *bytes;
    size_t size;
    struct frame frame;
    status = transport_receive(transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size > 0) {
      status = frame_decode(bytes, size, &frame, error);
      frame.rank = (uint32_t)transport_world_rank(transport, from);
      if (status == STATUS_OK) status = take(&frame, (uint32_t)from, &guests, hello, error);
      backoff_reset(&backoff);
    } else if (status == STATUS_OK && *stop) {
      status = error_set(error, STATUS_STOPPED, "stopped before training began: nothing was to be saved");
    } else if (status == STATUS_OK && clock_now() > deadline) {
      status = say_missing(config, transport, &guests, error);
    } else {
      backoff_wait(&backoff);
    }
  }
  memory_free(guests.here);
  if (status != STATUS_OK) message_hello_release(hello);
  return status;
}

bool greeting_dismiss(struct transport *transport, int exit_code, double seconds) {
  struct buffer bytes = {0};
  struct error error = {0};
  const struct message_stop stop = {(uint32_t)exit_code, true};
  const double deadline = clock_now() + seconds;
  int waiting = transport_size(transport) - 1;
  enum status status = message_encode_stop(&bytes, 0, &stop, &error);
  for (int rank = 1; rank <= waiting && status == STATUS_OK; rank++)
    status = transport_send(transport, rank, bytes.data, bytes.size, &error);
  struct backoff backoff = {0};
  while (waiting > 0 && status == STATUS_OK && clock_now() < deadline) {
    int from;
    const uint8_t *data;
    size_t size;
    struct frame frame;
    status = transport_receive(transport, &from, &data, &size, &error);
    if (status != STATUS_OK || size == 0)
      backoff_wait(&backoff);
    else if (frame_decode(data, size, &frame, &error) == STATUS_OK && frame.type == MESSAGE_BYE)
      waiting--;
  }
  buffer_release(&bytes);
  return waiting == 0;
}
