#include "actor/group.h"
#include "actor/rollout.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/config/options.h"
#include "common/wire/transport_mpi.h"
#include "common/wire/transport_mpi_start.h"
#include "launch/train/groups.h"
#include "tests/support/environments.h"
#include "tests/support/jobs.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static int rank, ranks;

// The three ranks are one group. The environment is not a parallel one: each rank runs the whole of it.
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
  CU_ASSERT_EQUAL(exit_code, 75);
  CU_ASSERT_TRUE(together);
}

static void open_kind(struct scene *s, struct environment_kind *kind) {
  CU_ASSERT_EQUAL_FATAL(environment_kind_open(kind, s->config.env, &s->config, NULL), STATUS_OK);
  CU_ASSERT_EQUAL_FATAL(group_lead(s->group, kind, NULL), STATUS_OK);
}

// A group's environment behaves as the environment alone does: steps, saved states, a second instance.
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
    if (t == 2) saved = environment_save(&both[0], &state);
    CU_ASSERT_EQUAL(environment_step(&alone, &action, expected, &wanted, &wanted_flags, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_step(&both[0], &action, obs[0], &reward, &flags, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(reward, wanted);
    CU_ASSERT_EQUAL(flags, wanted_flags);
    CU_ASSERT_EQUAL(memcmp(obs[0], expected, alone.obs_dim * sizeof(float)), 0);
  }
  CU_ASSERT_TRUE(saved);
  CU_ASSERT_EQUAL(environment_load(&both[1], state.data, state.size, NULL), STATUS_OK);
  for (int t = 2; t < 5; t++)
    CU_ASSERT_EQUAL(environment_step(&both[1], &action, obs[1], &reward, &flags, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(obs[1], expected, alone.obs_dim * sizeof(float)), 0);
  struct error error = {0};
  UNIT_STATUS(environment_load(&both[1], state.data, state.size - 1, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "the state is damaged"));
  CU_ASSERT_EQUAL_FATAL(buffer_reserve(&state, state.size + 1, NULL), STATUS_OK);
  error_clear(&error);
  UNIT_STATUS(environment_load(&both[1], state.data, state.size + 1, &error), STATUS_FAILED, &error);
  CU_ASSERT(error_says(&error, "the state is damaged"));
  error_clear(&error);
  memset(state.data, 0xff, 4); // of another number of ranks
  UNIT_STATUS(environment_load(&both[1], state.data, state.size, &error), STATUS_FAILED, &error);
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

// The save of rank `who` fails, and the leader says why.
static void save_fails(int who) {
  struct scene s;
  begin(&s, "bad_save", rank == who ? "negative" : "good", 20);
  if (rank == 0) {
    struct environment_kind kind;
    struct environment environment;
    struct buffer state = {0};
    float obs;
    open_kind(&s, &kind);
    CU_ASSERT_EQUAL_FATAL(environment_create(&environment, &kind, 4, false, NULL), STATUS_OK);
    CU_ASSERT_EQUAL(environment_reset(&environment, 9, &obs, NULL), STATUS_OK);
    CU_ASSERT_FALSE(environment_save(&environment, &state));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(environment.unsaved, who == 0 ? "save returned -1: the mesh moves:" : "on rank 2: the mesh moves:"));
    environment_destroy(&environment);
    environment_kind_close(&kind);
    buffer_release(&state);
    group_dismiss(s.group, 75, true);
  } else {
    follow(&s);
  }
  end(&s);
}

static void test_save_fails(void) {
  save_fails(0);
  save_fails(2);
}

// Where a rank does not answer, the call fails within env_timeout and later calls fail at once. The followers are
// released.
static void test_silent_rank(void) {
  struct scene s;
  begin(&s, "counter", NULL, 0.5);
  if (rank == 0) {
    struct environment_kind kind;
    struct environment environment;
    struct error error = {0};
    open_kind(&s, &kind);
    const double start = clock_now();
    UNIT_STATUS(environment_create(&environment, &kind, 0, false, &error), STATUS_FAILED, &error);
    CU_ASSERT(error_says(&error, "1 of 3 ranks of the group did not end create within 0.5 s"));
    CU_ASSERT_TRUE(clock_now() - start >= 0.5);
    error_clear(&error);
    UNIT_STATUS(environment_create(&environment, &kind, 0, false, &error), STATUS_FAILED, &error);
    CU_ASSERT(error_says(&error, "the group is broken"));
    environment_kind_close(&kind);
    group_dismiss(s.group, 75, true);
  } else if (rank == 1) {
    follow(&s);
  }
  end(&s);
}

// An actor whose group has a silent rank ends its stepping: it does not try again, whatever env_max_failures allows.
static void test_final(void) {
  struct scene s;
  begin(&s, "slow", rank == 2 ? "3000" : "0", 0.5);
  if (rank == 0) {
    struct environment_kind kind;
    struct transition_batch batch = {0};
    struct error error = {0};
    const struct policy_weights *weights;
    open_kind(&s, &kind);
    CU_ASSERT_TRUE_FATAL(!group_is_broken(s.group));
    CU_ASSERT_TRUE(!group_is_broken(NULL));
    struct rollout *rollout = rollout_create(&s.config, &kind, 0, 1, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rollout);
    struct policy *policy = policy_create(&s.config, 1, 1, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
    weights = policy_weights(policy);
    UNIT_STATUS(transition_batch_init(&batch, 1, 1, 4, 4, 1, &error), STATUS_OK, &error);
    UNIT_STATUS(rollout_step(rollout, policy, weights->version, &batch, &error), STATUS_FAILED, &error);
    CU_ASSERT(error_says(&error, "ranks of the group did not end step within 0.5 s"));
    CU_ASSERT_PTR_NULL_FATAL(strstr(error.text, "in a row"));
    CU_ASSERT_TRUE(group_is_broken(s.group));
    CU_ASSERT_PTR_NULL(rollout_env_failure(rollout)); // no failure after which it would be created anew
    rollout_destroy(rollout);
    policy_destroy(policy);
    transition_batch_release(&batch);
    environment_kind_close(&kind);
    group_dismiss(s.group, 75, true);
  } else {
    follow(&s);
  }
  end(&s);
}

// A follower does not wait for its leader for ever.
static void test_silent_leader(void) {
  struct scene s;
  begin(&s, "counter", NULL, 0.3);
  if (rank > 0) {
    int exit_code;
    bool together;
    struct error error = {0};
    UNIT_STATUS(group_follow(s.group, &exit_code, &together, &error), STATUS_PEER, &error);
    CU_ASSERT(error_says(&error, "leader has been silent"));
  }
  end(&s);
}

// Messages to people name a rank as mpirun does, not by its number in the group.
static void test_names(void) {
  struct group_position position;
  struct transport *transport = NULL;
  CU_ASSERT_EQUAL_FATAL(groups_split(2, &position, NULL), STATUS_OK); // the learner, and ranks 1 and 2
  if (rank > 0) {
    CU_ASSERT_EQUAL_FATAL(transport_mpi_create_on(position.group, &transport, NULL), STATUS_OK);
    CU_ASSERT_EQUAL_FATAL(transport_world_rank(transport, 0), 1);
    CU_ASSERT_EQUAL(transport_world_rank(transport, 1), 2);
    CU_ASSERT_EQUAL_FATAL(transport_rank(transport), rank - 1);
    CU_ASSERT_EQUAL(transport_world_rank(transport, 2), 2); // there is no rank 2
    transport_is_one_process(transport);
    CU_ASSERT_EQUAL(transport_world_rank(transport, 1), 0);
    transport_destroy(transport);
  }
  job_barrier();
}

int main(int argc, char **argv) {
  struct error error = {0};
  if (mpi_start(&argc, &argv, &rank, &ranks, &error) != STATUS_OK) {
    fprintf(stderr, "%s\n", error.text);
    mpi_stop(false, 1, 0);
  }
  static const struct unit_case cases[] = {
      {"an environment behaves in a group as it does alone", test_steps},
      {"a save that fails on any rank says why", test_save_fails},
      {"a call fails in time where a rank of the group does not answer", test_silent_rank},
      {"a silent rank of a group ends its actor's stepping at once", test_final},
      {"messages name the ranks of a group as mpirun does", test_names},
      {"a follower does not wait for a silent leader", test_silent_leader},
  };
  const int failed = unit_run_mpi("group", cases, sizeof cases / sizeof *cases);
  mpi_stop(true, failed, 0);
  return failed;
}
