#include "launch/runs/run_summary.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/printable.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/run/run_directory.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// A run goes without its status and log; what stands in their place is named.
static FILE *read_or_say(const char *path) {
  struct error error = {0};
  FILE *file = file_read_plain(path, &error);
  if (!file && errno != ENOENT) log_warn("%s", error.text);
  return file;
}

static void read_status(const char *directory, struct run_facts *facts) {
  struct run_word word;
  char path[RUN_PATH];
  FILE *file = run_path(path, directory, "status.json", NULL) == STATUS_OK ? read_or_say(path) : NULL;
  if (file) fclose(file);
  run_word_read(directory, &word);
  if (word.state != RUN_UNKNOWN) snprintf(facts->state, sizeof facts->state, "%s", run_state_name(word.state));
  if (word.state == RUN_DIED || word.state == RUN_SILENT)
    run_word_format(&word, facts->reason, sizeof facts->reason);
  else
    printable_copy(facts->reason, sizeof facts->reason, word.reason);
  printable_copy(facts->host, sizeof facts->host, word.host);
  printable_copy(facts->updated, sizeof facts->updated, word.updated);
  facts->actors_lost = word.actors_lost;
  facts->surplus = word.surplus;
  facts->unsent = word.unsent;
  facts->lost_at_most = word.lost_at_most;
}

static void take_note(struct run_facts *facts, const char *line) {
  if (facts->notes == RUN_FACTS_NOTES) {
    memmove(facts->note[0], facts->note[1], sizeof facts->note - sizeof facts->note[0]);
    facts->notes--;
  }
  printable_copy(facts->note[facts->notes++], RUN_FACTS_TEXT, line);
}

// "HH:MM:SS.mmm rank level message"
static void take_line(struct run_facts *facts, char *line) {
  int rank, at = 0;
  char level[8];
  line[strcspn(line, "\n")] = '\0';
  if (sscanf(line, "%*d:%*d:%*d.%*d %d %7s %n", &rank, level, &at) != 2 || at == 0) return;
  const char *message = line + at;
  if (strcmp(level, "warn") == 0) facts->warnings++;
  if (strcmp(level, "error") == 0) facts->errors++;
  if (strcmp(level, "warn") == 0 || strcmp(level, "error") == 0) take_note(facts, line);
  if (strcmp(level, "info") != 0) return;
  facts->resumes += strncmp(message, "resumed from ", 13) == 0;
  if (strncmp(message, "corsac ", 7) != 0) return;
  facts->starts++;
  printable_copy(facts->start, sizeof facts->start, message);
}

static void read_log(const char *directory, struct run_facts *facts) {
  char path[RUN_PATH], *line = NULL;
  size_t capacity = 0;
  struct error error = {0};
  if (run_path(path, directory, "log.txt", &error) != STATUS_OK) return;
  FILE *file = read_or_say(path);
  if (!file) return;
  while (getline(&line, &capacity, file) > 0) take_line(facts, line);
  free(line);
  fclose(file);
}

static void take_file(const char *directory, const char *name, struct run_facts *facts) {
  char path[RUN_PATH];
  struct stat info;
  struct checkpoint_info head = {0};
  struct error error = {0};
  if (facts->files == RUN_FACTS_CHECKPOINTS || run_path(path, directory, name, &error) != STATUS_OK ||
      file_stat(path, &info) != 0)
    return;
  struct run_fact_file *file = &facts->file[facts->files++];
  *file = (struct run_fact_file){.bytes = (uint64_t)info.st_size};
  snprintf(file->name, sizeof file->name, "%s", name);
  if (checkpoint_read_info(path, &head, &error) == STATUS_OK) {
    file->steps = head.env_steps;
    snprintf(file->created, sizeof file->created, "%s", head.created);
  } else {
    snprintf(file->problem, sizeof file->problem, "%.*s", RUN_FACTS_TEXT - 1, error.text);
  }
  checkpoint_info_release(&head);
}

static enum status read_checkpoints(const char *directory, struct run_facts *facts, struct error *error) {
  uint64_t steps[RUN_FACTS_CHECKPOINTS - 1];
  const int count = run_checkpoints(directory, steps, RUN_FACTS_CHECKPOINTS - 1, error);
  if (count < 0) return STATUS_IO;
  facts->checkpoints = (uint64_t)count;
  for (int i = 0; i < count && i < RUN_FACTS_CHECKPOINTS - 1; i++) {
    char name[64];
    snprintf(name, sizeof name, "ckpt-%llu.h5", (unsigned long long)steps[i]);
    take_file(directory, name, facts);
  }
  take_file(directory, "best.h5", facts);
  return STATUS_OK;
}

static void read_metrics(const struct metrics_table *table, struct run_facts *facts) {
  const double *failures = metrics_table_find(table, "env_failures"),
               *evaluation = metrics_table_find(table, "eval_return_mean"),
               *steps = metrics_table_find(table, "env_steps");
  facts->last_evaluation = facts->best_evaluation = facts->best_steps = NAN;
  for (size_t r = 0; r < table->rows; r++) {
    if (failures && isfinite(failures[r])) facts->env_failures += failures[r];
    if (!evaluation || !isfinite(evaluation[r])) continue;
    facts->last_evaluation = evaluation[r];
    if (evaluation[r] <= facts->best_evaluation) continue; // also where it is NaN
    facts->best_evaluation = evaluation[r];
    facts->best_steps = steps ? steps[r] : NAN;
  }
}

enum status run_facts_read(const struct run_record *record, struct run_facts *facts, struct error *error) {
  *facts = (struct run_facts){0};
  read_status(record->path, facts);
  read_log(record->path, facts);
  read_metrics(&record->metrics, facts);
  return read_checkpoints(record->path, facts, error);
}
