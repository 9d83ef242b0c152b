#include "learner/weights_publisher.h"

#include <string.h>

enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job, uint32_t actors,
                                   struct error *error) {
  *publisher = (struct weights_publisher){.actors = actors};
  enum status status =
      policy_weights_init(&publisher->weights, job->environment.obs_dim, mlp_dense_size(&job->sac.policy_net), error);
  if (status != STATUS_OK) return status;
  publisher->ready = memory_alloc(actors, sizeof *publisher->ready, "the weights publisher", error);
  publisher->sent = memory_alloc(actors, sizeof *publisher->sent, "the weights publisher", error);
  if (!publisher->ready || !publisher->sent) return STATUS_MEMORY;
  for (uint32_t i = 0; i < actors; i++) publisher->ready[i] = true;
  return STATUS_OK;
}

void weights_publisher_release(struct weights_publisher *publisher) {
  policy_weights_release(&publisher->weights);
  buffer_release(&publisher->bytes);
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

enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job, struct roster *roster,
                                   bool everyone, struct error *error) {
  for (uint32_t i = 0; i < roster->active; i++) {
    struct roster_entry *entry = &roster->entry[i];
    if (!entry->alive || publisher->sent[i] >= job->policy_version || !(publisher->ready[i] || everyone)) continue;
    enum status status = encode(publisher, job, error);
    if (status == STATUS_OK)
      status = transport_send(roster->transport, (int)i + 1, publisher->bytes.data, publisher->bytes.size, error);
    if (status != STATUS_OK) return status;
    publisher->sent[i] = job->policy_version;
    publisher->ready[i] = false;
  }
  return STATUS_OK;
}
