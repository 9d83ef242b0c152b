#include "launch/cli/manual.h"

#include "launch/cli/command.h"
#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

static char *format(const char *command, const char *text) {
  char *page = NULL;
  size_t size;
  FILE *out = open_memstream(&page, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  manual_format(out, command, "does a thing", text);
  fclose(out);
  return page;
}

static void test_format(void) {
  char *page = format("do-it", "corsac do-it X [--now]\n"
                               "\n"
                               "First words of it,\n"
                               ".and a line that begins with a dot.\n"
                               "\n"
                               "  --now TEXT   at once, \"-1\" too\n"
                               "               and no later\n"
                               "  --never\n"
                               "\n"
                               "Last words.\n"
                               "\n"
                               "Examples:\n"
                               "  corsac do-it a\\b\n");
  const char *wanted = "corsac\\-do\\-it \\- does a thing\n"
                       ".SH SYNOPSIS\n.nf\ncorsac do\\-it X [\\-\\-now]\n.fi\n"
                       ".SH DESCRIPTION\nFirst words of it,\n\\&.and a line that begins with a dot.\n"
                       ".SH OPTIONS\n.TP\n.B \"\\-\\-now TEXT\"\nat once, \"\\-1\" too\nand no later\n"
                       ".TP\n.B \"\\-\\-never\"\n"
                       ".PP\nLast words.\n"
                       ".SH EXAMPLES\n.nf\ncorsac do\\-it a\\eb\n.fi\n"
                       ".SH SEE ALSO\n.BR corsac (1)\n";
  CU_ASSERT_PTR_NOT_NULL(strstr(page, wanted));
  if (!strstr(page, wanted)) printf("%s", page);
  CU_ASSERT_EQUAL(strncmp(page, ".TH CORSAC\\-DO\\-IT 1 ", 21), 0);
  free(page);
}

static void test_pages(void) {
  size_t count = 0;
  for (; command_help_name(count); count++) {
    char *page = NULL;
    size_t size;
    FILE *out = open_memstream(&page, &size);
    CU_ASSERT_EQUAL(manual_page(out, command_help_name(count), NULL), STATUS_OK);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(page, ".SH SYNOPSIS\n.nf\ncorsac "));
    CU_ASSERT_PTR_NOT_NULL(strstr(page, ".SH EXAMPLES\n"));
    CU_ASSERT_PTR_NULL(strstr(page, " \\- \n")); // the program's help has a summary of each
    free(page);
  }
  CU_ASSERT(count > 5);
}

static void test_completion(void) {
  char *script = NULL;
  size_t size;
  FILE *out = open_memstream(&script, &size);
  CU_ASSERT_EQUAL(manual_completion(out, NULL), STATUS_OK);
  fclose(out);
  CU_ASSERT_PTR_NOT_NULL(strstr(script, "    --backend) words='auto tiles openblas' files= ;;\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(script, " --batch-size "));
  CU_ASSERT_PTR_NOT_NULL(strstr(script, "    cluster) words='--help slurm pbs lsf hosts "));
  free(script);
}

int main(void) {
  static const struct unit_case cases[] = {{"a help page becomes man(7)", test_format},
                                           {"every command has its page", test_pages},
                                           {"bash gets commands, options and their values", test_completion}};
  return unit_run("manual", cases, sizeof cases / sizeof *cases);
}
