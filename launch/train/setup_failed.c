// Starts that never begin: what becomes of their run directory.
#include "launch/train/setup.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "launch/train/setup_impl.h"
#include "learner/run/run_status.h"

#include <string.h>
#include <unistd.h>

bool setup_is_run(const char *directory) {
  static const char *const names[] = {"config.yaml", "status.json"};
  char path[FILE_PATH];
  for (size_t i = 0; i < sizeof names / sizeof *names && directory[0]; i++)
    if (file_join(path, directory, names[i], NULL) == STATUS_OK && file_allows(path, F_OK)) return true;
  return false;
}

// Writes status.json. steps, updates, checkpoint: what the run had reached before this start.
static void write_status(struct run_directory *run, int exit_code, const char *reason, uint64_t steps, uint64_t updates,
                         const char *checkpoint) {
  const struct run_status status = {.state = exit_code == EXIT_STOPPED ? "stopped" : "failed",
                                    .exit_code = exit_code,
                                    .reason = reason,
                                    .env_steps = steps,
                                    .updates = updates,
                                    .checkpoint = checkpoint};
  struct error error = {0};
  if (run_directory_write_status(run, &status, &error) != STATUS_OK) log_warn("%s", error.text);
}

void setup_abandon(struct setup *setup, int exit_code, const char *reason) {
  log_close();
  if (setup->in_place || setup->begins_again) {
    write_status(setup->run, exit_code, reason, setup->steps, setup->updates, setup_checkpoint_name(setup));
    run_directory_close(setup->run);
  } else {
    run_directory_discard(setup->run);
    setup->run = setup->automatic ? run_directory_create(setup->config.run_dir, NULL) : NULL;
    if (setup->run) write_status(setup->run, exit_code, reason, 0, 0, "");
    run_directory_close(setup->run);
  }
  setup->run = NULL;
}

// The value of "--name VALUE" or "--name=VALUE"; the other arguments may be wrong. "": not given.
static const char *find_argument(int argc, char **argv, const char *name) {
  const size_t length = strlen(name);
  const char *value = "";
  for (int i = 0; i < argc; i++)
    if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
      value = argv[i] + length + 1;
    else if (strcmp(argv[i], name) == 0 && i + 1 < argc)
      value = argv[i + 1];
  return value;
}

void setup_refuse(int argc, char **argv, int exit_code, const char *reason) {
  const char *resume = find_argument(argc, argv, "--resume");
  const bool automatic = strcmp(resume, "auto") == 0;
  const char *directory = automatic ? find_argument(argc, argv, "--run-dir") : resume;
  struct run_directory *run = NULL;
  if (setup_is_run(directory))
    run = run_directory_open(directory, NULL);
  else if (automatic && directory[0])
    run = run_directory_create(directory, NULL); // fails where other files are
  if (!run) return;
  const struct run_last_status *before = run_directory_before(run);
  write_status(run, exit_code, reason, before->env_steps, before->updates, before->checkpoint);
  run_directory_close(run);
}
