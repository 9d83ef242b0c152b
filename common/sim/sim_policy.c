#include "common/sim/sim_policy.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Before glibc 2.34 these are in libdl. They are weak, so that a program with libcorsac_sim.a needs libdl only where it
// uses CORSAC_POLICY.
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlerror
#pragma weak dladdr

static const char LIBRARY[] = "libcorsac_policy.so";
enum { ABI = 1, PATH = 4096 }; // ABI: CORSAC_POLICY_ABI of corsac/policy.h

// The functions of corsac/policy.h that are used here.
struct interface {
  int (*abi)(void);
  void *(*load)(const char *path, char *why, size_t size);
  void (*free)(void *policy);
  const char *(*file)(const void *policy);
  const char *(*env)(const void *policy);
  uint32_t (*obs_dim)(const void *policy);
  uint32_t (*act_dim)(const void *policy);
  uint32_t (*frame_skip)(const void *policy); // NULL in a library of an older version
  const double *(*action_low)(const void *policy);
  const double *(*action_high)(const void *policy);
  size_t (*scratch_size)(const void *policy);
  size_t (*state_size)(const void *policy);
  void (*reset)(const void *policy, void *state);
  int (*step)(const void *policy, void *state, const float *obs, float *action, void *scratch);
};

struct sim_policy {
  void *library, *policy, *scratch;
  char *states; // (agents x state_size)
  struct interface call;
};

// Writes the path of libcorsac_policy beside the library that holds this function. The path stays empty where the
// program itself holds it.
static void library_beside(char *path) {
  Dl_info info;
  path[0] = 0;
  if (!dladdr || !dladdr((const void *)LIBRARY, &info) || !info.dli_fname) return;
  const char *slash = strrchr(info.dli_fname, '/');
  if (slash) snprintf(path, PATH, "%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, LIBRARY);
}

static void *open_library(void) {
  const char *given = getenv("CORSAC_POLICY_LIBRARY");
  char beside[PATH];
  void *library = NULL;
  if (!dlopen || !dlsym || !dlerror) {
    fprintf(stderr, "corsac_sim: CORSAC_POLICY: this program cannot open libraries; link it with -ldl\n");
    return NULL;
  }
  library_beside(beside);
  if (given && *given) {
    library = dlopen(given, RTLD_NOW | RTLD_LOCAL);
  } else {
    if (beside[0]) library = dlopen(beside, RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  }
  if (library) return library;
  const char *why = dlerror();
  fprintf(stderr,
          "corsac_sim: CORSAC_POLICY: %s; corsac's `make install` puts %s into PREFIX/lib; CORSAC_POLICY_LIBRARY or "
          "LD_LIBRARY_PATH say where it is\n",
          why ? why : "the library cannot be opened", LIBRARY);
  return NULL;
}

static int look_up(void *library, struct interface *call) {
  const struct {
    const char *name;
    void *pointer; // to a function pointer
  } functions[] = {{"corsac_policy_abi", &call->abi},
                   {"corsac_policy_load", &call->load},
                   {"corsac_policy_free", &call->free},
                   {"corsac_policy_file", &call->file},
                   {"corsac_policy_env", &call->env},
                   {"corsac_policy_obs_dim", &call->obs_dim},
                   {"corsac_policy_act_dim", &call->act_dim},
                   {"corsac_policy_action_low", &call->action_low},
                   {"corsac_policy_action_high", &call->action_high},
                   {"corsac_policy_scratch_size", &call->scratch_size},
                   {"corsac_policy_state_size", &call->state_size},
                   {"corsac_policy_reset", &call->reset},
                   {"corsac_policy_step", &call->step}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    void *function = dlsym(library, functions[i].name);
    memcpy(functions[i].pointer, &function, sizeof function);
    if (!function) {
      fprintf(stderr, "corsac_sim: CORSAC_POLICY: %s has no %s; it is none of corsac's, or of another version\n",
              LIBRARY, functions[i].name);
      return -1;
    }
  }
  void *function = dlsym(library, "corsac_policy_frame_skip");
  memcpy(&call->frame_skip, &function, sizeof function);
  if (call->abi() == ABI) return 0;
  fprintf(stderr, "corsac_sim: CORSAC_POLICY: %s has interface %d, this program needs %d\n", LIBRARY, call->abi(), ABI);
  return -1;
}

static int check(const struct sim_policy *policy, const struct corsac_sim_spec *spec) {
  const struct interface *call = &policy->call;
  const void *p = policy->policy;
  if (call->obs_dim(p) != spec->obs_dim || call->act_dim(p) != spec->act_dim) {
    fprintf(stderr,
            "corsac_sim: CORSAC_POLICY: %s was trained in %s with obs_dim %u and act_dim %u; this simulator has %u and "
            "%u\n",
            call->file(p), call->env(p), call->obs_dim(p), call->act_dim(p), spec->obs_dim, spec->act_dim);
    return -1;
  }
  for (uint32_t i = 0; i < spec->act_dim; i++) {
    const double low = call->action_low(p)[i], high = call->action_high(p)[i];
    // A run may have had narrower ones (--action-low, --action-high).
    if (low >= spec->action_low[i] && high <= spec->action_high[i]) continue;
    fprintf(
        stderr,
        "corsac_sim: CORSAC_POLICY: %s was trained in %s where action %u goes from %g to %g; here it goes from %g to "
        "%g\n",
        call->file(p), call->env(p), i, low, high, spec->action_low[i], spec->action_high[i]);
    return -1;
  }
  return 0;
}

struct sim_policy *sim_policy_open(const char *file, const struct corsac_sim_spec *spec, uint32_t agents) {
  char why[1024] = "";
  struct sim_policy *policy = calloc(1, sizeof *policy);
  if (!policy) {
    fprintf(stderr, "corsac_sim: open: not enough memory\n");
    return NULL;
  }
  if (!(policy->library = open_library()) || look_up(policy->library, &policy->call) != 0) goto failed;
  policy->policy = policy->call.load(file, why, sizeof why);
  if (!policy->policy) {
    fprintf(stderr, "corsac_sim: CORSAC_POLICY: %s\n", why);
    goto failed;
  }
  if (check(policy, spec) != 0) goto failed;
  policy->scratch = malloc(policy->call.scratch_size(policy->policy));
  policy->states = calloc(agents, policy->call.state_size(policy->policy));
  if (policy->scratch && policy->states) return policy;
  fprintf(stderr, "corsac_sim: open: not enough memory\n");
failed:
  sim_policy_close(policy);
  return NULL;
}

// The library stays open, since HDF5 in it registers functions that run at the end of the program.
void sim_policy_close(struct sim_policy *policy) {
  if (!policy) return;
  if (policy->policy) policy->call.free(policy->policy);
  free(policy->scratch);
  free(policy->states);
  free(policy);
}

const char *sim_policy_file(const struct sim_policy *policy) { return policy->call.file(policy->policy); }

uint32_t sim_policy_frame_skip(const struct sim_policy *policy) {
  return policy->call.frame_skip ? policy->call.frame_skip(policy->policy) : 1;
}

static void *state_of(const struct sim_policy *policy, uint32_t agent) {
  return policy->states + agent * policy->call.state_size(policy->policy);
}

void sim_policy_reset(struct sim_policy *policy, uint32_t agent) {
  policy->call.reset(policy->policy, state_of(policy, agent));
}

void sim_policy_act(struct sim_policy *policy, uint32_t agent, const float *obs, float *action) {
  (void)policy->call.step(policy->policy, state_of(policy, agent), obs, action, policy->scratch);
}
