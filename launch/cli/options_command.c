// corsac options: prints every option, or the default configuration as YAML.
#include "common/base/memory.h"
#include "common/config/options.h"
#include "launch/cli/arguments.h"
#include "launch/cli/command.h"

static enum status print_yaml(struct error *error) {
  struct config config;
  options_defaults(&config);
  const size_t size = options_format_yaml(&config, NULL, 0) + 1;
  char *text = memory_alloc(size, 1, "the configuration's text", error);
  if (!text) return STATUS_MEMORY;
  options_format_yaml(&config, text, size);
  fputs(text, stdout);
  memory_free(text);
  return STATUS_OK;
}

int command_options(int argc, char **argv) {
  struct error error = {0};
  bool yaml = false;
  const struct argument known[] = {{"yaml", &yaml, NULL}};
  if (arguments_parse(argc, argv, "options", known, sizeof known / sizeof *known, NULL, &error) != STATUS_OK)
    return command_fail(&error);
  if (!yaml) options_print_help(stdout, NULL);
  if (yaml && print_yaml(&error) != STATUS_OK) return command_fail(&error);
  return EXIT_DONE;
}
