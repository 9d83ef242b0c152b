// corsac plot: learning curves, or a sheet of all that training measured, drawn by gnuplot.
#include "common/base/file.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"
#include "launch/runs/gnuplot.h"
#include "launch/runs/plot_script.h"
#include "launch/runs/run_set.h"

#include <stdlib.h>
#include <string.h>

// Finds the format in the end of the name.
static enum status format_of(const char *output, const char **format, struct error *error) {
  static const char *const formats[] = {"png", "svg", "pdf"};
  const char *dot = strrchr(output, '.');
  for (size_t i = 0; i < 3; i++)
    if (dot && strcmp(dot + 1, formats[i]) == 0) {
      *format = formats[i];
      return STATUS_OK;
    }
  return error_set(error, STATUS_USAGE,
                   "plot: %.500s: the name has to end in .png, .svg or .pdf, which says the format", output);
}

static enum status draw(struct plot_request *request, const char *output, struct error *error) {
  char *script = NULL;
  size_t size = 0;
  enum status status = format_of(output, &request->format, error);
  if (status != STATUS_OK) return status;
  FILE *stream = open_memstream(&script, &size);
  if (!stream) return error_set(error, STATUS_MEMORY, "plot: no memory for gnuplot's script");
  status = plot_script_write(request, stream, error);
  if (fclose(stream) != 0 && status == STATUS_OK) status = error_set(error, STATUS_MEMORY, "plot: no memory");
  if (status == STATUS_OK) status = gnuplot_draw(script, size, output, error);
  free(script);
  return status;
}

// Without -o the picture is plot.png or sheet.png in the run's directory; of several runs, in the working directory.
static enum status output_of(const struct run_set *runs, bool sheet, char *output, struct error *error) {
  const char *name = sheet ? "sheet.png" : "plot.png";
  if (runs->count == 1) return file_join(output, runs->run[0].path, name, error);
  snprintf(output, FILE_PATH, "%s", name);
  return STATUS_OK;
}

int command_plot(int argc, char **argv) {
  struct error error = {0};
  struct run_set runs = {0};
  struct plot_request request = {0};
  const char *output = NULL, *paths[RUN_SET_MAX];
  char own_output[FILE_PATH];
  struct operands operands = {.values = paths, .limit = RUN_SET_MAX};
  const struct argument known[] = {
      {"o", NULL, &output}, {"output", NULL, &output}, {"time", &request.time, NULL}, {"sheet", &request.sheet, NULL}};
  enum status status = arguments_parse_many(argc, argv, "plot", known, sizeof known / sizeof *known, &operands, &error);
  if (status == STATUS_OK) status = run_set_read("plot", paths, operands.count, false, &runs, &error);
  if (status == STATUS_OK && !output) {
    status = output_of(&runs, request.sheet, own_output, &error);
    output = own_output;
  }
  if (status == STATUS_OK) {
    request.runs = &runs;
    status = draw(&request, output, &error);
  }
  if (status == STATUS_OK) printf("%s\n", output);
  run_set_release(&runs);
  return status == STATUS_OK ? EXIT_DONE : command_fail(&error);
}
