#include "actor/envs/plugin.h"
#include "tests/support/environments.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Opening fails with this status and a message that names the path and says the text.
static void refused(const char *path, enum status status, const char *text) {
  struct error error = {0};
  CU_ASSERT_PTR_NULL(plugin_open(path, &error));
  CU_ASSERT_EQUAL(error.status, status);
  CU_ASSERT(error_says(&error, path));
  CU_ASSERT(error_says(&error, text));
}

static void test_open(void) {
  char path[4096];
  struct error error = {0};
  struct plugin *plugin = plugin_open(plugin_env("counter", NULL, path, sizeof path), &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(plugin);
  CU_ASSERT_STRING_EQUAL(plugin->abi.name, "counter");
  CU_ASSERT_PTR_NOT_NULL(plugin->abi.create);
  CU_ASSERT_PTR_NOT_NULL(plugin->abi.save);
  CU_ASSERT_PTR_NOT_NULL(plugin->abi.load);
  CU_ASSERT_TRUE(!plugin->abi.error);
  CU_ASSERT_TRUE(!plugin->abi.step_begin);
  plugin_close(plugin);
  plugin_close(NULL);
}

static void test_no_plugin(void) {
  char path[4096];
  refused("/nowhere/at/all.so", STATUS_IO, "No such file");
  refused("nowhere.so", STATUS_IO, "No such file");
  refused(plugin_env("no_symbol", NULL, path, sizeof path), STATUS_FORMAT, "corsac_env");
  refused(plugin_env("old_abi", NULL, path, sizeof path), STATUS_MISMATCH, "version 42 of the environment ABI");
  refused(path, STATUS_MISMATCH, "has version 1");

  char *directory = unit_tmpdir(), *text = unit_path(directory, "text.so");
  unit_write_file(text, "int main", 8);
  refused(text, STATUS_FORMAT, "shared object: ");
  refused(directory, STATUS_FORMAT, "shared object: ");
  free(text);
  unit_tmpdir_remove(directory);
}

static void test_current_directory(void) {
  char path[4096], cwd[4096], *directory = unit_tmpdir();
  CU_ASSERT_FATAL(getcwd(cwd, sizeof cwd) != NULL);
  char *link = unit_path(directory, "mine.so");
  CU_ASSERT_EQUAL_FATAL(symlink(plugin_env("counter", NULL, path, sizeof path), link), 0);
  CU_ASSERT_EQUAL_FATAL(chdir(directory), 0);
  struct error error = {0};
  struct plugin *plugin = plugin_open("mine.so", &error);
  CU_ASSERT_PTR_NOT_NULL(plugin);
  plugin_close(plugin);
  CU_ASSERT_EQUAL_FATAL(chdir(cwd), 0);
  free(link);
  unit_tmpdir_remove(directory);
}

// A struct that is never called: only which members are there counts.
static void *any_create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                        size_t size) {
  (void)config, (void)spec, (void)error, (void)size;
  return NULL;
}
static int any_reset(void *self, uint64_t seed, float *obs) { return (void)self, (void)seed, (void)obs, 0; }
static int any_step(void *self, const float *action, float *obs, double *reward) {
  return (void)self, (void)action, (void)obs, (void)reward, 0;
}
static void any_destroy(void *self) { (void)self; }
static const char *any_error(void *self) { return (void)self, ""; }
static int64_t any_save(void *self, void *buffer, size_t size) { return (void)self, (void)buffer, (void)size, 0; }
static int any_load(void *self, const void *buffer, size_t size) { return (void)self, (void)buffer, (void)size, 0; }
static int any_begin(void *self, const float *action) { return (void)self, (void)action, 0; }
static int any_end(void *self, float *obs, double *reward) { return (void)self, (void)obs, (void)reward, 0; }
static int any_reset_begin(void *self, uint64_t seed) { return (void)self, (void)seed, 0; }
static int any_reset_end(void *self, float *obs) { return (void)self, (void)obs, 0; }
static void any_progress(void *self, uint64_t episode, uint64_t steps) { (void)self, (void)episode, (void)steps; }
static int any_set_case(void *self, const char *args) { return (void)self, (void)args, 0; }

static const struct corsac_env whole = {
    CORSAC_ENV_ABI, sizeof whole, 0,        "whole",   any_create, any_reset, any_step,        any_destroy,
    any_error,      any_save,     any_load, any_begin, any_end,    NULL,      any_reset_begin, any_reset_end,
    any_progress,   any_set_case, NULL};

static void wrong(const struct corsac_env *given, enum status status, const char *text) {
  struct corsac_env abi;
  struct error error = {0};
  CU_ASSERT_EQUAL(plugin_check("p.so", given, &abi, &error), status);
  CU_ASSERT(error_says(&error, "p.so: "));
  CU_ASSERT(error_says(&error, text));
}

static void test_check(void) {
  struct corsac_env abi, given = whole;
  CU_ASSERT_EQUAL(plugin_check("p.so", &whole, &abi, NULL), STATUS_OK);
  CU_ASSERT_EQUAL(memcmp(&abi, &whole, sizeof abi), 0);
  wrong(NULL, STATUS_FORMAT, "returned NULL");
  given.abi = 0;
  wrong(&given, STATUS_MISMATCH, "version 0 of the environment ABI, this program has version 1");
  given = whole, given.size = offsetof(struct corsac_env, error) - 1;
  wrong(&given, STATUS_MISMATCH, "a size of 55 bytes, but the mandatory members take 56");
  given = whole, given.create = NULL;
  wrong(&given, STATUS_FORMAT, "no create");
  given = whole, given.reset = NULL;
  wrong(&given, STATUS_FORMAT, "no reset");
  given = whole, given.step = NULL;
  wrong(&given, STATUS_FORMAT, "no step");
  given = whole, given.destroy = NULL;
  wrong(&given, STATUS_FORMAT, "no destroy");
  given = whole, given.step_end = NULL;
  wrong(&given, STATUS_FORMAT, "no step_end");
  given = whole, given.reset_end = NULL;
  wrong(&given, STATUS_FORMAT, "no reset_end (it has reset_begin)");
  given = whole, given.reset_begin = NULL;
  wrong(&given, STATUS_FORMAT, "no reset_begin (it has reset_end)");
  given = whole, given.load = NULL;
  wrong(&given, STATUS_FORMAT, "no load");
}

static void test_members_beyond_size(void) {
  struct corsac_env abi, given = whole;
  given.size = offsetof(struct corsac_env, error); // only what is mandatory
  CU_ASSERT_EQUAL(plugin_check("p.so", &given, &abi, NULL), STATUS_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(abi.destroy);
  CU_ASSERT_TRUE_FATAL(!abi.error);
  CU_ASSERT_TRUE_FATAL(!abi.save);
  CU_ASSERT_TRUE_FATAL(!abi.load);
  CU_ASSERT_TRUE_FATAL(!abi.step_begin);
  CU_ASSERT_TRUE(!abi.step_end);
  given.size = offsetof(struct corsac_env, save) + 3; // half a pointer is none
  CU_ASSERT_EQUAL(plugin_check("p.so", &given, &abi, NULL), STATUS_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(abi.error);
  CU_ASSERT_TRUE(!abi.save);
  given.size = offsetof(struct corsac_env, reset_begin); // built before resets had halves
  CU_ASSERT_EQUAL(plugin_check("p.so", &given, &abi, NULL), STATUS_OK);
  CU_ASSERT(abi.step_end != NULL);
  CU_ASSERT(!abi.reset_begin && !abi.reset_end && !abi.progress);
  given.size = sizeof given + 64; // a later version appends members
  CU_ASSERT_EQUAL(plugin_check("p.so", &given, &abi, NULL), STATUS_OK);
  CU_ASSERT(abi.step_end != NULL && abi.progress != NULL);
}

int main(void) {
  static const struct unit_case cases[] = {
      {"a plugin opens and shows its members", test_open},
      {"a file that is no plugin of this ABI is refused with the reason", test_no_plugin},
      {"a name without '/' is a file of the current directory", test_current_directory},
      {"number, size and mandatory members are checked", test_check},
      {"members beyond the plugin's size are absent", test_members_beyond_size},
  };
  return unit_run("plugin", cases, sizeof cases / sizeof *cases);
}
