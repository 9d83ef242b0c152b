// A plugin that treats the process as its own: rude.so:WHAT[,INDEX]. WHAT says what it does, INDEX which environment of
// the job does it (without it all do). "calm" does nothing.
#include <corsac/env.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct body {
  double place, speed;
  int step;
  char what[64];
};

static bool does(const struct body *body, const char *what) { return strcmp(body->what, what) == 0; }

static void *end_process(void *unused) {
  (void)unused;
  exit(0);
}

static void take_signals(void (*handler)(int)) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGXCPU, SIGPIPE};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) signal(numbers[i], handler);
}

static void ignore(int number) { (void)number; }

static void block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void misbehave_in_create(const struct body *body) {
  if (does(body, "exit_create")) exit(0);
  if (does(body, "round")) fesetround(FE_UPWARD);
#if defined __x86_64__
  if (does(body, "flush")) __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
  if (does(body, "traps")) feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT);
  if (does(body, "default_handlers")) take_signals(SIG_DFL);
  if (does(body, "ignore_signals")) take_signals(SIG_IGN);
  if (does(body, "handlers")) take_signals(ignore);
  if (does(body, "mask")) block_signals();
  if (does(body, "umask")) umask(0777);
  if (does(body, "alarm")) alarm(1);
  if (does(body, "sleep_create")) sleep(60);
}

static void *create(const struct corsac_env_config *config, struct corsac_env_spec *spec, char *error,
                    size_t error_size) {
  static const double low = -1, high = 1;
  (void)error, (void)error_size;
  struct body *body = calloc(1, sizeof *body);
  if (!body) return NULL;
  unsigned long long index = config->index;
  sscanf(config->args, "%63[^,],%llu", body->what, &index);
  if (index != config->index) strcpy(body->what, "calm");
  spec->obs_dim = 2;
  spec->act_dim = 1;
  spec->max_episode_steps = 50;
  spec->action_low = &low;
  spec->action_high = &high;
  misbehave_in_create(body);
  return body;
}

static void observe(const struct body *body, float *obs) {
  obs[0] = (float)body->place;
  obs[1] = (float)body->speed;
}

static int reset(void *self, uint64_t seed, float *obs) {
  struct body *body = self;
  body->place = (double)(seed >> 11) * 0x1p-53 * 2 - 1;
  body->speed = 0;
  body->step = 0;
  if (does(body, "exit_reset")) exit(3);
  observe(body, obs);
  return 0;
}

static void misbehave_in_step(const struct body *body) {
  pthread_t thread;
  if (does(body, "exit")) exit(0);
  if (does(body, "quick_exit")) quick_exit(0);
  if (does(body, "_exit")) _exit(0);
  if (does(body, "exec")) execl("/bin/true", "true", (char *)NULL);
  if (does(body, "abort")) abort();
  if (does(body, "crash")) raise(SIGSEGV);
  if (does(body, "kill")) raise(SIGKILL);
  if (does(body, "pthread_exit")) pthread_exit(NULL);
  if (does(body, "exit_join") && pthread_create(&thread, NULL, end_process, NULL) == 0) pthread_join(thread, NULL);
  if (does(body, "exit_thread") && pthread_create(&thread, NULL, end_process, NULL) == 0) sleep(1);
  if (does(body, "fork") && fork() == 0) exit(7); // in its own child, which may
  if (does(body, "fork_back") && fork() == 0) return;
  if (does(body, "sleep") || does(body, "alarm")) sleep(60);
  if (does(body, "sleep_masked")) block_signals(), sleep(60);
}

static int step(void *self, const float *action, float *obs, double *reward) {
  struct body *body = self;
  body->speed += 0.1 * (double)*action;
  body->place += 0.1 * body->speed;
  *reward = -body->place * body->place * 1e-19;
  if (++body->step == 20) misbehave_in_step(body);
  if (does(body, "calm")) usleep(1000); // so that another one gets to its step in time
  observe(body, obs);
  if (does(body, "round_step")) fesetround(FE_DOWNWARD);
  return 0;
}

static void destroy(void *self) {
  if (does(self, "exit_destroy")) exit(0);
  free(self);
}

static int64_t save(void *self, void *buffer, size_t size) {
  if (size >= sizeof(struct body)) memcpy(buffer, self, sizeof(struct body));
  return sizeof(struct body);
}

static int load(void *self, const void *buffer, size_t size) {
  if (size != sizeof(struct body)) return -1;
  memcpy(self, buffer, size);
  return 0;
}

const struct corsac_env *corsac_env(void) {
  static const struct corsac_env env = {.abi = CORSAC_ENV_ABI,
                                        .size = sizeof env,
                                        .name = "rude",
                                        .create = create,
                                        .reset = reset,
                                        .step = step,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
  return &env;
}
