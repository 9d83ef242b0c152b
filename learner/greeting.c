#include "learner/greeting.h"

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/wire/assignment.h"
#include "common/wire/codec.h"

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
  for (uint32_t i = 0; i < first->act_dim; i++)
    if (first->action_low[i] != next->action_low[i] || first->action_high[i] != next->action_high[i])
      return error_set(
          error, STATUS_MISMATCH, "rank %u: action %u of %s is in [%g, %g], on the ranks before it in [%g, %g]", rank,
          i, next->environment, next->action_low[i], next->action_high[i], first->action_low[i], first->action_high[i]);
  return STATUS_OK;
}

static enum status take(const struct frame *frame, uint32_t rank, uint32_t *greeted, struct message_hello *hello,
                        struct error *error) {
  enum status status;
  if (frame->type == MESSAGE_FAILED) {
    struct message_failed failed;
    status = message_decode_failed(frame, &failed, error);
    return status == STATUS_OK ? error_set(error, (enum status)failed.status, "rank %u: %s", rank, failed.text)
                               : status;
  }
  if (frame->type != MESSAGE_HELLO) return STATUS_OK; // a heartbeat, or a stop request: *stop is set here too
  struct message_hello next = {0};
  status = message_decode_hello(frame, *greeted == 0 ? hello : &next, error);
  if (status == STATUS_OK && *greeted > 0) status = compare(hello, &next, rank, error);
  message_hello_release(&next);
  (*greeted)++;
  return status;
}

enum status greeting_collect(const struct config *config, struct transport *transport,
                             const volatile sig_atomic_t *stop, struct message_hello *hello, struct error *error) {
  const uint32_t actors = (uint32_t)transport_size(transport) - 1, active = assignment_active(config, actors);
  const double deadline = clock_now() + config->env_timeout;
  uint32_t greeted = 0;
  struct backoff backoff = {0};
  enum status status = STATUS_OK;
  *hello = (struct message_hello){0};
  while (greeted < active && status == STATUS_OK) {
    int from;
    const uint8_t *bytes;
    size_t size;
    struct frame frame;
    status = transport_receive(transport, &from, &bytes, &size, error);
    if (status == STATUS_OK && size > 0) {
      status = frame_decode(bytes, size, &frame, error);
      if (status == STATUS_OK) status = take(&frame, (uint32_t)from, &greeted, hello, error);
      backoff_reset(&backoff);
    } else if (status == STATUS_OK && *stop) {
      status = error_set(error, STATUS_STOPPED, "stopped before training began: nothing was to be saved");
    } else if (status == STATUS_OK && clock_now() > deadline) {
      status = error_set(error, STATUS_PEER, "only %u of %u actors had made their environment after %g s (env_timeout)",
                         greeted, active, config->env_timeout);
    } else {
      backoff_wait(&backoff);
    }
  }
  if (status != STATUS_OK) message_hello_release(hello);
  return status;
}

bool greeting_dismiss(struct transport *transport, int exit_code, double seconds) {
  struct buffer bytes = {0};
  struct error error = {0};
  const struct message_stop stop = {(uint32_t)exit_code};
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
