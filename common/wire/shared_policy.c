#include "common/wire/shared_policy.h"

#include <assert.h>
#include <string.h>

// The content begins with this. shift (obs_dim), scale (obs_dim) and values (parameters) follow.
struct head {
  uint64_t version, parameters;
  uint32_t obs_dim, normalize;
};

static size_t head_size(uint32_t obs_dim) { return sizeof(struct head) + 2 * (size_t)obs_dim * sizeof(float); }

size_t shared_policy_size(uint32_t obs_dim, size_t parameters) {
  return head_size(obs_dim) + parameters * sizeof(float);
}

static enum status fill_head(const struct policy_view *view, struct buffer *head, struct error *error) {
  const struct head fields = {view->version, view->parameters, view->obs_dim, view->normalize};
  const size_t row = view->obs_dim * sizeof(float), size = head_size(view->obs_dim);
  const enum status status = buffer_reserve(head, size, error);
  if (status != STATUS_OK) return status;
  memcpy(head->data, &fields, sizeof fields);
  memcpy(head->data + sizeof fields, view->shift, row);
  memcpy(head->data + sizeof fields + row, view->scale, row);
  head->size = size;
  return STATUS_OK;
}

enum status shared_policy_write(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error) {
  const enum status status = fill_head(view, head, error);
  if (status == STATUS_OK)
    shared_weights_publish(shared, view->version, head->data, head->size, view->values,
                           view->parameters * sizeof(float));
  return status;
}

enum status shared_policy_share(struct shared_weights *shared, const struct policy_view *view, struct buffer *head,
                                struct error *error) {
  const enum status status = fill_head(view, head, error);
  if (status == STATUS_OK)
    shared_weights_publish_shared(shared, view->version, head->data, head->size, view->values,
                                  view->parameters * sizeof(float));
  return status;
}

enum status shared_policy_read(const struct shared_weights *shared, uint64_t than, uint32_t obs_dim, size_t parameters,
                               struct buffer *copy, struct policy_view *view, struct error *error) {
  struct head fields;
  size_t size;
  const size_t expected = shared_policy_size(obs_dim, parameters);
  *view = (struct policy_view){0};
  const enum status status = buffer_reserve(copy, expected, error);
  if (status != STATUS_OK) return status;
  const uint64_t version = shared_weights_read_newer(shared, than, copy->data, expected, &size);
  if (version == 0) return STATUS_OK;
  if (size != expected)
    return error_set(error, STATUS_FORMAT, "the shared policy of this node has %zu bytes, not %zu", size, expected);
  memcpy(&fields, copy->data, sizeof fields);
  if (fields.version != version || fields.obs_dim != obs_dim || fields.parameters != parameters || fields.normalize > 1)
    return error_set(
        error, STATUS_FORMAT,
        "the shared policy of this node says version %llu, %u observations, %llu parameters, normalize %u; "
        "right are %llu, %u, %zu, 0 or 1",
        (unsigned long long)fields.version, fields.obs_dim, (unsigned long long)fields.parameters, fields.normalize,
        (unsigned long long)version, obs_dim, parameters);
  const float *numbers = (const float *)(const void *)(copy->data + sizeof fields); // a buffer is aligned
  *view = (struct policy_view){
      version, obs_dim, fields.normalize, numbers, numbers + obs_dim, parameters, numbers + 2 * (size_t)obs_dim};
  return STATUS_OK;
}
