#include "common/wire/shared_policy.h"
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

enum { OBS = 3, PARAMETERS = 21 };

struct scene {
  struct shared_weights shared;
  struct buffer head, copy;
  float shift[OBS], scale[OBS], values[PARAMETERS];
  struct policy_view written, read;
};

static void scene_init(struct scene *s) {
  const size_t size = shared_policy_size(OBS, PARAMETERS);
  *s = (struct scene){0};
  void *memory = aligned_alloc(SHARED_WEIGHTS_ALIGNMENT, shared_weights_size(2 * size));
  CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
  shared_weights_attach(&s->shared, memory, 2 * size);
  shared_weights_clear(&s->shared);
  for (int i = 0; i < OBS; i++) s->shift[i] = (float)i + 1, s->scale[i] = (float)i + 10;
  for (int i = 0; i < PARAMETERS; i++) s->values[i] = (float)i / 7;
  s->written = (struct policy_view){4, OBS, true, s->shift, s->scale, PARAMETERS, s->values};
}

static void scene_release(struct scene *s) {
  free(s->shared.memory);
  buffer_release(&s->head);
  buffer_release(&s->copy);
}

static enum status write_policy(struct scene *s) {
  return shared_policy_write(&s->shared, &s->written, &s->head, NULL);
}
static enum status read_newer(struct scene *s, uint64_t than, struct error *error) {
  return shared_policy_read(&s->shared, than, OBS, PARAMETERS, &s->copy, &s->read, error);
}

static void test_round_trip(void) {
  struct scene s;
  scene_init(&s);
  CU_ASSERT_EQUAL(read_newer(&s, 0, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.read.version, 0); // there is none
  CU_ASSERT_EQUAL(write_policy(&s), STATUS_OK);
  CU_ASSERT_EQUAL(read_newer(&s, 4, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.read.version, 0); // none newer
  CU_ASSERT_EQUAL(read_newer(&s, 3, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(s.read.version, 4);
  CU_ASSERT_EQUAL(s.read.obs_dim, OBS);
  CU_ASSERT_TRUE_FATAL(s.read.normalize);
  CU_ASSERT_EQUAL(s.read.parameters, PARAMETERS);
  CU_ASSERT_FATAL(s.read.version == 4);
  CU_ASSERT_EQUAL(memcmp(s.read.shift, s.shift, sizeof s.shift), 0);
  CU_ASSERT_EQUAL(memcmp(s.read.scale, s.scale, sizeof s.scale), 0);
  CU_ASSERT_EQUAL(memcmp(s.read.values, s.values, sizeof s.values), 0);
  scene_release(&s);
}

static void refused(struct scene *s, uint64_t than, const char *why) {
  struct error error = {0};
  UNIT_STATUS(read_newer(s, than, &error), STATUS_FORMAT, &error);
  CU_ASSERT_TRUE(error_says(&error, why));
  CU_ASSERT_EQUAL(s->read.version, 0);
}

static void test_damage(void) {
  struct scene s;
  float more[PARAMETERS + 1] = {0};
  scene_init(&s);
  s.written.parameters++;
  s.written.values = more;
  CU_ASSERT_EQUAL(write_policy(&s), STATUS_OK);
  refused(&s, 0, "bytes");
  s.written.parameters -= 2;
  s.written.version++;
  CU_ASSERT_EQUAL(write_policy(&s), STATUS_OK);
  refused(&s, 0, "bytes");
  // The right size, but two observations' normalizers less and four parameters more.
  float four[PARAMETERS + 4] = {0};
  s.written = (struct policy_view){6, OBS - 2, false, s.shift, s.scale, PARAMETERS + 4, four};
  CU_ASSERT_EQUAL(write_policy(&s), STATUS_OK);
  refused(&s, 0, "1 observations");
  // A head of noise, and one with another version than it is published under.
  uint8_t noise[1000];
  memset(noise, 0x5a, sizeof noise);
  shared_weights_publish(&s.shared, 7, NULL, 0, noise, shared_policy_size(OBS, PARAMETERS));
  refused(&s, 0, "version");
  shared_policy_write(&s.shared, &(struct policy_view){8, OBS, false, s.shift, s.scale, PARAMETERS, s.values}, &s.head,
                      NULL);
  CU_ASSERT_EQUAL(read_newer(&s, 7, NULL), STATUS_OK);
  shared_weights_publish(&s.shared, 9, s.head.data, 48, s.values, sizeof s.values);
  refused(&s, 8, "version 8");
  memset(s.shared.memory, 0xff, shared_weights_size(s.shared.capacity));
  refused(&s, 9, "bytes");
  scene_release(&s);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a shared policy is read back as it was written, if it is newer", test_round_trip},
      {"a policy of other dimensions or of another version is refused", test_damage},
  };
  return unit_run("posted_policy", cases, sizeof cases / sizeof *cases);
}
