// corsac report: one page about runs that stands alone.
#include "common/base/file.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/runs/report_page.h"
#include "learner/storage/atomic_file.h"

#include <stdlib.h>
#include <string.h>

static enum status write_report(const struct run_set *runs, const char *output, struct error *error) {
  char *text = NULL;
  size_t size = 0;
  FILE *page = open_memstream(&text, &size);
  if (!page) return error_set(error, STATUS_MEMORY, "report: no memory for the page");
  enum status status = report_page_write(runs, page, error);
  if (fclose(page) != 0 && status == STATUS_OK) status = error_set(error, STATUS_MEMORY, "report: no memory");
  if (status == STATUS_OK) status = atomic_file_write(output, text, size, true, error);
  free(text);
  return status;
}

// Without -o the page is report.html in the run's directory; of several runs, in the working directory.
int command_report(int argc, char **argv) {
  struct error error = {0};
  struct run_set runs = {0};
  const char *output = NULL, *paths[RUN_SET_MAX];
  char own_output[FILE_PATH] = "report.html";
  struct operands operands = {.values = paths, .limit = RUN_SET_MAX};
  const struct argument known[] = {{"o", NULL, &output}, {"output", NULL, &output}};
  enum status status = arguments_parse_many(argc, argv, "report", known, 2, &operands, &error);
  if (status == STATUS_OK) status = run_set_read("report", paths, operands.count, true, &runs, &error);
  if (status == STATUS_OK && !output) {
    if (runs.count == 1) status = file_join(own_output, runs.run[0].path, "report.html", &error);
    output = own_output;
  }
  if (status == STATUS_OK) status = write_report(&runs, output, &error);
  if (status == STATUS_OK) printf("%s\n", output);
  run_set_release(&runs);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
