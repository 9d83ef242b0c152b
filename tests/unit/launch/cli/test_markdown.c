#include "launch/cli/markdown.h"

#include "tests/support/unit.h"
#include <stdio.h>
#include <string.h>

static const char *const PAGE = "# Title\n"
                                "\n"
                                "A paragraph of\n"
                                "two lines:\n"
                                "```sh\n"
                                "# no heading\n"
                                "\n"
                                "- no item\n"
                                "```\n"
                                "- an item\n"
                                "  of two lines\n"
                                "12. another\n"
                                "\n"
                                "| a | b |\n"
                                "|---|---|\n"
                                "| c | d |\n"
                                "### Third level\n";

static bool is_text(const struct markdown_block *block, const char *text) {
  return block->length == strlen(text) && memcmp(block->text, text, block->length) == 0;
}

static void test_blocks(void) {
  static const struct {
    enum markdown_kind kind;
    const char *text;
    bool apart;
  } wanted[] = {{MARKDOWN_HEADING, "Title", false},
                {MARKDOWN_TEXT, "A paragraph of\ntwo lines:", true},
                {MARKDOWN_CODE, "# no heading\n\n- no item", false},
                {MARKDOWN_ITEM, "an item\n  of two lines", false},
                {MARKDOWN_ITEM, "another", false},
                {MARKDOWN_TABLE, "| a | b |\n|---|---|\n| c | d |", true},
                {MARKDOWN_HEADING, "Third level", false}};
  const char *page = PAGE;
  struct markdown_block block;
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    CU_ASSERT_TRUE_FATAL(markdown_next(&page, &block));
    CU_ASSERT_EQUAL(block.kind, wanted[i].kind);
    CU_ASSERT_EQUAL(block.apart, wanted[i].apart);
    CU_ASSERT_TRUE(is_text(&block, wanted[i].text));
  }
  CU_ASSERT_EQUAL(block.level, 3);
  CU_ASSERT_FALSE(markdown_next(&page, &block));
}

static void test_unfinished(void) {
  const char *page = "text\n```\ncode without an end";
  struct markdown_block block;
  CU_ASSERT_TRUE(markdown_next(&page, &block));
  CU_ASSERT_TRUE(markdown_next(&page, &block));
  CU_ASSERT_EQUAL(block.kind, MARKDOWN_CODE);
  CU_ASSERT_TRUE(is_text(&block, "code without an end"));
  CU_ASSERT_FALSE(markdown_next(&page, &block));
}

static void test_cells(void) {
  struct markdown_cell cells[MARKDOWN_CELLS];
  const char *row = "| `a` |  b \\| c |";
  CU_ASSERT_EQUAL_FATAL(markdown_cells(row, strlen(row), cells), 2);
  CU_ASSERT_EQUAL(cells[0].length, 3);
  CU_ASSERT_EQUAL(memcmp(cells[1].text, "b \\| c", cells[1].length), 0);
  CU_ASSERT_EQUAL(markdown_cells("|---|:-:|", 9, cells), 0);
}

// Each run as <style:text>.
static void put(void *writer, enum markdown_style style, const char *text, size_t length) {
  char *out = writer;
  sprintf(out + strlen(out), "<%c:%.*s>", "pmst"[style], (int)length, text);
}

static void check_runs(const char *text, const char *wanted) {
  char out[512] = "";
  markdown_runs(text, strlen(text), put, out);
  CU_ASSERT_STRING_EQUAL(out, wanted);
}

static void test_runs(void) {
  check_runs("plain", "<p:plain>");
  check_runs("a `b` **c**", "<p:a ><m:b><p: ><s:c>");
  check_runs("`a\nb`", "<m:a\nb>");
  check_runs("2 * 3 ` 4, **open", "<p:2 * 3 ` 4, **open>");
  check_runs("a \\* \\`b`", "<p:a ><p:* ><p:`b`>");
}

static void test_links(void) {
  check_runs("see [sync](sync.md).", "<p:see ><t:sync><p:.>");
  check_runs("[the page](sync.md)", "<p:the page><p: (><t:sync><p:)>");
  check_runs("[env.h](../../common/env/env.h)", "<p:env.h>");
  check_runs("[a](../x.md)", "<p:a>");
  check_runs("[a](https://b.c)", "<p:a><p: (><p:https://b.c><p:)>");
  check_runs("x[0](", "<p:x[0](>");
}

int main(void) {
  static const struct unit_case cases[] = {{"a page is read block by block", test_blocks},
                                           {"a fence that is never closed ends with the page", test_unfinished},
                                           {"a row is read cell by cell", test_cells},
                                           {"marks become styles, and stay where they have no end", test_runs},
                                           {"a link leads to another page of the manual", test_links}};
  return unit_run("markdown", cases, sizeof cases / sizeof *cases);
}
