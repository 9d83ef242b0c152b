// Reads the Markdown of launch/manual: headings, paragraphs, items, fenced code, tables; inside of them `code`,
// **strong** and [links](to). The two writers are terminal_page.c and man_page.c.
#ifndef CORSAC_LAUNCH_CLI_MARKDOWN_H
#define CORSAC_LAUNCH_CLI_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

enum markdown_kind { MARKDOWN_HEADING, MARKDOWN_TEXT, MARKDOWN_ITEM, MARKDOWN_CODE, MARKDOWN_TABLE };

// One block. The text points into the page, without the mark that makes the block what it is; it may have several
// lines, and ends without a newline.
struct markdown_block {
  enum markdown_kind kind;
  int level;     // of a heading: 1 to 6
  size_t indent; // blanks before the block
  size_t mark;   // of an item: the width of "- " or "12. "
  bool apart;    // a blank line stands before the block
  const char *text;
  size_t length;
};

// Takes the next block from *page, which moves on. False at the end of the page.
bool markdown_next(const char **page, struct markdown_block *block);

// The next line of a block's text, from *at on; false where none is left.
bool markdown_line(const struct markdown_block *block, const char **at, const char **line, size_t *length);

// The cells of a table's row; returns how many there are, at most MARKDOWN_CELLS. 0: the row is the rule |---|---|.
enum { MARKDOWN_CELLS = 8 };
struct markdown_cell {
  const char *text;
  size_t length;
};
size_t markdown_cells(const char *row, size_t length, struct markdown_cell cells[MARKDOWN_CELLS]);

// A run of text in one style. MARKDOWN_TOPIC is the name of another page, which [text](NAME.md) links to.
enum markdown_style { MARKDOWN_PLAIN, MARKDOWN_MONOSPACE, MARKDOWN_STRONG, MARKDOWN_TOPIC };
typedef void markdown_put(void *writer, enum markdown_style style, const char *text, size_t length);

// Gives the text's runs to `put`, one after another. A mark without its end is plain text.
void markdown_runs(const char *text, size_t length, markdown_put *put, void *writer);

#endif
