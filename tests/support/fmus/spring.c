// An FMU for the tests: a mass on a damped spring that a force moves. It is built as FMI 2 and as FMI 3 (FMI_VERSION).
// The parameter `fault` makes it do what an FMU should not; it takes effect in the third step, or in a save, a reset.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK, WARNING, DISCARD, ERROR, FATAL };
enum { FORCE, MASS, STIFFNESS, X, V, REWARD, X0, BOTH, REALS };
enum {
  FAULT_NONE,
  FAULT_ERROR,
  FAULT_FATAL,
  FAULT_CRASH,
  FAULT_ENDS,
  FAULT_DISCARD,
  FAULT_RESET,
  FAULT_NAN,
  FAULT_SAVE
};

struct state {
  double real[REALS];
  int32_t count, fault, gear;
  bool far;
};
static int alive; // instances of the process

struct spring {
  struct state state;
  void (*log2)(void *, const char *, int, const char *, const char *, ...);
  void (*log3)(void *, int, const char *, const char *);
  void *environment;
};

#define EXPORT __attribute__((visibility("default")))

static void drop(struct spring *self) {
  free(self);
  alive--;
}

static void clear(struct spring *self) {
  self->state = (struct state){.gear = 1};
  self->state.real[MASS] = 1;
  self->state.real[STIFFNESS] = 2;
  self->state.real[X0] = 0.5;
  self->state.real[X] = 0.5;
}

static void say(struct spring *self, int status, const char *text) {
  if (self->log2) self->log2(self->environment, "spring", status, "logStatus", "%s", text);
  if (self->log3) self->log3(self->environment, status, "logStatus", text);
}

static void output(struct state *s) {
  s->real[REWARD] = -s->real[X] * s->real[X] - 0.125 * s->real[V] * s->real[V];
  s->far = s->real[X] > 1 || s->real[X] < -1;
}

static int begin(struct spring *self) {
  self->state.real[X] = self->state.real[X0];
  self->state.real[V] = 0;
  self->state.count = 0;
  output(&self->state);
  return OK;
}

static int step(struct spring *self, double size, bool *ended) {
  struct state *s = &self->state;
  double *r = s->real;
  *ended = false;
  if (++s->count == 3) switch (s->fault) {
    case FAULT_ERROR: say(self, ERROR, "the spring broke"); return ERROR;
    case FAULT_FATAL:
      say(self, FATAL, "the spring is gone");
      drop(self);
      return FATAL; // nobody may call it any more
    case FAULT_CRASH: abort();
    case FAULT_ENDS: *ended = true; return DISCARD;
    case FAULT_DISCARD: return DISCARD;
    case FAULT_NAN: r[STIFFNESS] = 0, r[MASS] = 0, r[FORCE] = 0; break;
    default: break;
    }
  for (int i = 0; i < 10; i++) {
    r[V] += size / 10 * ((s->gear * r[FORCE] - r[STIFFNESS] * r[X] - 0.25 * r[V]) / r[MASS]);
    r[X] += size / 10 * r[V];
  }
  output(s);
  return OK;
}

// The string that the parameter `label` gets: "stiff" doubles the stiffness.
static int label(struct spring *self, const char *text) {
  if (strcmp(text, "stiff") != 0) return ERROR;
  self->state.real[STIFFNESS] *= 2;
  return OK;
}

static int save(struct spring *self, void **state) {
  if (self->state.fault == FAULT_SAVE) {
    say(self, FATAL, "the spring cannot be copied");
    drop(self);
    return FATAL;
  }
  if (!*state) *state = malloc(sizeof self->state);
  if (!*state) return ERROR;
  memcpy(*state, &self->state, sizeof self->state);
  return OK;
}

static void *make(const char *token) {
  // With the second token it may exist once in a process.
  const bool alone = strcmp(token, "{spring-alone}") == 0;
  if ((!alone && strcmp(token, "{spring-token}") != 0) || (alone && alive > 0)) return NULL;
  struct spring *self = calloc(1, sizeof *self);
  if (self) clear(self);
  if (self) alive++;
  return self;
}

#if FMI_VERSION == 2
struct callbacks {
  void (*logger)(void *, const char *, int, const char *, const char *, ...);
  void *(*allocate)(size_t, size_t);
  void (*release)(void *);
  void (*finished)(void *, int);
  void *environment;
};

EXPORT void *fmi2Instantiate(const char *name, int type, const char *guid, const char *resources,
                             const struct callbacks *callbacks, int visible, int logging) {
  (void)name, (void)visible, (void)logging;
  struct spring *self = type == 1 && resources && strncmp(resources, "file:///", 8) == 0 ? make(guid) : NULL;
  if (!self) {
    callbacks->logger(callbacks->environment, name, ERROR, "logStatus", "a wrong %s", "guid, type or resource");
    return NULL;
  }
  self->log2 = callbacks->logger;
  self->environment = callbacks->environment;
  return self;
}
EXPORT void fmi2FreeInstance(void *self) { drop(self); }
EXPORT const char *fmi2GetVersion(void) { return "2.0"; }
EXPORT const char *fmi2GetTypesPlatform(void) { return "default"; }
EXPORT int fmi2SetupExperiment(void *self, int has_tolerance, double tolerance, double start, int has_stop,
                               double stop) {
  (void)self, (void)has_tolerance, (void)tolerance, (void)start, (void)has_stop, (void)stop;
  return OK;
}
EXPORT int fmi2EnterInitializationMode(void *self) { return begin(self); }
EXPORT int fmi2ExitInitializationMode(void *self) { return (void)self, OK; }
EXPORT int fmi2Terminate(void *self) { return (void)self, OK; }
EXPORT int fmi2Reset(void *self) {
  if (((struct spring *)self)->state.fault == FAULT_RESET) return ERROR;
  clear(self);
  return OK;
}
EXPORT int fmi2DoStep(void *self, double time, double size, int no_set_before) {
  (void)time, (void)no_set_before;
  bool ended;
  return step(self, size, &ended);
}
EXPORT int fmi2GetBooleanStatus(void *data, int kind, int *value) {
  *value = kind == 3 && ((struct spring *)data)->state.fault == FAULT_ENDS;
  return OK;
}
EXPORT int fmi2GetReal(void *data, const unsigned *vr, size_t n, double *values) {
  for (size_t i = 0; i < n; i++) values[i] = ((struct spring *)data)->state.real[vr[i]];
  return OK;
}
EXPORT int fmi2SetReal(void *data, const unsigned *vr, size_t n, const double *values) {
  for (size_t i = 0; i < n; i++) ((struct spring *)data)->state.real[vr[i]] = values[i];
  return OK;
}
static int32_t *integer(struct state *s, unsigned vr) { return vr == 0 ? &s->count : vr == 1 ? &s->fault : &s->gear; }
EXPORT int fmi2GetInteger(void *data, const unsigned *vr, size_t n, int *values) {
  for (size_t i = 0; i < n; i++) values[i] = *integer(&((struct spring *)data)->state, vr[i]);
  return OK;
}
EXPORT int fmi2SetInteger(void *data, const unsigned *vr, size_t n, const int *values) {
  for (size_t i = 0; i < n; i++) *integer(&((struct spring *)data)->state, vr[i]) = values[i];
  return OK;
}
EXPORT int fmi2GetBoolean(void *data, const unsigned *vr, size_t n, int *values) {
  for (size_t i = 0; i < n; i++) values[i] = vr[i] == 0 && ((struct spring *)data)->state.far;
  return OK;
}
EXPORT int fmi2SetBoolean(void *data, const unsigned *vr, size_t n, const int *values) {
  return (void)data, (void)vr, (void)n, (void)values, ERROR;
}
EXPORT int fmi2GetString(void *data, const unsigned *vr, size_t n, const char **values) {
  (void)data, (void)vr;
  for (size_t i = 0; i < n; i++) values[i] = "spring";
  return OK;
}
EXPORT int fmi2SetString(void *data, const unsigned *vr, size_t n, const char *const *values) {
  (void)vr;
  return n == 1 ? label(data, values[0]) : ERROR;
}
EXPORT int fmi2GetFMUstate(void *self, void **state) { return save(self, state); }
EXPORT int fmi2SetFMUstate(void *self, void *state) {
  return memcpy(&((struct spring *)self)->state, state, sizeof(struct state)), OK;
}
EXPORT int fmi2FreeFMUstate(void *self, void **state) {
  (void)self;
  free(*state);
  *state = NULL;
  return OK;
}
EXPORT int fmi2SerializedFMUstateSize(void *self, void *state, size_t *size) {
  return (void)self, (void)state, *size = sizeof(struct state), OK;
}
EXPORT int fmi2SerializeFMUstate(void *self, void *state, char *bytes, size_t size) {
  return (void)self, memcpy(bytes, state, size), OK;
}
EXPORT int fmi2DeSerializeFMUstate(void *self, const char *bytes, size_t size, void **state) {
  (void)self;
  if (size != sizeof(struct state) || !(*state = malloc(size))) return ERROR;
  memcpy(*state, bytes, size);
  return OK;
}
// What FMI asks for and co-simulation does not use.
EXPORT int fmi2SetDebugLogging(void *self, int on, size_t n, const char *const *categories) {
  return (void)self, (void)on, (void)n, (void)categories, OK;
}
EXPORT int fmi2GetDirectionalDerivative(void) { return ERROR; }
EXPORT int fmi2SetRealInputDerivatives(void) { return ERROR; }
EXPORT int fmi2GetRealOutputDerivatives(void) { return ERROR; }
EXPORT int fmi2CancelStep(void) { return ERROR; }
EXPORT int fmi2GetStatus(void) { return ERROR; }
EXPORT int fmi2GetRealStatus(void) { return ERROR; }
EXPORT int fmi2GetIntegerStatus(void) { return ERROR; }
EXPORT int fmi2GetStringStatus(void) { return ERROR; }
#else
EXPORT void *fmi3InstantiateCoSimulation(const char *name, const char *token, const char *resources, bool visible,
                                         bool logging, bool events, bool early, const uint32_t *required, size_t n,
                                         void *environment, void (*log)(void *, int, const char *, const char *),
                                         void *update) {
  (void)name, (void)visible, (void)logging, (void)events, (void)early, (void)required, (void)n, (void)update;
  const size_t length = resources ? strlen(resources) : 0;
  struct spring *self = length && resources[length - 1] == '/' ? make(token) : NULL;
  if (!self) {
    log(environment, ERROR, "logStatus", "a wrong token or resource");
    return NULL;
  }
  self->log3 = log;
  self->environment = environment;
  return self;
}
EXPORT void fmi3FreeInstance(void *self) { drop(self); }
EXPORT const char *fmi3GetVersion(void) { return "3.0"; }
EXPORT int fmi3EnterInitializationMode(void *self, bool has_tolerance, double tolerance, double start, bool has_stop,
                                       double stop) {
  (void)has_tolerance, (void)tolerance, (void)start, (void)has_stop, (void)stop;
  return begin(self);
}
EXPORT int fmi3ExitInitializationMode(void *self) { return (void)self, OK; }
EXPORT int fmi3Terminate(void *self) { return (void)self, OK; }
EXPORT int fmi3Reset(void *self) {
  if (((struct spring *)self)->state.fault == FAULT_RESET) return ERROR;
  clear(self);
  return OK;
}
EXPORT int fmi3DoStep(void *self, double time, double size, bool no_set_before, bool *event, bool *terminate,
                      bool *early, double *last) {
  (void)no_set_before;
  *event = *early = false;
  *last = time + size;
  const int status = step(self, size, terminate);
  return *terminate ? OK : status;
}
// BOTH is an array of two: x and v.
EXPORT int fmi3GetFloat64(void *data, const uint32_t *vr, size_t n, double *values, size_t values_count) {
  const double *r = ((struct spring *)data)->state.real, *end = values + values_count;
  for (size_t i = 0; i < n; i++) {
    *values++ = vr[i] == BOTH ? r[X] : r[vr[i]];
    if (vr[i] == BOTH) *values++ = r[V];
  }
  return values == end ? OK : ERROR;
}
EXPORT int fmi3SetFloat64(void *data, const uint32_t *vr, size_t n, const double *values, size_t values_count) {
  for (size_t i = 0; i < n; i++) ((struct spring *)data)->state.real[vr[i]] = values[i];
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3GetFloat32(void *data, const uint32_t *vr, size_t n, float *values, size_t values_count) {
  for (size_t i = 0; i < n; i++) values[i] = (float)((struct spring *)data)->state.real[vr[i] - 20];
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3GetInt32(void *data, const uint32_t *vr, size_t n, int32_t *values, size_t values_count) {
  const struct state *s = &((struct spring *)data)->state;
  for (size_t i = 0; i < n; i++) values[i] = vr[i] == 30 ? s->count : s->fault;
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3SetInt32(void *data, const uint32_t *vr, size_t n, const int32_t *values, size_t values_count) {
  struct state *s = &((struct spring *)data)->state;
  for (size_t i = 0; i < n; i++) *(vr[i] == 30 ? &s->count : &s->fault) = values[i];
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3GetUInt8(void *data, const uint32_t *vr, size_t n, uint8_t *values, size_t values_count) {
  for (size_t i = 0; i < n && vr; i++) values[i] = (uint8_t)((struct spring *)data)->state.gear;
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3SetUInt8(void *data, const uint32_t *vr, size_t n, const uint8_t *values, size_t values_count) {
  for (size_t i = 0; i < n && vr; i++) ((struct spring *)data)->state.gear = values[i];
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3GetBoolean(void *data, const uint32_t *vr, size_t n, bool *values, size_t values_count) {
  for (size_t i = 0; i < n && vr; i++) values[i] = ((struct spring *)data)->state.far;
  return n == values_count ? OK : ERROR;
}
EXPORT int fmi3GetFMUState(void *self, void **state) { return save(self, state); }
EXPORT int fmi3SetFMUState(void *self, void *state) {
  return memcpy(&((struct spring *)self)->state, state, sizeof(struct state)), OK;
}
EXPORT int fmi3FreeFMUState(void *self, void **state) {
  (void)self;
  free(*state);
  *state = NULL;
  return OK;
}
EXPORT int fmi3SerializedFMUStateSize(void *self, void *state, size_t *size) {
  return (void)self, (void)state, *size = sizeof(struct state), OK;
}
EXPORT int fmi3SerializeFMUState(void *self, void *state, uint8_t *bytes, size_t size) {
  return (void)self, memcpy(bytes, state, size), OK;
}
EXPORT int fmi3DeserializeFMUState(void *self, const uint8_t *bytes, size_t size, void **state) {
  (void)self;
  if (size != sizeof(struct state) || !(*state = malloc(size))) return ERROR;
  memcpy(*state, bytes, size);
  return OK;
}
// What FMI asks for and the spring does not have.
EXPORT int fmi3ActivateModelPartition(void) { return ERROR; }
EXPORT int fmi3CompletedIntegratorStep(void) { return ERROR; }
EXPORT int fmi3EnterConfigurationMode(void) { return ERROR; }
EXPORT int fmi3EnterContinuousTimeMode(void) { return ERROR; }
EXPORT int fmi3EnterEventMode(void) { return ERROR; }
EXPORT int fmi3EnterStepMode(void) { return ERROR; }
EXPORT int fmi3EvaluateDiscreteStates(void) { return ERROR; }
EXPORT int fmi3ExitConfigurationMode(void) { return ERROR; }
EXPORT int fmi3GetAdjointDerivative(void) { return ERROR; }
EXPORT int fmi3GetBinary(void) { return ERROR; }
EXPORT int fmi3GetClock(void) { return ERROR; }
EXPORT int fmi3GetContinuousStateDerivatives(void) { return ERROR; }
EXPORT int fmi3GetContinuousStates(void) { return ERROR; }
EXPORT int fmi3GetDirectionalDerivative(void) { return ERROR; }
EXPORT int fmi3GetEventIndicators(void) { return ERROR; }
EXPORT int fmi3GetInt16(void) { return ERROR; }
EXPORT int fmi3GetInt64(void) { return ERROR; }
EXPORT int fmi3GetInt8(void) { return ERROR; }
EXPORT int fmi3GetIntervalDecimal(void) { return ERROR; }
EXPORT int fmi3GetIntervalFraction(void) { return ERROR; }
EXPORT int fmi3GetNominalsOfContinuousStates(void) { return ERROR; }
EXPORT int fmi3GetNumberOfContinuousStates(void) { return ERROR; }
EXPORT int fmi3GetNumberOfEventIndicators(void) { return ERROR; }
EXPORT int fmi3GetNumberOfVariableDependencies(void) { return ERROR; }
EXPORT int fmi3GetOutputDerivatives(void) { return ERROR; }
EXPORT int fmi3GetShiftDecimal(void) { return ERROR; }
EXPORT int fmi3GetShiftFraction(void) { return ERROR; }
EXPORT int fmi3GetString(void) { return ERROR; }
EXPORT int fmi3GetUInt16(void) { return ERROR; }
EXPORT int fmi3GetUInt32(void) { return ERROR; }
EXPORT int fmi3GetUInt64(void) { return ERROR; }
EXPORT int fmi3GetVariableDependencies(void) { return ERROR; }
EXPORT int fmi3InstantiateModelExchange(void) { return ERROR; }
EXPORT int fmi3InstantiateScheduledExecution(void) { return ERROR; }
EXPORT int fmi3SetBinary(void) { return ERROR; }
EXPORT int fmi3SetBoolean(void) { return ERROR; }
EXPORT int fmi3SetClock(void) { return ERROR; }
EXPORT int fmi3SetContinuousStates(void) { return ERROR; }
EXPORT int fmi3SetDebugLogging(void) { return ERROR; }
EXPORT int fmi3SetFloat32(void) { return ERROR; }
EXPORT int fmi3SetInt16(void) { return ERROR; }
EXPORT int fmi3SetInt64(void) { return ERROR; }
EXPORT int fmi3SetInt8(void) { return ERROR; }
EXPORT int fmi3SetIntervalDecimal(void) { return ERROR; }
EXPORT int fmi3SetIntervalFraction(void) { return ERROR; }
EXPORT int fmi3SetShiftDecimal(void) { return ERROR; }
EXPORT int fmi3SetShiftFraction(void) { return ERROR; }
EXPORT int fmi3SetString(void *data, const uint32_t *vr, size_t n, const char *const *values, size_t values_count) {
  (void)vr;
  return n == 1 && values_count == 1 ? label(data, values[0]) : ERROR;
}
EXPORT int fmi3SetTime(void) { return ERROR; }
EXPORT int fmi3SetUInt16(void) { return ERROR; }
EXPORT int fmi3SetUInt32(void) { return ERROR; }
EXPORT int fmi3SetUInt64(void) { return ERROR; }
EXPORT int fmi3UpdateDiscreteStates(void) { return ERROR; }
#endif
