#include "launch/cli/command.h"

#include "launch/cli/completion.h"
#include "launch/cli/topics.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static void test_pages(void) {
  size_t count = 0;
  for (; command_help_name(count); count++) {
    const char *text = command_help_text(command_help_name(count));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(strncmp(text, "corsac ", 7), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nExample"));
  }
  CU_ASSERT(count > 5);
  CU_ASSERT_PTR_NULL(command_help_text("trian"));
}

// What is printed, in memory of the caller's.
static void keep_printed(void (*print)(FILE *out), char **text) {
  size_t size;
  FILE *out = open_memstream(text, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  print(out);
  fclose(out);
}

static void print_program(FILE *out) { command_help_print(out, NULL); }

static void test_program(void) {
  char *text = NULL, line[128];
  keep_printed(print_program, &text);
  for (size_t i = 0; command_help_name(i); i++) {
    snprintf(line, sizeof line, "\n  corsac %s ", command_help_name(i));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
  }
  for (size_t i = 0; i < manual_count; i++) {
    snprintf(line, sizeof line, "\n  %s ", manual_table[i].name);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
  }
  free(text);
}

static void test_topics(void) {
  const char *summary;
  CU_ASSERT_PTR_NOT_NULL(topics_find("start"));
  CU_ASSERT_PTR_NULL(topics_find("strat"));
  for (size_t i = 0; i < manual_count; i++) {
    CU_ASSERT(topics_summary(manual_table[i].text, &summary) > 0);
    CU_ASSERT_EQUAL(strncmp(manual_table[i].text, "# ", 2), 0);
  }
  CU_ASSERT_EQUAL(topics_summary("# Start: do it\n", &summary), 5);
  CU_ASSERT_EQUAL(strncmp(summary, "do it", 5), 0);
  CU_ASSERT_EQUAL(topics_summary("# Start it\n", &summary), 8);
  CU_ASSERT_EQUAL(topics_summary("", &summary), 0);
}

static bool has_after(const char *text, const char *first, const char *second) {
  const char *at = strstr(text, first);
  return at && strstr(at, second);
}

static void test_completion(void) {
  char *script = NULL;
  keep_printed(completion_print, &script);
  CU_ASSERT_TRUE(has_after(script, "    --backend) words='auto tiles openblas' files= ;;\n", ""));
  CU_ASSERT_TRUE(has_after(script, " --batch-size ", ""));
  CU_ASSERT_TRUE(has_after(script, "    cluster) words='--help slurm pbs lsf hosts ", ""));
  CU_ASSERT_TRUE(has_after(script, "    help) words='", " train "));
  CU_ASSERT_TRUE(has_after(script, "    help) words='", " start"));
  free(script);
}

int main(void) {
  static const struct unit_case cases[] = {{"every command has a page with examples", test_pages},
                                           {"the program's page lists commands and topics", test_program},
                                           {"every topic says in one line what it is about", test_topics},
                                           {"bash gets commands, topics, options and their values", test_completion}};
  return unit_run("help", cases, sizeof cases / sizeof *cases);
}
