// How cores are divided among children, and that children get them.
#include "actor/envs/child_cores.h"
#include "actor/envs/process.h"
#include "actor/envs/supervisor.h"
#include "tests/support/env_scene.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(const char *list, cpu_set_t *cores) {
  CPU_ZERO(cores);
  for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
    CPU_SET((size_t)atoi(at), cores);
}

static void test_division(void) {
  static const struct {
    const char *allowed;
    uint32_t slot;
    uint64_t each;
    const char *chosen;
  } cases[] = {
      {"0,1,2,3", 0, 1, "0"},          {"0,1,2,3", 3, 1, "3"},     {"0,1,2,3", 4, 1, "0"}, // behind the last: the first
      {"0,1,2,3", 1, 2, "2,3"},        {"0,1,2,3", 2, 2, "0,1"},   {"0,1,2,3", 1, 3, "3,0,1"},
      {"2,5,7,8", 1, 2, "7,8"},        {"2,5,7,8", 1, 3, "8,2,5"}, {"0,1,2,3", 0, 9, "0,1,2,3"},
      {"0,1,2,3", 5, 9, "0,1,2,3"},    {"6", 3, 1, "6"},           {"4,1023", 1, 1, "1023"},
      {"0,1,2", 4000000000u, 2, "2,0"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cpu_set_t allowed, chosen, wanted;
    put(cases[i].allowed, &allowed);
    put(cases[i].chosen, &wanted);
    child_cores_choose(&allowed, cases[i].slot, cases[i].each, &chosen);
    CU_ASSERT_TRUE(CPU_EQUAL(&chosen, &wanted));
    if (!CPU_EQUAL(&chosen, &wanted)) fprintf(stderr, "\n    case %zu\n", i);
  }
}

// Two children of a training, and one that evaluates, get sets that do not meet where there are enough cores.
static void test_slots(void) {
  const struct process_place place = {.first_index = 6, .first_slot = 2, .evaluation_slot = 9, .slots = 10};
  CU_ASSERT_EQUAL(child_cores_slot(&place, 6, false), 2);
  CU_ASSERT_EQUAL(child_cores_slot(&place, 8, false), 4);
  CU_ASSERT_EQUAL(child_cores_slot(&place, 6, true), 9);
}

// The children say which cores they may use.
static void test_children(void) {
  cpu_set_t allowed, first, second;
  CU_ASSERT_EQUAL_FATAL(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  child_cores_choose(&allowed, 0, 1, &first);
  child_cores_choose(&allowed, 1, 1, &second);
  for (uint32_t slot = 0; slot < 2; slot++) {
    char *directory = unit_tmpdir(), *seen = unit_path(directory, "seen"), env[4096];
    struct env_scene s = {.config.child_cores = 1};
    snprintf(env, sizeof env, "exec:grep Cpus_allowed_list /proc/self/status >%s; exit 4", seen);
    CU_ASSERT_EQUAL(env_scene_open(&s, env), STATUS_FAILED); // as of index 3
    process_set_place(s.kind.process, &(struct process_place){.first_index = 3, .first_slot = slot});
    CU_ASSERT_EQUAL(environment_create(&s.environment, &s.kind, 3, false, NULL), STATUS_FAILED);
    char *text = unit_read_file(seen, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    const char *number = text + strcspn(text, "0123456789");
    CU_ASSERT_PTR_NULL(strpbrk(number, ",-")); // one core
    CU_ASSERT_TRUE(CPU_ISSET((size_t)atoi(number), slot ? &second : &first));
    env_scene_close(&s);
    free(text), free(seen);
    unit_tmpdir_remove(directory);
  }
}

int main(int argc, char **argv) {
  if (supervisor_wanted(argc, argv)) return supervisor_main(argc, argv);
  static const struct unit_case cases[] = {
      {"each slot has its own cores, and the first ones come again behind the last", test_division},
      {"instances that train come first, those that evaluate behind them", test_slots},
      {"children run on their cores", test_children},
  };
  return unit_run("child_cores", cases, sizeof cases / sizeof *cases);
}
