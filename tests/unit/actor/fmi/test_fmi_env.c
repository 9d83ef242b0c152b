// FMUs as environments. The same spring of FMI 2 and of FMI 3 (tests/support/fmus) is driven by this program and was
// driven by fmpy (tests/data/fmu_trajectories.py).
#include "actor/fmi/archive.h"
#include "actor/fmi/expat.h"
#include "actor/fmi/expression.h"
#include "actor/fmi/fmi_env.h"
#include "tests/support/allocations.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct corsac_env *const env = &env_fmi;
enum { DIM = 8 };

// One instance of springN.fmu with a task.
struct scene {
  struct corsac_env_spec spec;
  void *self;
  char why[512], *dir;
  float obs[DIM];
  double reward;
};

static bool open_scene(struct scene *s, int version, const char *task) {
  char path[4096], name[16], *file;
  snprintf(name, sizeof name, "spring%d", version);
  *s = (struct scene){.spec = {.size = sizeof s->spec}, .dir = unit_tmpdir()};
  file = unit_in(s->dir, "task.yaml");
  unit_write_file(file, task, strlen(task));
  const struct corsac_env_config config = {
      .size = sizeof config, .id = fmu_path(name, path, sizeof path), .args = file};
  s->self = env->create(&config, &s->spec, s->why, sizeof s->why);
  return s->self;
}
static void open_good(struct scene *s, int version, const char *task) {
  if (!open_scene(s, version, task)) printf("%s\n", s->why);
  CU_ASSERT_FATAL(s->self != NULL);
}
static void close_scene(struct scene *s) {
  if (s->self) env->destroy(s->self);
  unit_tmpdir_remove(s->dir);
}
static int step(struct scene *s, float force, float gear) {
  return env->step(s->self, (float[]){force, gear}, s->obs, &s->reward);
}
static bool says(const struct scene *s, const char *text) {
  const char *why = s->self ? env->error(s->self) : s->why;
  const bool found = strstr(why, text);
  if (!found) printf("\"%s\" does not say \"%s\"\n", why, text);
  return found;
}

// --- bit for bit ---

// Reads the next line of `version`. The expected numbers are observations as float and the FMU's reward.
static bool next_line(FILE *file, int version, int *at, float *obs, double *reward) {
  int number;
  double x, v, count, far;
  while (fscanf(file, "%d %d %la %la %la %la %la", &number, at, &x, &v, &count, &far, reward) == 7) {
    if (number != version) continue;
    obs[0] = (float)x, obs[1] = (float)v, obs[2] = (float)count, obs[3] = (float)far;
    return true;
  }
  return false;
}

static void check_trajectory(int version) {
  struct scene s;
  float expected[4];
  double reward;
  int at = -1, steps = 0;
  FILE *file = fopen("tests/data/fmu_trajectories.txt", "r");
  CU_ASSERT_FATAL(file != NULL);
  open_good(&s, version,
            "step_size: 0.05\nsubsteps: 2\nstop_time: 2\nobservations: [x, der(x), count, far]\nstart: {x0: 0.25, "
            "mass: 0.5}\n");
  CU_ASSERT_EQUAL(s.spec.obs_dim, 4);
  CU_ASSERT_EQUAL(s.spec.act_dim, 2);
  CU_ASSERT_EQUAL(s.spec.max_episode_steps, 40);
  CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), 0);
  while (next_line(file, version, &at, expected, &reward)) {
    if (at > 0) {
      CU_ASSERT_EQUAL(step(&s, (float)(7 * at % 11) / 4 - 0.5f, (float)(1 + at % 3)), 0);
      CU_ASSERT_EQUAL(memcmp(&s.reward, &reward, sizeof reward), 0);
      steps++;
    }
    CU_ASSERT_EQUAL(memcmp(s.obs, expected, sizeof expected), 0);
  }
  CU_ASSERT_EQUAL(steps, 30);
  fclose(file);
  close_scene(&s);
}
static void test_trajectories(void) {
  check_trajectory(2);
  check_trajectory(3);
}

// --- tasks ---

static const char full[] = "step_size: 0.1\nnames: {v: der(x)}\nactions: {force: , gear: [0.6, 3.4]}\n"
                           "observations: [x, v]\nvary: {mass: [0.5, 2]}\n"
                           "reward: -(x - 0.25)^2 - 0.125*v^2 + force + 100 * gear\nterminated: time > 0.25\n"
                           "info: {m: mass, k: spring.stiffness}\n";

static void test_expressions(void) {
  for (int version = 2; version <= 3; version++) {
    struct scene s;
    double info[2], first = 0;
    open_good(&s, version, full);
    CU_ASSERT_EQUAL(s.spec.action_low[0], -2);
    CU_ASSERT_EQUAL(s.spec.action_high[0], 2);
    CU_ASSERT_EQUAL(s.spec.action_low[1], 0.6);
    CU_ASSERT_EQUAL(s.spec.info_dim, 2);
    CU_ASSERT_STRING_EQUAL(s.spec.info_names[1], "k");
    for (uint64_t seed = 1; seed < 4; seed++) {
      CU_ASSERT_EQUAL(env->reset(s.self, seed, s.obs), 0);
      CU_ASSERT_EQUAL(step(&s, 1.5f, 2.6f), 0); // the gear is 3: the nearest integer
      CU_ASSERT_EQUAL(step(&s, 1.5f, 1.4f), 0);
      const double x = (double)s.obs[0], v = (double)s.obs[1];
      CU_ASSERT_DOUBLE_EQUAL(s.reward, -(x - 0.25) * (x - 0.25) - 0.125 * v * v + 1.5 + 100, 1e-6);
      env->info(s.self, info);
      CU_ASSERT(info[0] >= 0.5);
      CU_ASSERT(info[0] <= 2);
      CU_ASSERT(info[0] != first);
      CU_ASSERT_EQUAL(info[1], 2);
      first = info[0];
      CU_ASSERT_EQUAL(step(&s, 0, 1), CORSAC_TERMINATED); // at 0.3
    }
    close_scene(&s);
  }
}

// An array is as many observations; an expression names its elements from 1 on.
static void test_arrays(void) {
  struct scene s;
  open_good(&s, 3, "step_size: 0.1\nobservations: [x, both, x32]\nreward: both[1] + 10 * both[2]\n");
  CU_ASSERT_EQUAL(s.spec.obs_dim, 4);
  CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), 0);
  CU_ASSERT_EQUAL(step(&s, 2, 1), 0);
  CU_ASSERT_EQUAL(s.obs[0], s.obs[1]);
  CU_ASSERT_EQUAL(s.obs[0], s.obs[3]);
  CU_ASSERT(s.obs[2] != 0);
  CU_ASSERT_DOUBLE_EQUAL(s.reward, (double)s.obs[1] + 10 * (double)s.obs[2], 1e-6);
  close_scene(&s);
}

// A string is a start value, too.
static void test_strings(void) {
  for (int version = 2; version <= 3; version++) {
    struct scene s;
    open_good(&s, version, "step_size: 0.1\nstart: {label: stiff, x0: 1}\ninfo: {k: spring.stiffness}");
    double stiffness = 0;
    for (uint64_t seed = 1; seed < 3; seed++) {
      CU_ASSERT_EQUAL(env->reset(s.self, seed, s.obs), 0);
      env->info(s.self, &stiffness);
      CU_ASSERT_EQUAL(stiffness, 4);
      CU_ASSERT_EQUAL(s.obs[0], 1);
    }
    close_scene(&s);
    open_good(&s, version, "step_size: 0.1\nstart: {label: soft}");
    CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), -1);
    CU_ASSERT(says(&s, version == 2 ? "fmi2SetString returned Error" : "fmi3SetString returned Error"));
    close_scene(&s);
  }
}

// --- state, faults ---

static void test_state(void) {
  for (int version = 2; version <= 3; version++) {
    struct scene a, b;
    char state[1024];
    open_good(&a, version, full);
    open_good(&b, version, full);
    CU_ASSERT_EQUAL(env->save(a.self, state, sizeof state), 0); // before an episode there is none
    CU_ASSERT_EQUAL(env->reset(a.self, 5, a.obs), 0);
    CU_ASSERT_EQUAL(step(&a, 1, 2), 0);
    const int64_t size = env->save(a.self, NULL, 0);
    CU_ASSERT_FATAL(size > 0);
    CU_ASSERT_FATAL(size < (int64_t)sizeof state);
    CU_ASSERT_EQUAL(env->save(a.self, state, sizeof state), size);
    CU_ASSERT_EQUAL(env->load(b.self, state, (size_t)size), 0); // no reset came before
    for (int t = 0; t < 2; t++) {                               // the second ends it: the time is loaded, too
      CU_ASSERT_EQUAL(step(&a, -1, 3), t == 1 ? CORSAC_TERMINATED : 0);
      CU_ASSERT_EQUAL(step(&b, -1, 3), t == 1 ? CORSAC_TERMINATED : 0);
      CU_ASSERT_EQUAL(memcmp(a.obs, b.obs, 2 * sizeof *a.obs), 0);
      CU_ASSERT_EQUAL(a.reward, b.reward);
    }
    CU_ASSERT_EQUAL(env->load(b.self, state, (size_t)size - 1), -1);
    CU_ASSERT_EQUAL(env->load(b.self, state, 7), -1);
    CU_ASSERT(says(&b, "no saved state"));
    CU_ASSERT_EQUAL(step(&b, 0, 1), -1);
    CU_ASSERT(says(&b, "no episode is under way"));
    close_scene(&a);
    close_scene(&b);
  }
}

static void test_save_fails(void) {
  for (int version = 2; version <= 3; version++) {
    struct scene s;
    char state[1024];
    open_good(&s, version, "step_size: 0.1\nstart: {fault: 8}\n");
    for (int episode = 0; episode < 2; episode++) {
      CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), 0);
      CU_ASSERT_EQUAL(step(&s, 0, 1), 0);
      CU_ASSERT_EQUAL(env->save(s.self, state, sizeof state), -1);
      CU_ASSERT(says(&s, "FMU"));
      CU_ASSERT(says(&s, "returned Fatal: the spring cannot be copied"));
      CU_ASSERT_EQUAL(env->save(s.self, state, sizeof state), 0);
      CU_ASSERT_EQUAL(step(&s, 0, 1), -1); // the FMU is not called any more
      CU_ASSERT(says(&s, "a call in it failed"));
    }
    close_scene(&s);
  }
}

static void test_faults(void) {
  static const struct {
    int fault, third; // what the third step returns
    const char *why2, *why3;
  } cases[] = {{1, -1, "at time 0.2: fmi2DoStep returned Error: the spring broke",
                "fmi3DoStep returned Error: the spring broke"},
               {2, -1, "fmi2DoStep returned Fatal: the spring is gone", "fmi3DoStep returned Fatal"},
               {4, CORSAC_TERMINATED, "", ""},
               {5, -1, "fmi2DoStep returned Discard", "fmi3DoStep returned Discard"},
               {6, 0, "", ""}}; // its reset fails: a new instance takes its place
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int version = 2; version <= 3; version++) {
      struct scene s;
      char task[128];
      snprintf(task, sizeof task, "step_size: 0.1\nstart: {fault: %d}\n", cases[i].fault);
      open_good(&s, version, task);
      for (int episode = 0; episode < 2; episode++) {
        CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), 0);
        CU_ASSERT_EQUAL(step(&s, 0, 1), 0);
        CU_ASSERT_EQUAL(step(&s, 0, 1), 0);
        CU_ASSERT_EQUAL(step(&s, 0, 1), cases[i].third);
        CU_ASSERT(says(&s, version == 2 ? cases[i].why2 : cases[i].why3));
      }
      close_scene(&s);
    }
}

static void test_allocations(void) {
  for (int version = 2; version <= 3; version++) {
    struct scene s;
    open_good(&s, version, full);
    CU_ASSERT_EQUAL(env->reset(s.self, 1, s.obs), 0);
    const size_t before = allocations_count();
    CU_ASSERT_EQUAL(step(&s, 1, 1), 0);
    if (allocations_counted()) CU_ASSERT_EQUAL(allocations_count() - before, 0);
    close_scene(&s);
  }
}

// Without a library an FMU is refused, and the text says which one is missing.
static const char *missing;
static void test_absent(void) {
  struct scene s;
  CU_ASSERT_FALSE(open_scene(&s, 2, full));
  CU_ASSERT_TRUE(says(&s, missing));
  close_scene(&s);
}

int main(void) {
  static const struct unit_case absent[] = {{"without a library the message says what is missing", test_absent}};
  static const struct unit_case cases[] = {
      {"an FMU gives what it gives to fmpy, bit for bit", test_trajectories},
      {"rewards and ends follow from expressions, parameters vary with the seed", test_expressions},
      {"arrays of FMI 3 are read", test_arrays},
      {"strings are start values", test_strings},
      {"a saved state goes on in another instance", test_state},
      {"a save that fails ends the episode, with the FMU's reason", test_save_fails},
      {"what an FMU does wrong has a text, and the next episode begins anew", test_faults},
      {"a step allocates nothing", test_allocations}};
  static const char *const needed[] = {ARCHIVE_LIBRARY, EXPAT_LIBRARY, MUPARSER_LIBRARY};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!dlopen(needed[i], RTLD_NOW)) {
      missing = needed[i];
      printf("skipped: FMUs, because %s is not installed; launch/install-deps.sh fmi installs it\n", missing);
      return unit_run("fmi_env", absent, sizeof absent / sizeof *absent);
    }
  return unit_run("fmi_env", cases, sizeof cases / sizeof *cases);
}
