// A simulator that counts, and commits the fault WHAT in its third step: faulty WHAT [FILE]. obs = [t, a fraction of
// the seed], reward = the action. Episodes have 10 steps. "good" has no fault. "once" plays one episode and exits with
// status 0, "once-bad" with 1, "once-mid" with 0 in step 3 of its second start. "once-slow" takes 0.3 s to start and
// 0.3 s to reset. "once-dims", "once-bounds" and "once-names" say something else of themselves from the second start
// on. All of these count their starts in FILE. "leak" keeps memory of each episode, "files" an open file.
// "slow-end" takes a second to end.
#include "common/env/channel.h"
#include <corsac/sim.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *what, *file;
static int is(const char *name) { return strcmp(what, name) == 0; }

static struct channel *map(void) {
  void *memory =
      mmap(NULL, sizeof(struct channel), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(getenv(CHANNEL_VARIABLE)), 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static void answer(struct channel *channel) {
  atomic_store(&channel->answered, atomic_load(&channel->asked));
  channel->to_host.rung++;
}

static void hang(void) {
  for (;;) pause();
}

// Writes this process's number into the file, which appears when it is complete. Its parent, which would do so, has
// ended.
static void write_number(void) {
  char part[4096];
  snprintf(part, sizeof part, "%s.part", file);
  FILE *number = fopen(part, "w");
  if (!number) _exit(1);
  fprintf(number, "%d\n", (int)getpid());
  fclose(number);
  rename(part, file);
}

// Starts processes that try to outlive their ancestors. Their numbers go into two files.
static void have_family(void) {
  char more[4096];
  snprintf(more, sizeof more, "%s.more", file);
  FILE *numbers = fopen(more, "w");
  for (int i = 0; i < 3; i++) {
    const pid_t pid = fork();
    if (pid > 0) fprintf(numbers, "%d\n", (int)pid);
    if (pid > 0) continue;
    if (i == 0) signal(SIGTERM, SIG_IGN);
    if (i > 0) setsid();                // into a session of its own
    if (i > 1 && fork() != 0) _exit(0); // its parent ends
    if (i > 1) write_number();
    hang();
  }
  while (access(file, F_OK) != 0) usleep(1000);
  fprintf(numbers, "%d\n", (int)getpid());
  fclose(numbers);
}

// Fills the channel with garbage and wakes both sides.
static void write_garbage(unsigned seed) {
  struct channel *channel = map();
  unsigned char *bytes = (unsigned char *)channel;
  for (size_t round = 0; round < 200; round++) {
    for (size_t i = 0; i < offsetof(struct channel, action) + 65536; i++) bytes[i] = (unsigned char)rand_r(&seed);
    if (round % 2) answer(channel);
  }
}

// How often the program was started before, as FILE tells.
static int count_starts(void) {
  int starts = 0;
  FILE *count = fopen(file, "r");
  if (count && fscanf(count, "%d", &starts) != 1) starts = 0;
  if (count) fclose(count);
  count = fopen(file, "w");
  if (!count) _exit(9);
  fprintf(count, "%d\n", starts + 1);
  fclose(count);
  return starts;
}

static void leak(void) {
  static unsigned char *volatile kept;
  kept = malloc(1 << 18);
  if (kept) memset(kept, 1, 1 << 18);
}

static int starts; // of programs that play one episode

static void before_open(void) {
  if (strncmp(what, "once", 4) == 0 && *file) starts = count_starts();
  if (is("once-slow")) usleep(300000);
  if (is("exit-early")) exit(3);
  if (is("hang-early")) hang();
  if (is("version")) {
    map()->child_version = 99;
    exit(1);
  }
  if (is("dims")) {
    struct channel *channel = map();
    channel->spec.obs_dim = 1u << 30;
    channel->spec.act_dim = 1;
    channel->spec.info_dim = 1000000;
    answer(channel);
    hang();
  }
}

static void in_step(struct corsac_sim *sim, float *obs, double *reward, int *flags) {
  if (is("exit") || (is("once-mid") && starts == 1)) exit(0);
  if (is("segv")) raise(SIGSEGV);
  if (is("kill")) raise(SIGKILL);
  if (is("hang")) hang();
  if (is("deaf")) signal(SIGTERM, SIG_IGN), hang();
  if (is("leak")) leak();
  if (is("files") && open("/dev/null", O_RDONLY) < 0) perror("/dev/null");
  if (is("nan")) obs[1] = NAN;
  if (is("nan-reward")) *reward = NAN;
  if (is("flags")) *flags = 77;
  if (is("status")) map()->answer.status = 9, answer(map()), hang();
  if (is("garbage")) write_garbage((unsigned)getpid()), hang();
  if (is("shrink")) {
    if (ftruncate(atoi(getenv(CHANNEL_VARIABLE)), 4096) != 0) perror("ftruncate");
    *flags = 77;
  }
  if (is("begin")) {
    float action;
    corsac_sim_begin(sim, obs, &action);
    hang();
  }
  if (is("words")) {
    for (int i = 0; i < 100000; i++) fprintf(stderr, "line %d of very many\n", i);
    fprintf(stderr, "the last \033 word");
    exit(5);
  }
  if (is("says-last")) {
    fprintf(stderr, "residual 7e300\n");
    corsac_sim_fail(sim, "the mesh is tangled");
    exit(1);
  }
  if (is("says-long")) {
    char text[400];
    memset(text, 'x', sizeof text);
    snprintf(text + 380, 20, "all of it");
    corsac_sim_fail(sim, text);
    exit(1);
  }
  if (is("says-part")) {
    corsac_sim_fail(sim, "tangled");
    fprintf(stderr, "entangled\n");
    exit(1);
  }
  if (is("says")) {
    corsac_sim_fail(sim, "the mesh is\ntangled");
    usleep(100000);
    fprintf(stderr, "residual 7e300\n");
    exit(1);
  }
}

int main(int argc, char **argv) {
  what = argc > 1 ? argv[1] : "good";
  file = argc > 2 ? argv[2] : "";
  before_open();
  const double low[] = {-2, -2}, high[] = {is("once-bounds") && starts > 0 ? 7 : 6, 6};
  const char *const names[] = {"t", is("once-names") && starts > 0 ? "quarter" : "half"};
  const struct corsac_sim_spec spec = {.size = sizeof spec,
                                       .name = "faulty",
                                       .obs_dim = 2,
                                       .act_dim = is("once-dims") && starts > 0 ? 2 : 1,
                                       .max_episode_steps = is("endless") ? 25 : 0,
                                       .action_low = low,
                                       .action_high = high,
                                       .info_dim = 2,
                                       .info_names = names};
  struct corsac_sim *sim = corsac_sim_open(&spec);
  if (is("twice") && !corsac_sim_open(&spec)) hang();
  if (is("family")) have_family();
  int next = sim ? CORSAC_SIM_BEGIN : -1;
  while (next == CORSAC_SIM_BEGIN) {
    float obs[2] = {0, (float)(corsac_sim_seed(sim) % 1000) / 1000}, action = NAN;
    if (is("nan-reset")) obs[0] = INFINITY;
    if (is("hang-reset")) hang();
    if (is("once-slow")) usleep(300000);
    if (is("progress"))
      printf("%d: reset into episode %d after %d steps\n", (int)getpid(), (int)corsac_sim_episode(sim),
             (int)corsac_sim_env_steps(sim));
    next = corsac_sim_begin(sim, obs, &action);
    while (next == CORSAC_SIM_ACT) {
      if (!(action >= -2 && action <= 6)) abort();
      double reward = (double)action;
      obs[0] += 1;
      int flags = obs[0] >= 10 && !is("endless") ? CORSAC_TERMINATED : 0;
      if (obs[0] >= 3) in_step(sim, obs, &reward, &flags);
      corsac_sim_info(sim, (const double[]){(double)obs[0], (double)obs[0] / 2});
      if (is("slow")) usleep(100000);
      next = corsac_sim_step(sim, obs, reward, flags, &action);
    }
    if (strncmp(what, "once", 4) == 0 && next >= 0) exit(is("once-bad"));
  }
  if (is("slow-end")) sleep(1);
  corsac_sim_close(sim);
  return next == CORSAC_SIM_STOP ? 0 : 1;
}
