// The bare loop of the tests' FMU of FMI 2 (tests/support/fmus/spring.c), without corsac: fmu SECONDS prints steps/s.
// It is linked with the FMU's binary. A step sets all inputs and gets all outputs.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CO_SIMULATION = 1, STEPS = 50 }; // of an episode: the description says 5 s, of 0.1 s

struct callbacks {
  void (*log)(void *, const char *, int, const char *, const char *, ...);
  void *(*allocate)(size_t, size_t);
  void (*release)(void *);
  void (*finished)(void *, int);
  void *environment;
};
void *fmi2Instantiate(const char *, int, const char *, const char *, const struct callbacks *, int, int);
int fmi2SetupExperiment(void *, int, double, double, int, double);
int fmi2EnterInitializationMode(void *), fmi2ExitInitializationMode(void *), fmi2Reset(void *);
int fmi2SetReal(void *, const unsigned *, size_t, const double *),
    fmi2GetReal(void *, const unsigned *, size_t, double *);
int fmi2SetInteger(void *, const unsigned *, size_t, const int *),
    fmi2GetBoolean(void *, const unsigned *, size_t, int *);
int fmi2DoStep(void *, double, double, int);

static void ignore(void *environment, const char *name, int status, const char *category, const char *text, ...) {
  (void)environment, (void)name, (void)status, (void)category, (void)text;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(int argc, char **argv) {
  const unsigned force = 0, gear = 2, far = 0, outputs[] = {3, 4, 5}; // valueReference of the description
  const struct callbacks callbacks = {ignore, calloc, free, NULL, NULL};
  void *fmu = fmi2Instantiate("bare", CO_SIMULATION, "{spring-token}", "file:///tmp", &callbacks, 0, 0);
  if (!fmu || argc != 2) return fprintf(stderr, "fmu SECONDS\n"), 2;
  const double seconds = atof(argv[1]), start = now();
  unsigned long steps = 0;
  int failed = 0;
  while (!failed && now() - start < seconds) {
    failed = fmi2Reset(fmu) || fmi2SetupExperiment(fmu, 0, 0, 0, 1, 5) || fmi2EnterInitializationMode(fmu) ||
             fmi2ExitInitializationMode(fmu);
    for (int t = 0; t < STEPS && !failed; t++, steps++) {
      const double push = t % 3 - 1;
      double values[3];
      int is_far, in = 1 + t % 3;
      failed = fmi2SetReal(fmu, &force, 1, &push) || fmi2SetInteger(fmu, &gear, 1, &in) ||
               fmi2DoStep(fmu, 0.1 * t, 0.1, 1) || fmi2GetReal(fmu, outputs, 3, values) ||
               fmi2GetBoolean(fmu, &far, 1, &is_far);
    }
  }
  printf("%.9g\n", (double)steps / (now() - start));
  return failed;
}
