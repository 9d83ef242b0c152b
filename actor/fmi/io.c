#include "actor/fmi/io.h"

#include "common/base/memory.h"
#include "common/base/random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- lists ---

// A string, which only `start` may have, is set by itself.
static bool is_number(const struct task_entry *entry) { return entry->variable->type < FMI_NUMBERS; }

static size_t count_numbers(const struct task_list *list) {
  size_t size = 0;
  for (size_t i = 0; i < list->count; i++) size += is_number(&list->entries[i]) ? list->entries[i].variable->count : 0;
  return size;
}

static enum status init_list(struct fmi_vector *vector, double **values, const struct task_list *list, int version,
                             struct error *error) {
  const struct fmi_variable **variables = calloc(list->count + 1, sizeof *variables);
  if (!variables) return error_set(error, STATUS_MEMORY, "not enough memory for the variables of an FMU");
  size_t count = 0;
  for (size_t i = 0; i < list->count; i++)
    if (is_number(&list->entries[i])) variables[count++] = list->entries[i].variable;
  const enum status status = fmi_vector_init(vector, variables, count, version, error);
  free(variables);
  if (status != STATUS_OK) return status;
  *values = memory_alloc(vector->size, sizeof **values, "the variables of an FMU", error);
  return *values ? STATUS_OK : STATUS_MEMORY;
}

// Fills one value for each element of each variable, in order: low or high.
static void spread(const struct task_list *list, bool high, double *values) {
  for (size_t i = 0; i < list->count; i++)
    for (uint32_t k = 0; is_number(&list->entries[i]) && k < list->entries[i].variable->count; k++)
      *values++ = high ? list->entries[i].high : list->entries[i].low;
}

// --- what is read ---

// Reads this variable, too. Returns where its value or values will stand, or NULL where there is no room.
static double *add_read(struct fmi_io *io, const struct fmi_variable *variable) {
  size_t place = 0;
  for (size_t i = 0; i < io->variables_count; i++) {
    if (io->variables[i] == variable) return &io->read[place];
    place += io->variables[i]->count;
  }
  if (io->reads_capacity - io->reads_size < variable->count) return NULL;
  io->variables[io->variables_count++] = variable;
  io->reads_size += variable->count;
  return &io->read[place];
}

// The array and the element (from 1 on) that "x[3]" names, or NULL.
static const struct fmi_variable *find_element(const struct fmi_io *io, const char *name, uint32_t *element) {
  char array[256], *end;
  const char *bracket = strrchr(name, '[');
  if (!bracket || (size_t)(bracket - name) >= sizeof array) return NULL;
  memcpy(array, name, (size_t)(bracket - name));
  array[bracket - name] = 0;
  const unsigned long index = strtoul(bracket + 1, &end, 10);
  const struct fmi_variable *found = task_find(&io->fmu->task, &io->fmu->description, array);
  if (strcmp(end, "]") != 0 || !found || index < 1 || index > found->count) return NULL;
  *element = (uint32_t)index - 1;
  return found;
}

static double *find_term(const char *name, void *who) {
  struct fmi_io *io = who;
  uint32_t element = 0;
  const struct fmi_variable *variable = task_find(&io->fmu->task, &io->fmu->description, name);
  if (strcmp(name, "time") == 0 && (!variable || variable->causality == FMI_INDEPENDENT)) return &io->time;
  if (variable && variable->count != 1) return NULL;
  if (!variable) variable = find_element(io, name, &element);
  if (!variable || variable->type >= FMI_NUMBERS) return NULL;
  double *values = add_read(io, variable);
  return values ? values + element : NULL;
}

static enum status init_expression(struct fmi_io *io, const char *key, const char *text, size_t line,
                                   struct expression **expression, struct error *error) {
  struct error own = {0};
  if (!text) return STATUS_OK;
  *expression = expression_create(text, find_term, io, &own);
  if (*expression) return STATUS_OK;
  if (line == 0) return error_set(error, own.status, "%s: %s: %s", io->fmu->name, key, own.text);
  return error_set(error, own.status, "%s:%zu: %s: %s", io->fmu->task_path, line, key, own.text);
}

// A list may name a variable twice: an observation that is an info as well. Then it is read twice.
static void add_list(struct fmi_io *io, const struct task_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    io->variables[io->variables_count++] = list->entries[i].variable;
    io->reads_size += list->entries[i].variable->count;
  }
}

static enum status init_reads(struct fmi_io *io, struct error *error) {
  const struct task *task = &io->fmu->task;
  io->obs_size = count_numbers(&task->observations);
  io->reads_capacity = io->obs_size + count_numbers(&task->info) + IO_MOST_TERMS;
  io->read = memory_alloc(io->reads_capacity, sizeof *io->read, "the variables of an FMU", error);
  io->variables = memory_alloc(io->reads_capacity, sizeof *io->variables, "the variables of an FMU", error);
  io->info_names = memory_alloc(task->info.count, sizeof *io->info_names, "the variables of an FMU", error);
  if (!io->read || !io->variables || !io->info_names) return STATUS_MEMORY;
  for (size_t i = 0; i < task->info.count; i++) {
    io->info_names[i] = task->info.entries[i].name;
    if (task->info.entries[i].variable->count != 1)
      return error_set(error, STATUS_USAGE, "%s:%zu: info: %s is an array; it has to be one number", io->fmu->task_path,
                       task->info.entries[i].line, task->info.entries[i].name);
  }
  add_list(io, &task->observations);
  add_list(io, &task->info);
  enum status status = init_expression(io, "reward", task->reward, task->reward_line, &io->reward, error);
  if (status == STATUS_OK)
    status = init_expression(io, "terminated", task->terminated, task->terminated_line, &io->terminated, error);
  if (status != STATUS_OK) return status;
  return fmi_vector_init(&io->reads, io->variables, io->variables_count, io->fmu->description.version, error);
}

// --- the whole ---

enum status fmi_io_init(struct fmi_io *io, const struct fmu *fmu, struct error *error) {
  const struct task *task = &fmu->task;
  const int version = fmu->description.version;
  *io = (struct fmi_io){.fmu = fmu};
  enum status status = init_list(&io->actions, &io->action, &task->actions, version, error);
  if (status == STATUS_OK) status = init_list(&io->start, &io->started, &task->start, version, error);
  if (status == STATUS_OK) status = init_list(&io->vary, &io->varied, &task->vary, version, error);
  if (status == STATUS_OK) status = init_reads(io, error);
  if (status != STATUS_OK) return status;
  io->low = memory_alloc(io->actions.size, sizeof *io->low, "the actions of an FMU", error);
  io->high = memory_alloc(io->actions.size, sizeof *io->high, "the actions of an FMU", error);
  if (!io->low || !io->high) return STATUS_MEMORY;
  spread(&task->actions, false, io->low);
  spread(&task->actions, true, io->high);
  spread(&task->start, false, io->started);
  return STATUS_OK;
}

void fmi_io_release(struct fmi_io *io) {
  fmi_vector_release(&io->actions);
  fmi_vector_release(&io->reads);
  fmi_vector_release(&io->start);
  fmi_vector_release(&io->vary);
  expression_destroy(io->reward);
  expression_destroy(io->terminated);
  memory_free(io->action);
  memory_free(io->read);
  memory_free(io->started);
  memory_free(io->varied);
  memory_free(io->variables);
  memory_free(io->low);
  memory_free(io->high);
  memory_free(io->info_names);
  *io = (struct fmi_io){0};
}

void fmi_io_draw(struct fmi_io *io, uint64_t seed) {
  const struct task_list *vary = &io->fmu->task.vary;
  size_t place = 0;
  for (size_t i = 0; i < vary->count; i++) {
    const struct task_entry *entry = &vary->entries[i];
    const bool whole = !fmi_type_is_float(entry->variable->type);
    struct random random = random_stream(seed, RANDOM_RESET, (uint32_t)i, 0);
    for (uint32_t k = 0; k < entry->variable->count; k++) {
      const double u = random_uniform(&random);
      io->varied[place++] =
          whole ? floor(entry->low + u * (entry->high - entry->low + 1)) : entry->low + u * (entry->high - entry->low);
    }
  }
}
