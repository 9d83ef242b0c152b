#include "actor/fmi/library.h"
#include "actor/fmi/slave_impl.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_good(int status) { return status == FMI_OK || status == FMI_WARNING; }

static enum status load(struct slave *slave, const char *file, struct error *error) {
  struct fmi2_functions *f = &slave->fmi2;
  const bool no_state = !slave->description->can_save;
  const struct library_function functions[] = {{"fmi2Instantiate", &f->instantiate, false},
                                               {"fmi2FreeInstance", &f->free_instance, false},
                                               {"fmi2SetupExperiment", &f->setup, false},
                                               {"fmi2EnterInitializationMode", &f->enter_initialization, false},
                                               {"fmi2ExitInitializationMode", &f->exit_initialization, false},
                                               {"fmi2Terminate", &f->terminate, false},
                                               {"fmi2Reset", &f->reset, false},
                                               {"fmi2DoStep", &f->do_step, false},
                                               {"fmi2GetBooleanStatus", &f->get_boolean_status, true},
                                               {"fmi2GetReal", &f->get_real, false},
                                               {"fmi2GetInteger", &f->get_integer, false},
                                               {"fmi2GetBoolean", &f->get_boolean, false},
                                               {"fmi2SetReal", &f->set_real, false},
                                               {"fmi2SetInteger", &f->set_integer, false},
                                               {"fmi2SetBoolean", &f->set_boolean, false},
                                               {"fmi2SetString", &f->set_string, false},
                                               {"fmi2GetFMUstate", &f->get_state, no_state},
                                               {"fmi2SetFMUstate", &f->set_state, no_state},
                                               {"fmi2FreeFMUstate", &f->free_state, no_state},
                                               {"fmi2SerializedFMUstateSize", &f->state_size, no_state},
                                               {"fmi2SerializeFMUstate", &f->serialize, no_state},
                                               {"fmi2DeSerializeFMUstate", &f->deserialize, no_state}};
  slave->library = library_open(file, functions, sizeof functions / sizeof *functions, error);
  return slave->library ? STATUS_OK : STATUS_FORMAT;
}

static void on_log(void *environment, const char *instance, int status, const char *category, const char *message,
                   ...) {
  char text[512];
  (void)instance, (void)category;
  va_list arguments;
  va_start(arguments, message);
  vsnprintf(text, sizeof text, message ? message : "", arguments);
  va_end(arguments);
  slave_note(environment, status, text);
}

static void instantiate(struct slave *slave) {
  slave->call = "fmi2Instantiate";
  slave->callbacks = (struct fmi2_callbacks){.logger = on_log, .allocate = calloc, .free = free, .environment = slave};
  slave->instance = slave->fmi2.instantiate(slave->name, FMI2_CO_SIMULATION, slave->description->token,
                                            slave->resources, &slave->callbacks, 0, 0);
}

static void free_instance(struct slave *slave) { slave->fmi2.free_instance(slave->instance); }

static int reset(struct slave *slave) {
  slave->call = "fmi2Reset";
  return slave->fmi2.reset(slave->instance);
}

static int terminate(struct slave *slave) {
  slave->call = "fmi2Terminate";
  return slave->fmi2.terminate(slave->instance);
}

static int setup(struct slave *slave) {
  const struct slave_times times = slave->times;
  const bool has_tolerance = isfinite(times.tolerance), has_stop = isfinite(times.stop);
  slave->call = "fmi2SetupExperiment";
  return slave->fmi2.setup(slave->instance, has_tolerance, has_tolerance ? times.tolerance : 0, times.start, has_stop,
                           has_stop ? times.stop : 0);
}

static int initialize(struct slave *slave) {
  slave->call = "fmi2EnterInitializationMode";
  const int status = slave->fmi2.enter_initialization(slave->instance);
  if (!is_good(status)) return status;
  slave->call = "fmi2ExitInitializationMode";
  return slave->fmi2.exit_initialization(slave->instance);
}

static int step(struct slave *slave, double time, double size, bool *terminated) {
  slave->call = "fmi2DoStep";
  const int status = slave->fmi2.do_step(slave->instance, time, size, !slave->description->can_save);
  if (status != FMI_DISCARD || !slave->fmi2.get_boolean_status) return status;
  int ended = 0;
  if (is_good(slave->fmi2.get_boolean_status(slave->instance, FMI2_TERMINATED, &ended)) && ended) *terminated = true;
  return *terminated ? FMI_OK : status;
}

static int set(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, const void *values,
               size_t values_count) {
  (void)values_count;
  slave->call = type == FMI_FLOAT64 ? "fmi2SetReal" : type == FMI_INT32 ? "fmi2SetInteger" : "fmi2SetBoolean";
  if (type == FMI_FLOAT64) return slave->fmi2.set_real(slave->instance, references, count, values);
  if (type == FMI_INT32) return slave->fmi2.set_integer(slave->instance, references, count, values);
  return slave->fmi2.set_boolean(slave->instance, references, count, values);
}

static int get(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
               size_t values_count) {
  (void)values_count;
  slave->call = type == FMI_FLOAT64 ? "fmi2GetReal" : type == FMI_INT32 ? "fmi2GetInteger" : "fmi2GetBoolean";
  if (type == FMI_FLOAT64) return slave->fmi2.get_real(slave->instance, references, count, values);
  if (type == FMI_INT32) return slave->fmi2.get_integer(slave->instance, references, count, values);
  return slave->fmi2.get_boolean(slave->instance, references, count, values);
}

static int set_text(struct slave *slave, uint32_t reference, const char *text) {
  slave->call = "fmi2SetString";
  return slave->fmi2.set_string(slave->instance, &reference, 1, &text);
}

static int save(struct slave *slave, void *buffer, size_t size, size_t *need) {
  void *state = NULL;
  slave->call = "fmi2GetFMUstate";
  int status = slave->fmi2.get_state(slave->instance, &state);
  if (!is_good(status)) return status;
  slave->call = "fmi2SerializedFMUstateSize";
  status = slave->fmi2.state_size(slave->instance, state, need);
  if (is_good(status) && *need <= size) {
    slave->call = "fmi2SerializeFMUstate";
    status = slave->fmi2.serialize(slave->instance, state, buffer, *need);
  }
  if (status != FMI_FATAL) slave->fmi2.free_state(slave->instance, &state);
  return status;
}

static int load_state(struct slave *slave, const void *buffer, size_t size) {
  void *state = NULL;
  slave->call = "fmi2DeSerializeFMUstate";
  int status = slave->fmi2.deserialize(slave->instance, buffer, size, &state);
  if (!is_good(status)) return status;
  slave->call = "fmi2SetFMUstate";
  status = slave->fmi2.set_state(slave->instance, state);
  if (status != FMI_FATAL) slave->fmi2.free_state(slave->instance, &state);
  return status;
}

const struct slave_version slave_fmi2 = {.load = load,
                                         .instantiate = instantiate,
                                         .free = free_instance,
                                         .reset = reset,
                                         .terminate = terminate,
                                         .setup = setup,
                                         .initialize = initialize,
                                         .step = step,
                                         .set = set,
                                         .get = get,
                                         .set_text = set_text,
                                         .save = save,
                                         .load_state = load_state};
