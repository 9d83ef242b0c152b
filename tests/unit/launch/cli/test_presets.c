#include "actor/envs/registry.h"
#include "common/config/options.h"
#include "launch/cli/presets.h"
#include "tests/support/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_valid(void) {
  CU_ASSERT(presets_count >= 2);
  for (size_t i = 0; i < presets_count; i++) {
    const struct embedded *preset = &presets_table[i];
    struct config config, defaults;
    struct error error = {0};
    options_defaults(&defaults);
    options_defaults(&config);
    const enum status status = options_parse_yaml(preset->text, strlen(preset->text), preset->name, &config, &error);
    CU_ASSERT_EQUAL(status, STATUS_OK);
    if (status != STATUS_OK) printf("%s\n", error.text);
    CU_ASSERT(memcmp(&config, &defaults, sizeof config) != 0);
    CU_ASSERT_STRING_EQUAL(config.env, ""); // the environment chooses its preset, not the other way round
    snprintf(config.env, sizeof config.env, "%s", preset->name);
    UNIT_STATUS(options_check(&config, &error), STATUS_OK, &error);
  }
}

static void test_named(void) {
  for (size_t i = 0; i < presets_count; i++) {
    CU_ASSERT_PTR_NOT_NULL(registry_find(presets_table[i].name));
    CU_ASSERT_PTR_EQUAL(presets_find(presets_table[i].name), presets_table[i].text);
  }
  CU_ASSERT_PTR_NOT_NULL(presets_find("Pendulum-v1"));
  CU_ASSERT_PTR_NOT_NULL(presets_find("MountainCarContinuous-v0"));
  CU_ASSERT_PTR_EQUAL(presets_find("gym:Pendulum-v1"), presets_find("Pendulum-v1"));
  CU_ASSERT_PTR_NULL(presets_find("gym:module:Pendulum-v1"));
  CU_ASSERT_PTR_EQUAL(presets_find("gym:Pendulum-v1?g=9.81"), presets_find("Pendulum-v1"));
  CU_ASSERT_PTR_NULL(presets_find("gym:Pendulum-v10?g=1"));
  CU_ASSERT_PTR_NULL(presets_find("Pendulum-v"));
  CU_ASSERT_PTR_NULL(presets_find(""));
}

static void test_whole(void) {
  for (size_t i = 0; i < presets_count; i++) {
    char path[256];
    size_t size;
    snprintf(path, sizeof path, "launch/presets/%s.yaml", presets_table[i].name);
    char *text = unit_read_file(path, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(size, strlen(presets_table[i].text));
    CU_ASSERT_STRING_EQUAL(text, presets_table[i].text);
    free(text);
  }
}

int main(void) {
  static const struct unit_case cases[] = {{"every preset is a valid configuration", test_valid},
                                           {"every preset is found by a built-in environment's name", test_named},
                                           {"the build embeds every byte of a preset's file", test_whole}};
  return unit_run("presets", cases, sizeof cases / sizeof *cases);
}
