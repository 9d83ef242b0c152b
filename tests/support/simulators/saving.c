// A simulator that saves its state, and commits the fault WHAT in that: saving WHAT [FILE]. obs = [t, a sum of the
// actions that begins with the seed's fraction], reward = the sum. Episodes have 6 steps. Named values: how often save
// was called, and how often an episode began by load. "good" has no fault; "file" keeps its sum in FILE.
#include <corsac/sim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct state {
  int t, saves;
  double sum, noise;
};

static const char *what, *file;
static int is(const char *name) { return strcmp(what, name) == 0; }

static int write_sum(const struct state *state) {
  FILE *out = fopen(file, "wb");
  return out && fwrite(&state->sum, sizeof state->sum, 1, out) == 1 && fclose(out) == 0 ? 0 : -1;
}

static int read_sum(struct state *state) {
  FILE *in = fopen(file, "rb");
  return in && fread(&state->sum, sizeof state->sum, 1, in) == 1 && fclose(in) == 0 ? remove(file) : -1;
}

// From now on this process gets no more memory.
static void take_no_more(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0) exit(5);
  limit.rlim_cur = 1;
  if (setrlimit(RLIMIT_AS, &limit) != 0) exit(5);
}

static int save(struct corsac_sim *sim, void *user) {
  static const char block[1 << 16];
  struct state *state = user;
  float action;
  int number = 0;
  state->saves++;
  if (is("none")) return 1;
  if (is("negative")) return -7;
  if (is("reason")) return corsac_sim_fail(sim, "the mesh is being refined");
  if (is("missing")) corsac_sim_put_file(sim, "/no/restart"); // nobody looks at what it returns
  if (is("get")) corsac_sim_get(sim, &number, sizeof number);
  if (is("begin")) corsac_sim_begin(sim, (const float[]){0, 0}, &action);
  if (is("exit")) exit(4);
  if (is("no-room")) take_no_more();
  for (int i = 0; is("grow") && i < state->saves; i++) corsac_sim_put(sim, block, sizeof block);
  if (is("huge")) corsac_sim_put(sim, block, (size_t)1 << 29); // which is too much to be read
  corsac_sim_put(sim, &state->t, sizeof state->t);
  if (!is("file")) return corsac_sim_put(sim, &state->sum, sizeof state->sum);
  if (write_sum(state) != 0) return -1;
  corsac_sim_put_file(sim, file);
  return remove(file);
}

static int load(struct corsac_sim *sim, void *user) {
  struct state *state = user;
  float action;
  double more;
  if (is("load-negative")) return -7;
  if (is("load-reason")) return corsac_sim_fail(sim, "it is of another mesh");
  if (is("load-step")) return corsac_sim_step(sim, (const float[]){0, 0}, 0, 0, &action);
  if (is("load-exit")) exit(4);
  corsac_sim_get(sim, &state->t, sizeof state->t);
  if (is("load-less")) return 0;
  if (is("load-more")) corsac_sim_get(sim, &more, sizeof more);
  if (!is("file")) return corsac_sim_get(sim, &state->sum, sizeof state->sum);
  if (corsac_sim_left(sim) != 8 + sizeof state->sum) return -1;
  return corsac_sim_get_file(sim, file) == 0 ? read_sum(state) : -1;
}

int main(int argc, char **argv) {
  what = argc > 1 ? argv[1] : "good";
  file = argc > 2 ? argv[2] : "";
  const double low[] = {-1}, high[] = {1};
  const char *const names[] = {"saves", "resumes"};
  static struct state state;
  const struct corsac_sim_spec spec = {.size = sizeof spec,
                                       .name = "saving",
                                       .obs_dim = 2,
                                       .act_dim = 1,
                                       .action_low = low,
                                       .action_high = high,
                                       .info_dim = 2,
                                       .info_names = names,
                                       .save = is("no") ? NULL : save,
                                       .load = is("no") ? NULL : load,
                                       .user = &state};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  int next = sim ? CORSAC_SIM_BEGIN : -1, resumes = 0;
  while (next == CORSAC_SIM_BEGIN) {
    state.t = 0;
    state.sum = (double)(corsac_sim_seed(sim) % 1000) / 1000;
    state.noise = state.sum; // of this episode: it depends on the seed alone, and is not saved
    resumes += corsac_sim_resumes(sim);
    float obs[2] = {0, (float)state.sum}, action;
    next = corsac_sim_begin(sim, obs, &action);
    while (next == CORSAC_SIM_ACT) {
      state.sum += (double)action + state.noise;
      obs[0] = (float)++state.t;
      obs[1] = (float)state.sum;
      corsac_sim_info(sim, (const double[]){state.saves, resumes});
      next = corsac_sim_step(sim, obs, state.sum, state.t == 6 ? CORSAC_TERMINATED : 0, &action);
    }
  }
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? 0 : 1;
}
