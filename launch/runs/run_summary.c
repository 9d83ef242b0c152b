#include "launch/runs/run_summary.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "learner/storage/checkpoint_head.h"
#include "learner/run/run_directory.h"
#include "learner/storage/checkpoint_list.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Opens a file of the run. A run may lack its status and its log; a warning names what else stands in their place.
static FILE *open_or_warn(const char *path) {
  struct error error = {0};
  FILE *file = file_read_plain(path, &error);
  if (!file && errno != ENOENT) log_warn("%s", error.text);
  return file;
}

static void read_status(const char *directory, struct run_summary *summary) {
  struct run_last_status last;
  char path[FILE_PATH];
  FILE *file = file_join(path, directory, "status.json", NULL) == STATUS_OK ? open_or_warn(path) : NULL;
  if (file) fclose(file);
  run_last_status_read(directory, &last);
  if (last.state != RUN_UNKNOWN) snprintf(summary->state, sizeof summary->state, "%s", run_state_name(last.state));
  if (last.state == RUN_DIED || last.state == RUN_SILENT)
    run_last_status_format(&last, summary->reason, sizeof summary->reason);
  else
    printable_copy(summary->reason, sizeof summary->reason, last.reason);
  printable_copy(summary->host, sizeof summary->host, last.host);
  printable_copy(summary->updated, sizeof summary->updated, last.updated);
  summary->actors_lost = last.actors_lost;
  summary->surplus = last.surplus;
  summary->unsent = last.unsent;
  summary->lost_at_most = last.lost_at_most;
}

static void take_note(struct run_summary *summary, const char *line) {
  if (summary->notes == RUN_SUMMARY_NOTES) {
    memmove(summary->note[0], summary->note[1], sizeof summary->note - sizeof summary->note[0]);
    summary->notes--;
  }
  printable_copy(summary->note[summary->notes++], RUN_SUMMARY_TEXT, line);
}

// Takes one line of the log: "HH:MM:SS.mmm rank level message".
static void take_line(struct run_summary *summary, char *line) {
  int rank, at = 0;
  char level[8];
  line[strcspn(line, "\n")] = '\0';
  if (sscanf(line, "%*d:%*d:%*d.%*d %d %7s %n", &rank, level, &at) != 2 || at == 0) return;
  const char *message = line + at;
  if (strcmp(level, "warn") == 0) summary->warnings++;
  if (strcmp(level, "error") == 0) summary->errors++;
  if (strcmp(level, "warn") == 0 || strcmp(level, "error") == 0) take_note(summary, line);
  if (strcmp(level, "info") != 0) return;
  summary->resumes += strncmp(message, "resumed from ", 13) == 0;
  if (strncmp(message, "corsac ", 7) != 0) return;
  summary->starts++;
  printable_copy(summary->start, sizeof summary->start, message);
}

static void read_log(const char *directory, struct run_summary *summary) {
  char path[FILE_PATH], *line = NULL;
  size_t capacity = 0;
  struct error error = {0};
  if (file_join(path, directory, "log.txt", &error) != STATUS_OK) return;
  FILE *file = open_or_warn(path);
  if (!file) return;
  while (getline(&line, &capacity, file) > 0) take_line(summary, line);
  free(line);
  fclose(file);
}

static void take_file(const char *directory, const char *name, struct run_summary *summary) {
  char path[FILE_PATH];
  struct stat info;
  struct checkpoint_info head = {0};
  struct error error = {0};
  if (summary->files == RUN_SUMMARY_CHECKPOINTS || file_join(path, directory, name, &error) != STATUS_OK ||
      file_stat(path, &info) != 0)
    return;
  struct run_summary_file *file = &summary->file[summary->files++];
  *file = (struct run_summary_file){.bytes = (uint64_t)info.st_size};
  snprintf(file->name, sizeof file->name, "%s", name);
  if (checkpoint_read_info(path, &head, &error) == STATUS_OK) {
    file->steps = head.env_steps;
    snprintf(file->created, sizeof file->created, "%s", head.created);
  } else {
    snprintf(file->problem, sizeof file->problem, "%.*s", RUN_SUMMARY_TEXT - 1, error.text);
  }
  checkpoint_info_release(&head);
}

static enum status read_checkpoints(const char *directory, struct run_summary *summary, struct error *error) {
  uint64_t steps[RUN_SUMMARY_CHECKPOINTS - 1];
  const int count = checkpoint_list(directory, steps, RUN_SUMMARY_CHECKPOINTS - 1, error);
  if (count < 0) return STATUS_IO;
  summary->checkpoints = (uint64_t)count;
  for (int i = 0; i < count && i < RUN_SUMMARY_CHECKPOINTS - 1; i++) {
    char name[CHECKPOINT_NAME];
    checkpoint_list_name(steps[i], name);
    take_file(directory, name, summary);
  }
  take_file(directory, "best.h5", summary);
  return STATUS_OK;
}

static void read_metrics(const struct metrics_table *table, struct run_summary *summary) {
  const double *failures = metrics_table_find(table, "env_failures"),
               *evaluation = metrics_table_find(table, "eval_return_mean"),
               *taken = metrics_table_find(table, "eval_steps"), *steps = metrics_table_find(table, "env_steps");
  summary->last_evaluation = summary->best_evaluation = summary->best_steps = NAN;
  for (size_t r = 0; r < table->rows; r++) {
    if (failures && isfinite(failures[r])) summary->env_failures += failures[r];
    if (!evaluation || !isfinite(evaluation[r])) continue;
    summary->last_evaluation = evaluation[r];
    if (evaluation[r] <= summary->best_evaluation) continue; // also where it is NaN
    summary->best_evaluation = evaluation[r];
    summary->best_steps = taken && isfinite(taken[r]) ? taken[r] : steps ? steps[r] : NAN;
  }
}

enum status run_summary_read(const struct run *run, struct run_summary *summary, struct error *error) {
  *summary = (struct run_summary){0};
  read_status(run->path, summary);
  read_log(run->path, summary);
  read_metrics(&run->metrics, summary);
  return read_checkpoints(run->path, summary, error);
}
