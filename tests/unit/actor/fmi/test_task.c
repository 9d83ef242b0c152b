// Tasks: what follows from the description without a file, and what is refused. tests/e2e/fmi.sh has more messages.
#include "actor/fmi/task.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct fmi_variable variables[] = {
    {"u", "", 1, 1, FMI_FLOAT64, FMI_INPUT, false, -1, 2, NAN},
    {"on", "", 2, 1, FMI_BOOLEAN, FMI_INPUT, false, NAN, NAN, NAN},
    {"name", "", 3, 1, FMI_STRING, FMI_INPUT, false, NAN, NAN, NAN},
    {"y", "", 4, 3, FMI_FLOAT32, FMI_OUTPUT, false, NAN, NAN, NAN},
    {"open", "", 5, 0, FMI_FLOAT64, FMI_OUTPUT, false, NAN, NAN, NAN},
    {"reward", "", 6, 1, FMI_FLOAT64, FMI_OUTPUT, false, NAN, NAN, NAN},
    {"p", "", 7, 1, FMI_FLOAT64, FMI_PARAMETER, false, NAN, NAN, 1},
    {"t", "", 8, 1, FMI_FLOAT64, FMI_INDEPENDENT, false, NAN, NAN, NAN},
};
static const struct description description = {.version = 3,
                                               .start_time = 1,
                                               .stop_time = 2,
                                               .tolerance = NAN,
                                               .step_size = 0.1,
                                               .variables = variables,
                                               .count = sizeof variables / sizeof *variables};

static void test_defaults(void) {
  struct task task;
  struct error error = {0};
  UNIT_STATUS_FATAL(task_read(&task, NULL, "a.fmu", &description, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL_FATAL(task.actions.count, 2);
  CU_ASSERT_EQUAL(task.actions.entries[0].low, -1);
  CU_ASSERT_EQUAL(task.actions.entries[0].high, 2);
  CU_ASSERT_EQUAL(task.actions.entries[1].high, 1);
  CU_ASSERT_EQUAL_FATAL(task.observations.count, 1);
  CU_ASSERT_PTR_EQUAL(task.observations.entries[0].variable, &variables[3]);
  CU_ASSERT_STRING_EQUAL(task.reward, "reward");
  CU_ASSERT_PTR_NULL(task.terminated);
  CU_ASSERT_EQUAL(task.max_steps, 10);
  CU_ASSERT_EQUAL(task.substeps, 1);
  CU_ASSERT_TRUE(task.isolate);
  CU_ASSERT_FALSE(task.fresh);
  task_release(&task);
  struct description bare = description;
  bare.step_size = NAN;
  CU_ASSERT_EQUAL(task_read(&task, NULL, "a.fmu", &bare, &error), STATUS_USAGE);
  CU_ASSERT(error_says(&error, "a.fmu: step_size: the FMU suggests none"));
  task_release(&task);
}

// A list that is given, even as [], takes the place of the FMU's.
static void test_texts(void) {
  static const struct {
    const char *text, *why; // NULL: it is good
  } cases[] = {{"", NULL},
               {"# nothing\n", NULL},
               {"step_size: 0.5\nstop_time: 3\nactions: [u]\nreward: y[1]\nfresh: true", NULL},
               {"actions:\n  u:\n  on: [0, 2]\nvary:\nstart: {p: 3, on: true}", NULL},
               {"names: {q: p}\nvary: {q: [1, 2]}\nreward: q", NULL},
               {"vary: {q: [1, 2]}\nnames: {q: p}", NULL}, // names come first, wherever they stand
               {"info: {a: p, b: p}", NULL},
               {"actions: []", "task.yaml: actions: there are none"},
               {"observations: []", "task.yaml: observations: there are none"},
               {"observations: [open]", "task.yaml:1: observations: the size of \"open\" is not fixed"},
               {"start: {name: tank.dat}", NULL},
               {"start: {name: [a]}", "start: name: a text has to stand here"},
               {"actions: [name]", "\"name\" is no number"},
               {"actions: [u, u]", "task.yaml:1: actions: \"u\" is given twice"},
               {"actions: {u: 3}", "actions: u: two numbers, [low, high]"},
               {"actions: {u: [-1e999, 1]}", "two numbers"},
               {"actions: {u: [1, 2, 3]}", "two numbers"},
               {"actions: {p: }", "the FMU has no min and max of \"p\""},
               {"start: {t: 1}", "\"t\" is constant"},
               {"start: [p]", "start: lines of the form NAME: VALUE"},
               {"start: {p: one}", "start: p: a number has to stand here"},
               {"observations: {y: 1}", "observations: names of variables"},
               {"substeps: 1.5", "substeps: 1.5 has to be a whole number"},
               {"fresh: maybe", "fresh: true or false"},
               {"reward: [y]", "reward: a variable or an expression"},
               {"[a]", "task.yaml:1: a task has lines of the form"},
               {"? [a]\n: b", "task.yaml:1: a task has no \"\""},
               {"names: {q: z}", "task.yaml:1: names: the FMU has no variable \"z\""},
               {"\x01", "task.yaml:1: this is not YAML"}};
  char *dir = unit_tmpdir(), *path = unit_path(dir, "task.yaml");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct task task;
    struct error error = {0};
    unit_write_file(path, cases[i].text, strlen(cases[i].text));
    const enum status status = task_read(&task, path, "a.fmu", &description, &error);
    if (!cases[i].why) UNIT_STATUS(status, STATUS_OK, &error);
    if (cases[i].why) CU_ASSERT_EQUAL(status, STATUS_USAGE);
    if (cases[i].why) CU_ASSERT(error_says(&error, cases[i].why));
    task_release(&task);
  }
  free(path);
  unit_tmpdir_remove(dir);
}

int main(void) {
  static const struct unit_case cases[] = {{"without a file a task follows from the description", test_defaults},
                                           {"each text is read, or refused with its line", test_texts}};
  return unit_run("task", cases, sizeof cases / sizeof *cases);
}
