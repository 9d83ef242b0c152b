#include "actor/fmi/library.h"
#include "actor/fmi/slave_impl.h"
#include <assert.h>
#include <math.h>

static const char *const getters[FMI3_TYPES] = {"fmi3GetFloat64", "fmi3GetFloat32", "fmi3GetInt8",   "fmi3GetUInt8",
                                                "fmi3GetInt16",   "fmi3GetUInt16",  "fmi3GetInt32",  "fmi3GetUInt32",
                                                "fmi3GetInt64",   "fmi3GetUInt64",  "fmi3GetBoolean"};
static const char *const setters[FMI3_TYPES] = {"fmi3SetFloat64", "fmi3SetFloat32", "fmi3SetInt8",   "fmi3SetUInt8",
                                                "fmi3SetInt16",   "fmi3SetUInt16",  "fmi3SetInt32",  "fmi3SetUInt32",
                                                "fmi3SetInt64",   "fmi3SetUInt64",  "fmi3SetBoolean"};
static_assert(FMI3_TYPES == (int)FMI_NUMBERS, "a pair of functions for each type");

enum { OTHERS = 14 }; // functions beside those pairs

static bool is_good(int status) { return status == FMI_OK || status == FMI_WARNING; }

static enum status load(struct slave *slave, const char *file, struct error *error) {
  struct fmi3_functions *f = &slave->fmi3;
  const bool no_state = !slave->description->can_save;
  struct library_function functions[OTHERS + 2 * FMI3_TYPES] = {
      {"fmi3InstantiateCoSimulation", &f->instantiate, false},
      {"fmi3FreeInstance", &f->free_instance, false},
      {"fmi3EnterInitializationMode", &f->enter_initialization, false},
      {"fmi3ExitInitializationMode", &f->exit_initialization, false},
      {"fmi3Terminate", &f->terminate, false},
      {"fmi3Reset", &f->reset, false},
      {"fmi3DoStep", &f->do_step, false},
      {"fmi3SetString", &f->set_string, false},
      {"fmi3GetFMUState", &f->get_state, no_state},
      {"fmi3SetFMUState", &f->set_state, no_state},
      {"fmi3FreeFMUState", &f->free_state, no_state},
      {"fmi3SerializedFMUStateSize", &f->state_size, no_state},
      {"fmi3SerializeFMUState", &f->serialize, no_state},
      {"fmi3DeserializeFMUState", &f->deserialize, no_state}};
  for (int i = 0; i < FMI3_TYPES; i++) {
    functions[OTHERS + i] = (struct library_function){getters[i], &f->get[i], true};
    functions[OTHERS + FMI3_TYPES + i] = (struct library_function){setters[i], &f->set[i], true};
  }
  slave->library = library_open(file, functions, sizeof functions / sizeof *functions, error);
  return slave->library ? STATUS_OK : STATUS_FORMAT;
}

static void on_log(void *environment, int status, const char *category, const char *message) {
  (void)category;
  slave_note(environment, status, message ? message : "");
}

static void instantiate(struct slave *slave) {
  slave->call = "fmi3InstantiateCoSimulation";
  slave->instance = slave->fmi3.instantiate(slave->name, slave->description->token, slave->resources, false, false,
                                            false, false, NULL, 0, slave, on_log, NULL);
}

static void free_instance(struct slave *slave) { slave->fmi3.free_instance(slave->instance); }

static int reset(struct slave *slave) {
  slave->call = "fmi3Reset";
  return slave->fmi3.reset(slave->instance);
}

static int terminate(struct slave *slave) {
  slave->call = "fmi3Terminate";
  return slave->fmi3.terminate(slave->instance);
}

static int setup(struct slave *slave) { return (void)slave, FMI_OK; } // initialize tells the times

static int initialize(struct slave *slave) {
  const struct slave_times times = slave->times;
  const bool has_tolerance = isfinite(times.tolerance), has_stop = isfinite(times.stop);
  slave->call = "fmi3EnterInitializationMode";
  const int status =
      slave->fmi3.enter_initialization(slave->instance, has_tolerance, has_tolerance ? times.tolerance : 0, times.start,
                                       has_stop, has_stop ? times.stop : 0);
  if (!is_good(status)) return status;
  slave->call = "fmi3ExitInitializationMode";
  return slave->fmi3.exit_initialization(slave->instance);
}

static int step(struct slave *slave, double time, double size, bool *terminated) {
  bool event = false, ended = false, early = false;
  double last = time + size;
  slave->call = "fmi3DoStep";
  const int status =
      slave->fmi3.do_step(slave->instance, time, size, !slave->description->can_save, &event, &ended, &early, &last);
  *terminated = ended;
  return status == FMI_DISCARD && ended ? FMI_OK : status;
}

static int set(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, const void *values,
               size_t values_count) {
  slave->call = setters[type];
  if (!slave->fmi3.set[type]) {
    slave_note(slave, FMI_ERROR, "its shared object has no such function");
    return FMI_ERROR;
  }
  return slave->fmi3.set[type](slave->instance, references, count, values, values_count);
}

static int get(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
               size_t values_count) {
  slave->call = getters[type];
  if (!slave->fmi3.get[type]) {
    slave_note(slave, FMI_ERROR, "its shared object has no such function");
    return FMI_ERROR;
  }
  return slave->fmi3.get[type](slave->instance, references, count, values, values_count);
}

static int set_text(struct slave *slave, uint32_t reference, const char *text) {
  slave->call = "fmi3SetString";
  return slave->fmi3.set_string(slave->instance, &reference, 1, &text, 1);
}

static int save(struct slave *slave, void *buffer, size_t size, size_t *need) {
  void *state = NULL;
  slave->call = "fmi3GetFMUState";
  int status = slave->fmi3.get_state(slave->instance, &state);
  if (!is_good(status)) return status;
  slave->call = "fmi3SerializedFMUStateSize";
  status = slave->fmi3.state_size(slave->instance, state, need);
  if (is_good(status) && *need <= size) {
    slave->call = "fmi3SerializeFMUState";
    status = slave->fmi3.serialize(slave->instance, state, buffer, *need);
  }
  if (status != FMI_FATAL) slave->fmi3.free_state(slave->instance, &state);
  return status;
}

static int load_state(struct slave *slave, const void *buffer, size_t size) {
  void *state = NULL;
  slave->call = "fmi3DeserializeFMUState";
  int status = slave->fmi3.deserialize(slave->instance, buffer, size, &state);
  if (!is_good(status)) return status;
  slave->call = "fmi3SetFMUState";
  status = slave->fmi3.set_state(slave->instance, state);
  if (status != FMI_FATAL) slave->fmi3.free_state(slave->instance, &state);
  return status;
}

const struct slave_version slave_fmi3 = {.load = load,
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
