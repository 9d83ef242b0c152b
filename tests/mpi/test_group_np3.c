#include "actor/group.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/options.h"
#include "common/wire/transport_mpi.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static int rank, ranks;

// The three ranks as one group, with an environment that is no parallel one: each rank's does the same.
struct scene {
  struct config config;
  struct transport *transport;
  struct group *group;
};

static void begin(struct scene *s, const char *plugin, const char *args, double timeout) {
  options_defaults(&s->config);
  plugin_env(plugin, args, s->config.env, sizeof s->config.env);
  s->config.ranks_per_env = 3;
  s->config.env_timeout = s->config.actor_timeout = timeout;
  CU_ASSERT_EQUAL_FATAL(transport_mpi_create(&s->transport, NULL), STATUS_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s->group = group_create(&s->config, s->transport, -1, NULL));
}

static void end(struct scene *s) {
  CU_ASSERT_TRUE(transport_flush(s->transport, 5));
  group_destroy(s->group);
  transport_destroy(s->transport);
  job_barrier();
}

static void follow(struct scene *s) {
  int exit_code = 0;
  bool together = false;
  CU_ASSERT_EQUAL(group_follow(s->group, &exit_code, &together, NULL), STATUS_OK);
  CU_ASSERT(exit_code == 75 && together);
}

static void open_kind(struct scene *s, struct environment_kind *kind) {
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(kind, s->config.env, &s->config, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(group_lead(s->group, kind, NULL), STATUS_OK);
}

// Through the group the environment is what it is alone: steps, saved states, a second instance beside it.
static void lead(struct scene *s) {
  struct environment_kind kind, alone_kind;
  struct environment both[2], alone;
  struct buffer state = {0};
  float obs[2][8], expected[8], action = 0.5f;
  double reward, wanted;
  int flags, wanted_flags;
  bool saved = false;
  open_kind(s, &kind);
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(&alone_kind, s->config.env, &s->config, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(environment_create(&alone, &alone_kind, 4, false, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(environment_reset(&alone, 9, expected, NULL), STATUS_OK);
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL_FATAL(environment_create(&both[i], &kind, 4, i == 1, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_reset(&both[i], 9, obs[i], NULL), STATUS_OK);
    CU_ASSERT_EQUAL(memcmp(obs[i], expected, alone.obs_dim * sizeof(float)), 0);
  }
  for (int t = 0; t < 5; t++) {
    if (t == 2) CU_ASSERT_EQUAL(environment_save(&both[0], &state, &saved, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_step(&alone, &action, expected, &wanted, &wanted_flags, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_step(&both[0], &action, obs[0], &reward, &flags, NULL), STATUS_OK);
    CU_ASSERT(reward == wanted && flags == wanted_flags);
    CU_ASSERT_EQUAL(memcmp(obs[0], expected, alone.obs_dim * sizeof(float)), 0);
  }
  CU_ASSERT_TRUE(saved);
  CU_ASSERT_EQUAL(environment_load(&both[1], state.data, state.size, NULL), STATUS_OK);
  for (int t = 2; t < 5; t++)
    CU_ASSERT_EQUAL(environment_step(&both[1], &action, obs[1], &reward, &flags, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(obs[1], expected, alone.obs_dim * sizeof(float)), 0);
  struct error error = {0};
  memset(state.data, 0xff, 4); // of another number of ranks
  CU_ASSERT_EQUAL(environment_load(&both[1], state.data, state.size, &error), STATUS_FAILED);
  CU_ASSERT(error_says(&error, "--ranks-per-env has to stay"));
  for (int i = 0; i < 2; i++) environment_destroy(&both[i]);
  environment_destroy(&alone);
  environment_kind_close(&alone_kind);
  environment_kind_close(&kind);
  buffer_release(&state);
  group_dismiss(s->group, 75, true);
}

static void test_steps(void) {
  struct scene s;
  begin(&s, "counter", NULL, 20);
  if (rank == 0)
    lead(&s);
  else
    follow(&s);
  end(&s);
}

// A rank that does not answer fails the call, within env_timeout, and all later ones at once; who follows is let go.
static void test_silent_rank(void) {
  struct scene s;
  begin(&s, "counter", NULL, 0.5);
  if (rank == 0) {
    struct environment_kind kind;
    struct environment environment;
    struct error error = {0};
    open_kind(&s, &kind);
    const double start = clock_now();
    CU_ASSERT_EQUAL(environment_create(&environment, &kind, 0, false, &error), STATUS_FAILED);
    CU_ASSERT(error_says(&error, "1 of 3 ranks of the group did not end create within 0.5 s"));
    CU_ASSERT_TRUE(clock_now() - start >= 0.5);
    error_clear(&error);
    CU_ASSERT_EQUAL(environment_create(&environment, &kind, 0, false, &error), STATUS_FAILED);
    CU_ASSERT(error_says(&error, "the group is broken"));
    environment_kind_close(&kind);
    group_dismiss(s.group, 75, true);
  } else if (rank == 1) {
    follow(&s);
  }
  end(&s);
}

// Nobody waits for a leader for ever.
static void test_silent_leader(void) {
  struct scene s;
  begin(&s, "counter", NULL, 0.3);
  if (rank > 0) {
    int exit_code;
    bool together;
    struct error error = {0};
    CU_ASSERT_EQUAL(group_follow(s.group, &exit_code, &together, &error), STATUS_PEER);
    CU_ASSERT(error_says(&error, "leader has been silent"));
  }
  end(&s);
}

int main(int argc, char **argv) {
  struct error error = {0};
  if (mpi_start(&argc, &argv, &rank, &ranks, &error) != STATUS_OK) {
    fprintf(stderr, "%s\n", error.text);
    mpi_stop(false, 1);
  }
  static const struct unit_case cases[] = {
      {"an environment of a group is the one that it is alone", test_steps},
      {"a rank that does not answer is not waited for", test_silent_rank},
      {"nor a leader that is silent", test_silent_leader},
  };
  const int failed = unit_run_mpi("group", cases, sizeof cases / sizeof *cases);
  mpi_stop(true, failed);
  return failed;
}
