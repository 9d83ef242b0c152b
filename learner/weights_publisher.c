#include "learner/weights_publisher.h"

#include "common/base/log.h"
#include "common/wire/posted_policy.h"

enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job,
                                   struct transport *transport, struct error *error) {
  static const char what[] = "the weights publisher";
  const size_t parameters = mlp_dense_size(&job->sac.policy_net);
  const uint32_t obs_dim = job->environment.obs_dim, actors = (uint32_t)transport_size(transport) - 1;
  const size_t bytes = posted_policy_size(obs_dim, job->sac.policy_net.parameters);
  *publisher = (struct weights_publisher){.actors = actors, .board = transport_board(transport)};
  enum status status = policy_weights_init(&publisher->weights, obs_dim, parameters, error);
  if (status != STATUS_OK) return status;
  publisher->ready = memory_alloc(actors, sizeof *publisher->ready, what, error);
  publisher->sent = memory_alloc(actors, sizeof *publisher->sent, what, error);
  if (!publisher->ready || !publisher->sent) return STATUS_MEMORY;
  for (uint32_t i = 0; i < actors; i++) publisher->ready[i] = true;
  if (publisher->board && !board_reserve(publisher->board, bytes)) {
    log_warn("weights go as messages also within the node, which takes longer: there is no shared memory for twice "
             "their %zu bytes (%zu at most)",
             bytes, publisher->board->capacity);
    publisher->board = NULL;
  }
  return STATUS_OK;
}

void weights_publisher_release(struct weights_publisher *publisher) {
  policy_weights_release(&publisher->weights);
  buffer_release(&publisher->bytes);
  buffer_release(&publisher->head);
  memory_free(publisher->ready);
  memory_free(publisher->sent);
}

void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor) { publisher->ready[actor] = true; }

static enum status encode(struct weights_publisher *publisher, const struct job *job, struct error *error) {
  if (publisher->encoded == job->policy_version) return STATUS_OK;
  job_export_policy(job, &publisher->weights);
  const enum status status = message_encode_weights(&publisher->bytes, 0, &publisher->weights, error);
  publisher->encoded = status == STATUS_OK ? job->policy_version : 0;
  return status;
}

static enum status post(struct weights_publisher *publisher, const struct job *job, struct error *error) {
  if (!publisher->board || publisher->posted >= job->policy_version) return STATUS_OK;
  publisher->encoded = 0; // its scratch is used here
  const struct policy_view view = job_view_policy(job, &publisher->weights);
  const enum status status = posted_policy_write(publisher->board, &view, &publisher->head, error);
  if (status == STATUS_OK) publisher->posted = job->policy_version;
  return status;
}

enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job, struct roster *roster,
                                   bool everyone, struct error *error) {
  enum status status = post(publisher, job, error);
  for (uint32_t i = 0; i < roster->active && status == STATUS_OK; i++) {
    if (publisher->board && transport_board_reaches(roster->transport, (int)i + 1)) continue;
    struct roster_entry *entry = &roster->entry[i];
    if (!entry->alive || publisher->sent[i] >= job->policy_version || !(publisher->ready[i] || everyone)) continue;
    status = encode(publisher, job, error);
    if (status == STATUS_OK)
      status = transport_send(roster->transport, (int)i + 1, publisher->bytes.data, publisher->bytes.size, error);
    if (status != STATUS_OK) return status;
    publisher->sent[i] = job->policy_version;
    publisher->ready[i] = false;
  }
  return status;
}
