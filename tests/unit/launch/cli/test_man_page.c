#include "launch/cli/man_page.h"

#include "tests/support/unit.h"
#include <stdlib.h>
#include <string.h>

// The page has the text; prints the page where it does not.
static void check_page(const struct man_page *page, const char *wanted) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  CU_ASSERT_PTR_NOT_NULL_FATAL(out);
  man_page_print(out, page);
  fclose(out);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted));
  if (!strstr(text, wanted)) printf("%s", text);
  free(text);
}

static void test_help(void) {
  const char *help = "corsac do-it X [--now]\n"
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
                     "  corsac do-it a\\b\n"
                     "\n"
                     "group\n"
                     "  --more\n";
  const struct man_page page = {.name = "do-it", .summary = "does a thing", .help = help};
  check_page(&page, ".TH CORSAC\\-DO\\-IT 1 ");
  check_page(&page, "corsac\\-do\\-it \\- does a thing\n"
                    ".SH SYNOPSIS\n.nf\ncorsac do\\-it X [\\-\\-now]\n.fi\n"
                    ".SH DESCRIPTION\nFirst words of it,\n\\&.and a line that begins with a dot.\n"
                    ".SH OPTIONS\n.TP\n.B \"\\-\\-now TEXT\"\nat once, \\(dq\\-1\\(dq too\nand no later\n"
                    ".TP\n.B \"\\-\\-never\"\n"
                    ".PP\nLast words.\n"
                    ".SH EXAMPLES\n.nf\ncorsac do\\-it a\\eb\n.fi\n"
                    ".SS group\n.TP\n.B \"\\-\\-more\"\n"
                    ".SH SEE ALSO\n.BR corsac (1)\n");
}

static const char *const MARKDOWN = "# Topic: what it is about\n"
                                    "\n"
                                    "Words with `code`,\n"
                                    "see [sync](sync.md).\n"
                                    "\n"
                                    "## A section\n"
                                    "\n"
                                    "- an item\n"
                                    "  of it\n"
                                    "\n"
                                    "```\n"
                                    "  .code\n"
                                    "```\n"
                                    "\n"
                                    "| a | b |\n"
                                    "|---|---|\n"
                                    "| c | d |\n";
static const char *const WORDS = "Words with \\fBcode\\fR,\nsee \\fBcorsac\\-sync\\fR(1).\n"
                                 ".SH A section\n"
                                 ".IP \\(bu 2\nan item\nof it\n"
                                 ".PP\n.RS 4\n.nf\n  .code\n.fi\n.RE\n"
                                 ".PP\n.TS\nlb lbx\nl lx.\na\tT{\nb\nT}\nc\tT{\nd\nT}\n.TE\n"
                                 ".SH SEE ALSO\n";

static void test_topic(void) {
  const struct man_page page = {.name = "topic", .summary = "what it is about", .markdown = MARKDOWN};
  check_page(&page, "corsac\\-topic \\- what it is about\n.SH DESCRIPTION\nWords");
  check_page(&page, WORDS);
}

static void test_both(void) {
  const struct man_page page = {"topic", "does it", "corsac topic\n\nHelp.\n", MARKDOWN};
  check_page(&page, ".SH DESCRIPTION\nHelp.\n.SH Topic: what it is about\nWords");
  check_page(&page, WORDS);
}

int main(void) {
  static const struct unit_case cases[] = {{"a command's help becomes man(7)", test_help},
                                           {"a topic's Markdown becomes man(7)", test_topic},
                                           {"a page may have a command and a topic", test_both}};
  return unit_run("man_page", cases, sizeof cases / sizeof *cases);
}
