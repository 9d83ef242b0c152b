#include "launch/policy/trace.h"

#include "common/base/file.h"
#include "common/nn/networks.h"
#include "launch/policy/explain_math.h"
#include "launch/policy/output_file.h"
#include "learner/storage/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum status trace_check(const char *path, struct error *error) {
  return output_file_check("--trace", path, (const char *const[]){".csv", ".h5"}, error);
}

enum status trace_open(struct trace *trace, const char *path, const char *file, const struct checkpoint_info *info,
                       const struct config *config, const struct policy_weights *weights, struct error *error) {
  const char *what = "the trace";
  *trace = (struct trace){.path = path, .csv = output_file_is(path, ".csv")};
  const enum status status = reference_networks_read(&trace->reference, file, info, config, weights, error);
  if (status != STATUS_OK) return status;
  const uint32_t dim = info->act_dim, critics = trace->reference.critics;
  trace->history = history_of(config, info->obs_dim, dim);
  trace_table_init(&trace->table, info->obs_dim, dim, critics);
  trace->head = memory_alloc(2 * (size_t)dim, sizeof(double), what, error);
  trace->action = memory_alloc(dim, sizeof(double), what, error);
  trace->q = memory_alloc(critics, sizeof(double), what, error);
  trace->sample = memory_alloc(dim, sizeof *trace->sample, what, error);
  return trace->head && trace->action && trace->q && trace->sample ? STATUS_OK : STATUS_MEMORY;
}

void trace_name_info(struct trace *trace, uint32_t info_dim, char names[][WIRE_INFO_NAME]) {
  trace->table.width[TRACE_INFO] = info_dim;
  memcpy(trace->info_name, names, info_dim * sizeof *names);
}

enum status trace_use_agents(struct trace *trace, uint32_t agents, struct error *error) {
  if (agents > 1) trace->table.width[TRACE_AGENT] = 1;
  if (trace->history.length == 1) return STATUS_OK;
  const size_t width = history_width(&trace->history), size = width + trace->history.act_dim;
  trace->agents = agents;
  trace->past = memory_alloc(agents, sizeof *trace->past, "the trace", error);
  trace->memory = memory_alloc(agents * size, sizeof(float), "the trace", error);
  if (!trace->past || !trace->memory) return STATUS_MEMORY;
  for (uint32_t j = 0; j < agents; j++) {
    float *input = trace->memory + j * size;
    trace->past[j] = (struct trace_past){.ended = true, .input = input, .action = input + width};
  }
  return STATUS_OK;
}

// What the policy saw. An agent that comes in the middle of an episode begins anew.
static const float *input_of(struct trace *trace, const struct evaluator_transition *made) {
  if (trace->history.length == 1) return made->obs;
  struct trace_past *past = &trace->past[made->agent];
  if (!past->ended && past->episode == made->episode && past->next == made->step)
    history_push(&trace->history, past->input, past->action, made->obs);
  else
    history_reset(&trace->history, past->input, made->obs);
  memcpy(past->action, made->action, trace->history.act_dim * sizeof *past->action);
  past->episode = made->episode;
  past->next = made->step + 1;
  past->ended = made->flags != 0;
  return past->input;
}

void trace_end_episode(struct trace *trace) { trace->episode_rows = trace->table.rows; }

void trace_release(struct trace *trace) {
  reference_networks_release(&trace->reference);
  trace_table_release(&trace->table);
  memory_free(trace->past);
  memory_free(trace->memory);
  memory_free(trace->head);
  memory_free(trace->action);
  memory_free(trace->q);
  memory_free(trace->sample);
  *trace = (struct trace){0};
}

enum status trace_add(struct trace *trace, const struct evaluator_transition *made, bool last, struct error *error) {
  if (!made) {
    trace_table_cut(&trace->table, trace->episode_rows);
    for (uint32_t j = 0; j < trace->agents; j++) trace->past[j].ended = true;
    return STATUS_OK;
  }
  if (trace->past && made->agent >= trace->agents)
    return error_set(error, STATUS_PEER, "a step is of agent %u, but the environment has %u", made->agent,
                     trace->agents);
  struct reference_networks *reference = &trace->reference;
  const uint32_t dim = reference->act_dim;
  reference_networks_observe(reference, input_of(trace, made));
  reference_networks_head(reference, trace->head);
  for (uint32_t i = 0; i < dim; i++) trace->action[i] = (double)made->eps[i];
  const double log_probability = explain_sample(&reference->form, dim, trace->head, trace->action, trace->sample);
  for (uint32_t i = 0; i < dim; i++) trace->action[i] = (double)made->action[i];
  for (uint32_t k = 0; k < reference->critics; k++) trace->q[k] = reference_networks_q(reference, k, trace->action);
  const uint8_t terminated = (made->flags & CORSAC_TERMINATED) != 0, truncated = made->flags && !terminated;
  double info[WIRE_INFO];
  for (uint32_t i = 0; i < trace->table.width[TRACE_INFO]; i++)
    info[i] = made->info[i] <= WIRE_NO_VALUE ? NAN : made->info[i];
  const void *const row[TRACE_COLUMNS] = {[TRACE_EPISODE] = &made->episode,
                                          [TRACE_STEP] = &made->step,
                                          [TRACE_AGENT] = &made->agent,
                                          [TRACE_OBS] = made->obs,
                                          [TRACE_ACTION] = made->scaled,
                                          [TRACE_REWARD] = &made->reward,
                                          [TRACE_NEXT_OBS] = made->next_obs,
                                          [TRACE_TERMINATED] = &terminated,
                                          [TRACE_TRUNCATED] = &truncated,
                                          [TRACE_LOG_PROBABILITY] = &log_probability,
                                          [TRACE_Q] = trace->q,
                                          [TRACE_INFO] = info};
  const enum status status = trace_table_add(&trace->table, row, error);
  if (last) trace->episode_rows = trace->table.rows;
  return status;
}

// --- CSV: a row for each step, with so many digits that every number reads back to the same bits ---

static void print_names(FILE *file, const struct trace *trace) {
  const struct trace_table *table = &trace->table;
  const char *comma = "";
  for (int c = 0; c < TRACE_COLUMNS; c++) {
    if (c == TRACE_NEXT_OBS) continue; // the next row, or the agent's next one, has it
    const bool numbered = c == TRACE_OBS || c == TRACE_ACTION || c == TRACE_Q;
    for (uint32_t i = 0; i < table->width[c]; i++, comma = ",") {
      fprintf(file, "%s%s", comma, trace_column_name((enum trace_column)c));
      if (numbered) fprintf(file, "_%u", i);
      if (c == TRACE_INFO) fprintf(file, "_%s", trace->info_name[i]);
    }
  }
  fputc('\n', file);
}

static void print_cell(FILE *file, int column, const struct buffer *values, uint64_t at) {
  float f;
  double d;
  uint32_t u;
  switch (column) {
  case TRACE_EPISODE:
  case TRACE_AGENT:
  case TRACE_STEP: memcpy(&u, values->data + at * sizeof u, sizeof u), fprintf(file, "%u", u); return;
  case TRACE_TERMINATED:
  case TRACE_TRUNCATED: fprintf(file, "%u", values->data[at]); return;
  case TRACE_OBS:
  case TRACE_ACTION: memcpy(&f, values->data + at * sizeof f, sizeof f), fprintf(file, "%.9g", (double)f); return;
  default:
    memcpy(&d, values->data + at * sizeof d, sizeof d);
    if (!isnan(d)) fprintf(file, "%.17g", d); // a named value that was not given is an empty cell
  }
}

static void print_row(FILE *file, const struct trace_table *table, uint64_t row) {
  const char *comma = "";
  for (int c = 0; c < TRACE_COLUMNS; c++) {
    for (uint32_t i = 0; i < table->width[c] && c != TRACE_NEXT_OBS; i++, comma = ",") {
      fputs(comma, file);
      print_cell(file, c, &table->column[c], row * table->width[c] + i);
    }
  }
  fputc('\n', file);
}

enum status trace_write(const struct trace *trace, const char *env, const char *checkpoint, struct error *error) {
  if (!trace->csv) return trace_table_write(&trace->table, trace->path, env, checkpoint, error);
  char temporary[ATOMIC_FILE_PATH];
  const enum status status = atomic_file_begin(trace->path, temporary, error);
  if (status != STATUS_OK) return status;
  const int descriptor = file_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
  if (!file) return error_set(error, STATUS_IO, "%s: cannot be written: %s", temporary, strerror(errno));
  print_names(file, trace);
  for (uint64_t row = 0; row < trace->table.rows; row++) print_row(file, &trace->table, row);
  const bool failed = ferror(file) != 0;
  if (fclose(file) == 0 && !failed) return atomic_file_replace(temporary, trace->path, error);
  error_set(error, STATUS_IO, "%s: cannot be written: %s", temporary, strerror(errno));
  file_unlink(temporary);
  return STATUS_IO;
}
