#include "learner/exchange/weights_publisher.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/wire/shared_policy.h"

static const double SHARE = 0.05;           // of the learner's time that messages with weights may take
static const double PATIENCE_SECONDS = 0.5; // an actor has to take a version, before another one gets the next

enum status weights_publisher_init(struct weights_publisher *publisher, const struct job *job,
                                   struct transport *transport, struct error *error) {
  static const char what[] = "the weights publisher";
  const size_t parameters = mlp_dense_size(&job->sac.acting_net);
  const uint32_t obs_dim = job_input(job), actors = (uint32_t)transport_size(transport) - 1;
  const size_t bytes = shared_policy_size(obs_dim, job->sac.acting_net.parameters);
  const size_t asked = transport_shared_weights_asked(transport);
  *publisher = (struct weights_publisher){
      .transport = transport, .nodes_share = bytes <= asked, .shared = transport_shared_weights(transport)};
  enum status status = policy_weights_init(&publisher->weights, obs_dim, parameters, error);
  if (status != STATUS_OK) return status;
  publisher->node = memory_alloc(actors, sizeof *publisher->node, what, error);
  publisher->untaken = memory_alloc(actors, sizeof *publisher->untaken, what, error);
  if (!publisher->node || !publisher->untaken) return STATUS_MEMORY;
  if (publisher->shared && !shared_weights_reserve(publisher->shared, bytes)) {
    log_warn("weights go as messages also within the node, which takes longer: there is no shared memory for twice "
             "their %zu bytes (%zu at most)",
             bytes, publisher->shared->capacity);
    publisher->shared = NULL;
  } else if (!publisher->shared && asked > 0 && !publisher->nodes_share) {
    log_warn("weights go to each actor as a message: their %zu bytes are more than shared memory has room for (%zu)",
             bytes, asked);
  }
  return STATUS_OK;
}

void weights_publisher_release(struct weights_publisher *publisher) {
  policy_weights_release(&publisher->weights);
  buffer_release(&publisher->bytes);
  buffer_release(&publisher->head);
  memory_free(publisher->node);
  memory_free(publisher->untaken);
  memory_free(publisher->other);
}

static enum status encode(struct weights_publisher *publisher, const struct job *job, struct error *error) {
  if (publisher->encoded == job->policy_version) return STATUS_OK;
  job_export_policy(job, &publisher->weights);
  const enum status status = message_encode_weights(&publisher->bytes, 0, &publisher->weights, error);
  publisher->encoded = status == STATUS_OK ? job->policy_version : 0;
  return status;
}

static enum status post(struct weights_publisher *publisher, const struct job *job, struct error *error) {
  if (!publisher->shared || publisher->posted >= job->policy_version) return STATUS_OK;
  publisher->encoded = 0; // the view uses the scratch of what was encoded
  const struct policy_view view = job_view_policy(job, &publisher->weights);
  const enum status status = shared_policy_write(publisher->shared, &view, &publisher->head, error);
  if (status == STATUS_OK) publisher->posted = job->policy_version;
  return status;
}

enum { HERE = -1 };
// The node of an actor, by the first actor on it; HERE: it reads this node's shared weights.
static int64_t node_of(const struct weights_publisher *publisher, uint32_t actor) {
  const int home = transport_shared_weights_home(publisher->transport, (int)actor + 1);
  if (home == 0 && publisher->shared) return HERE;
  return home > 0 && publisher->nodes_share ? home - 1 : (int64_t)actor;
}

// Lists the nodes of the first `active` actors that do not read this node's shared weights.
static enum status list_nodes(struct weights_publisher *publisher, uint32_t active, struct error *error) {
  publisher->other = memory_alloc((size_t)active + 1, sizeof *publisher->other, "the weights publisher", error);
  if (!publisher->other) return STATUS_MEMORY;
  for (uint32_t i = 0; i < active; i++) {
    const int64_t node = node_of(publisher, i);
    if (node == HERE || publisher->node[node].is_listed) continue;
    publisher->node[node].is_listed = true;
    publisher->other[publisher->others++] = (uint32_t)node;
  }
  return STATUS_OK;
}

void weights_publisher_taken(struct weights_publisher *publisher, uint32_t actor) { publisher->untaken[actor] = false; }

// The node's actor that was heard of last, of those that have taken what they were sent. everyone: of all.
static uint32_t choose(const struct weights_publisher *publisher, const struct actor_table *table, uint32_t node,
                       bool everyone) {
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < table->active; i++) {
    const struct actor_entry *entry = &table->entry[i];
    const bool may = entry->alive && entry->active && (everyone || !publisher->untaken[i]);
    if (!may || node_of(publisher, i) != node) continue;
    if (best == UINT32_MAX || entry->heard > table->entry[best].heard) best = i;
  }
  return best;
}

static enum status send_to_node(struct weights_publisher *publisher, const struct job *job, struct actor_table *table,
                                uint32_t node, bool everyone, struct error *error) {
  const uint32_t to = choose(publisher, table, node, everyone);
  if (to == UINT32_MAX) return STATUS_OK;
  enum status status = encode(publisher, job, error);
  if (status == STATUS_OK)
    status = transport_send(table->transport, (int)to + 1, publisher->bytes.data, publisher->bytes.size, error);
  publisher->node[node] =
      (struct weights_node){.sent = job->policy_version, .to = to, .when = clock_coarse(), .is_listed = true};
  publisher->untaken[to] = true;
  return status;
}

enum status weights_publisher_poll(struct weights_publisher *publisher, const struct job *job,
                                   struct actor_table *table, bool everyone, struct error *error) {
  enum status status = post(publisher, job, error);
  if (!everyone && clock_now() < publisher->pause_until) return status;
  if (!publisher->other && (status = list_nodes(publisher, table->active, error)) != STATUS_OK) return status;
  for (uint32_t n = 0; n < publisher->others && status == STATUS_OK; n++) {
    const uint32_t i = publisher->turn < publisher->others ? publisher->turn : 0, node = publisher->other[i];
    const struct weights_node *its = &publisher->node[node];
    publisher->turn = i + 1;
    if (its->sent >= job->policy_version) continue;
    if (!everyone && publisher->untaken[its->to] && clock_coarse() - its->when <= PATIENCE_SECONDS) continue;
    const double began = clock_now();
    status = send_to_node(publisher, job, table, node, everyone, error);
    const double ended = clock_now();
    publisher->pause_until = ended + (ended - began) * (1 - SHARE) / SHARE;
    if (!everyone) return status; // the next one has its turn after the pause
  }
  return status;
}
