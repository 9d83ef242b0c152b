// libcorsac_sim: alone, and with a host whose part the test plays; the channel's bell; what the library refuses.
#include "common/base/clock.h"
#include "common/env/channel_child.h"
#include "common/sim/sim.h"
#include "tests/support/unit.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const double low[] = {-1, 0}, high[] = {1, 1e-3};
static const char *const names[] = {"t"};
static struct corsac_sim_spec make_spec(void) {
  return (struct corsac_sim_spec){.size = sizeof(struct corsac_sim_spec),
                                  .name = "walk",
                                  .obs_dim = 1,
                                  .act_dim = 2,
                                  .max_episode_steps = 7,
                                  .action_low = low,
                                  .action_high = high,
                                  .info_dim = 1,
                                  .info_names = names};
}

// A simulator's main loop. obs = the sum of the first action's components; terminates at `end` steps (0: never).
struct walk {
  struct corsac_sim_spec spec;
  int end, nan_at;
  bool as_agent; // it gives rewards and ends through corsac_sim_agents
  int opened, next, episodes, steps;
  uint64_t seeds[8];
  double sum;
  bool within;
};

static void *walk(void *context) {
  struct walk *walk = context;
  struct corsac_sim *sim = corsac_sim_open(&walk->spec);
  walk->opened = sim != NULL;
  walk->within = true;
  walk->next = sim ? CORSAC_SIM_BEGIN : -1;
  while (walk->next == CORSAC_SIM_BEGIN) {
    if (walk->episodes < 8) walk->seeds[walk->episodes] = corsac_sim_seed(sim);
    walk->episodes++;
    float obs = 0, action[2];
    walk->next = corsac_sim_begin(sim, &obs, action);
    for (int t = 1; walk->next == CORSAC_SIM_ACT; t++) {
      for (int i = 0; i < 2; i++) walk->within &= (double)action[i] >= low[i] && (double)action[i] <= high[i];
      walk->steps++;
      walk->sum += (double)action[0];
      obs = t == walk->nan_at ? NAN : obs + action[0];
      corsac_sim_info(sim, &(double){t});
      const int flags = t == walk->end ? CORSAC_TERMINATED : 0;
      if (walk->as_agent) corsac_sim_agents(sim, &(double){-1.5 * t}, &(uint8_t){(uint8_t)flags}); // 0: CORSAC_ABSENT
      walk->next = corsac_sim_step(sim, &obs, walk->as_agent ? 99 : -1.5 * t, walk->as_agent ? 0 : flags, action);
    }
  }
  corsac_sim_close(sim);
  return NULL;
}

// --- alone ---

static void test_alone(void) {
  unsetenv(CHANNEL_VARIABLE);
  setenv("CORSAC_EPISODES", "3", 1);
  setenv("CORSAC_SEED", "5", 1);
  struct walk first = {.spec = make_spec(), .end = 4}, again = first, other = first, endless = first;
  walk(&first);
  CU_ASSERT_TRUE_FATAL(first.opened);
  CU_ASSERT_EQUAL(first.next, CORSAC_SIM_STOP);
  CU_ASSERT_EQUAL(first.episodes, 3);
  CU_ASSERT_EQUAL(first.steps, 12);
  CU_ASSERT_TRUE(first.within);
  CU_ASSERT(first.seeds[0] != first.seeds[1]);
  again.as_agent = true;
  walk(&again);
  CU_ASSERT_EQUAL(again.steps, first.steps);
  CU_ASSERT_EQUAL(again.sum, first.sum);
  CU_ASSERT_EQUAL(memcmp(again.seeds, first.seeds, sizeof first.seeds), 0);
  setenv("CORSAC_SEED", "6", 1);
  walk(&other);
  CU_ASSERT_TRUE(other.sum != first.sum);
  CU_ASSERT_TRUE(other.seeds[0] != first.seeds[0]);
  endless.end = 0; // max_episode_steps cuts it
  walk(&endless);
  CU_ASSERT_EQUAL(endless.episodes, 3);
  CU_ASSERT_EQUAL(endless.steps, 21);
  struct walk broken = {.spec = make_spec(), .nan_at = 2};
  walk(&broken);
  CU_ASSERT_TRUE(broken.next < 0);
  CU_ASSERT_EQUAL(broken.steps, 2);
  unsetenv("CORSAC_EPISODES");
  unsetenv("CORSAC_SEED");
}

// Two agents, of which the second one ends in step 1 and is not there later: its reward is NaN then. The first one has
// 1 in each of 4 steps, the second one 3 in its only one. Returns what the last step returned.
static int play_pair(void) {
  struct corsac_sim_spec spec = make_spec();
  spec.agents = 2;
  struct corsac_sim *sim = corsac_sim_open(&spec);
  CU_ASSERT_PTR_NOT_NULL_FATAL(sim);
  const float obs[2] = {0};
  float action[4];
  int next = corsac_sim_begin(sim, obs, action);
  for (int t = 1; next == CORSAC_SIM_ACT; t++) {
    const uint8_t flags[] = {CORSAC_PRESENT, t == 1 ? CORSAC_TERMINATED : CORSAC_ABSENT};
    corsac_sim_agents(sim, (const double[]){1, t == 1 ? 3 : (double)NAN}, flags);
    next = corsac_sim_step(sim, obs, 0, t == 4 ? CORSAC_TRUNCATED : 0, action);
  }
  corsac_sim_close(sim);
  return next;
}

static void test_alone_agents(void) {
  char text[512] = "";
  FILE *said = tmpfile();
  const int before = dup(STDERR_FILENO);
  CU_ASSERT_PTR_NOT_NULL_FATAL(said);
  CU_ASSERT_TRUE_FATAL(before >= 0 && dup2(fileno(said), STDERR_FILENO) >= 0);
  unsetenv(CHANNEL_VARIABLE);
  setenv("CORSAC_EPISODES", "1", 1);
  const int next = play_pair();
  unsetenv("CORSAC_EPISODES");
  CU_ASSERT_TRUE(dup2(before, STDERR_FILENO) >= 0);
  close(before);
  rewind(said);
  CU_ASSERT_TRUE(fread(text, 1, sizeof text - 1, said) > 0);
  fclose(said);
  CU_ASSERT_EQUAL(next, CORSAC_SIM_STOP);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "episode 0: 4 steps, return 3.5, truncated")); // (4 + 3) / 2
}

static int no_state(struct corsac_sim *sim, void *user) { return sim && user ? 0 : -1; }
static void refuse(struct corsac_sim_spec spec) { CU_ASSERT_PTR_NULL(corsac_sim_open(&spec)); }

static void test_bad_spec(void) {
  struct corsac_sim_spec spec;
  CU_ASSERT_PTR_NULL(corsac_sim_open(NULL));
  spec = make_spec(), spec.size = 8, refuse(spec);
  spec = make_spec(), spec.obs_dim = 0, refuse(spec);
  spec = make_spec(), spec.act_dim = 0, refuse(spec);
  spec = make_spec(), spec.obs_dim = 1u << 30, refuse(spec);
  spec = make_spec(), spec.action_high = NULL, refuse(spec);
  spec = make_spec(), spec.action_high = low, refuse(spec);
  spec = make_spec(), spec.action_low = (const double[]){-INFINITY, 0}, refuse(spec);
  const double far_low[2] = {-1.7e308, 0}, far_high[2] = {1.7e308, 1}; // whose difference is not finite
  spec = make_spec(), spec.action_low = far_low, spec.action_high = far_high, refuse(spec);
  spec = make_spec(), spec.info_dim = 17, refuse(spec);
  spec = make_spec(), spec.info_names = NULL, refuse(spec);
  const char *const long_name[] = {"a_name_of_more_than_31_characters"};
  spec = make_spec(), spec.info_names = long_name, refuse(spec);
  static const uint8_t unknown[2] = {CORSAC_INFO_MAX, CORSAC_INFO_MAX + 1};
  spec = make_spec(), spec.info_dim = 2, spec.info_names = (const char *const[]){"a", "b"}, spec.info_rules = unknown;
  refuse(spec);
  spec.size = offsetof(struct corsac_sim_spec, save); // of a program that was built before there were states
  refuse(spec);
  spec.size = offsetof(struct corsac_sim_spec, info_rules); // of one that was built before there were rules
  struct corsac_sim *sim = corsac_sim_open(&spec);
  CU_ASSERT_PTR_NOT_NULL(sim);
  corsac_sim_close(sim);
  spec = make_spec(), spec.save = no_state, refuse(spec);
  spec = make_spec(), spec.load = no_state, refuse(spec);
  spec.size = offsetof(struct corsac_sim_spec, save);
  sim = corsac_sim_open(&spec);
  CU_ASSERT_PTR_NOT_NULL_FATAL(sim);
  CU_ASSERT_EQUAL(corsac_sim_put(sim, &spec, 1), -1); // outside of save and load
  CU_ASSERT_EQUAL(corsac_sim_get(sim, &spec, 1), -1);
  CU_ASSERT_EQUAL(corsac_sim_put_file(sim, "/proc/version"), -1);
  CU_ASSERT_EQUAL(corsac_sim_get_file(sim, "/no/file"), -1);
  CU_ASSERT_EQUAL(corsac_sim_left(sim), 0);
  CU_ASSERT_EQUAL(corsac_sim_resumes(sim), 0);
  corsac_sim_close(sim);
  corsac_sim_close(NULL);
}

// What a simulator says on stderr while its locale writes 0,5. text: (size)
static void said_with_comma(struct corsac_sim_spec spec, char *text, size_t size) {
  FILE *said = tmpfile();
  const int before = dup(STDERR_FILENO);
  CU_ASSERT_PTR_NOT_NULL_FATAL(said);
  CU_ASSERT_TRUE_FATAL(before >= 0);
  CU_ASSERT_TRUE_FATAL(dup2(fileno(said), STDERR_FILENO) >= 0);
  unsetenv(CHANNEL_VARIABLE);
  setenv("CORSAC_EPISODES", "1", 1);
  unit_set_comma_locale();
  struct walk one = {.spec = spec, .end = 1};
  walk(&one);
  char half[16];
  snprintf(half, sizeof half, "%.1f", 0.5);
  CU_ASSERT_STRING_EQUAL(half, "0,5"); // still the simulator's own
  setlocale(LC_ALL, "C");
  unsetenv("CORSAC_EPISODES");
  dup2(before, STDERR_FILENO);
  close(before);
  rewind(said);
  text[fread(text, 1, size - 1, said)] = 0;
  fclose(said);
}

static void test_locale(void) {
  char text[1024];
  struct corsac_sim_spec spec = make_spec();
  spec.action_low = (const double[]){-1, 0.5};
  said_with_comma(spec, text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "[0.5, 0.001]"));
  said_with_comma(make_spec(), text, sizeof text);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, "return -1.5"));
  CU_ASSERT_PTR_NULL(strstr(text, ",5"));
}

// --- driven ---

struct host {
  int file;
  struct channel *channel;
  struct channel_patience patience;
  pthread_t thread;
  struct walk walk;
};

static void make_channel(struct host *host) {
  host->file = memfd_create("test", 0);
  CU_ASSERT_TRUE_FATAL(host->file >= 0);
  CU_ASSERT_EQUAL_FATAL(ftruncate(host->file, (off_t)CHANNEL_STATE), 0);
  void *memory = mmap(NULL, sizeof(struct channel), PROT_READ | PROT_WRITE, MAP_SHARED, host->file, 0);
  CU_ASSERT_FATAL(memory != MAP_FAILED);
  host->channel = memory;
  host->channel->magic = CHANNEL_MAGIC;
  host->channel->version = CHANNEL_VERSION;
  host->channel->size = sizeof(struct channel);
  host->channel->host = (int32_t)getpid();
  host->channel->request = CHANNEL_OPEN;
  host->channel->asked = 1;
  char variable[64];
  snprintf(variable, sizeof variable, "%d:/proc/self/fd/%d", dup(host->file), host->file); // the simulator closes it
  setenv(CHANNEL_VARIABLE, variable, 1);
}

static void release(struct host *host) {
  munmap(host->channel, sizeof(struct channel));
  close(host->file);
  unsetenv(CHANNEL_VARIABLE);
}

static void await_answer(struct host *host) {
  struct channel *channel = host->channel;
  for (const double until = clock_now() + 20; clock_now() < until;) {
    const uint32_t seen = atomic_load(&channel->to_host.rung);
    if (atomic_load(&channel->answered) == atomic_load(&channel->asked)) return;
    channel_wait(&channel->to_host, seen, 0.1, &host->patience);
  }
  CU_FAIL_FATAL("no answer");
}

static void post(struct host *host, enum channel_request request) {
  host->channel->request = request;
  atomic_fetch_add(&host->channel->asked, 1);
  channel_ring(&host->channel->to_child);
}

static void ask(struct host *host, enum channel_request request) {
  post(host, request);
  await_answer(host);
}

static void begin_walk(struct host *host, const struct walk *walks) {
  make_channel(host);
  host->walk = *walks;
  CU_ASSERT_EQUAL_FATAL(pthread_create(&host->thread, NULL, walk, &host->walk), 0);
  await_answer(host);
}

static void begin(struct host *host, int end) { begin_walk(host, &(struct walk){.spec = make_spec(), .end = end}); }

static void drive(bool as_agent) {
  struct host host = {0};
  begin_walk(&host, &(struct walk){.spec = make_spec(), .end = 3, .as_agent = as_agent});
  const struct channel_spec *spec = &host.channel->spec;
  CU_ASSERT_EQUAL(spec->obs_dim, 1);
  CU_ASSERT_EQUAL(spec->act_dim, 2);
  CU_ASSERT_EQUAL(spec->max_episode_steps, 7);
  CU_ASSERT_EQUAL(spec->flags, CHANNEL_TAKES_CASE);
  CU_ASSERT_STRING_EQUAL(spec->name, "walk");
  CU_ASSERT_STRING_EQUAL(spec->info_names[0], "t");
  CU_ASSERT_EQUAL(host.channel->action_high[1], 1e-3);
  for (uint64_t episode = 0; episode < 3; episode++) {
    host.channel->seed = 100 + episode;
    ask(&host, CHANNEL_RESET);
    CU_ASSERT_EQUAL(host.channel->obs[0], 0);
    for (int t = 1; t <= (episode == 1 ? 2 : 3); t++) { // the second is cut
      host.channel->action[0] = 0.25f;
      ask(&host, CHANNEL_STEP);
      CU_ASSERT_EQUAL(host.channel->answer.status, CHANNEL_OK);
      CU_ASSERT_EQUAL(host.channel->obs[0], 0.25f * (float)t);
      CU_ASSERT_EQUAL(host.channel->answer.reward, -1.5 * t);
      CU_ASSERT_EQUAL(host.channel->info[0], t);
      CU_ASSERT_EQUAL(host.channel->answer.flags, t == 3 ? CORSAC_TERMINATED : 0);
    }
    ask(&host, CHANNEL_SAVE);
    CU_ASSERT_EQUAL(host.channel->answer.status, CHANNEL_OK);
    CU_ASSERT_EQUAL(host.channel->answer.state_size, 0);
  }
  post(&host, CHANNEL_CLOSE);
  pthread_join(host.thread, NULL);
  CU_ASSERT_EQUAL(host.walk.next, CORSAC_SIM_STOP);
  CU_ASSERT_EQUAL(host.walk.episodes, 3);
  CU_ASSERT_EQUAL(host.walk.steps, 8);
  CU_ASSERT_EQUAL(host.walk.seeds[0], 100);
  CU_ASSERT_EQUAL(host.walk.seeds[2], 102);
  release(&host);
}

static void test_driven(void) { drive(false); }

static void test_driven_agent(void) { drive(true); }

static void test_stopped_before_an_episode(void) {
  struct host host = {0};
  begin(&host, 3);
  post(&host, CHANNEL_CLOSE);
  pthread_join(host.thread, NULL);
  CU_ASSERT_TRUE_FATAL(host.walk.opened);
  CU_ASSERT_EQUAL(host.walk.next, CORSAC_SIM_STOP);
  CU_ASSERT_EQUAL(host.walk.steps, 0);
  release(&host);
}

static void test_refused_requests(void) {
  struct host host = {0};
  begin(&host, 3);
  ask(&host, CHANNEL_STEP); // before an episode has begun
  CU_ASSERT_EQUAL(host.channel->answer.status, CHANNEL_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(host.channel->answer.text, "before an episode"));
  pthread_join(host.thread, NULL);
  release(&host);
  begin(&host, 3);
  ask(&host, CHANNEL_LOAD);
  CU_ASSERT_EQUAL(host.channel->answer.status, CHANNEL_FAILED);
  CU_ASSERT_PTR_NOT_NULL(strstr(host.channel->answer.text, "has no save and load"));
  pthread_join(host.thread, NULL);
  release(&host);
  begin(&host, 3);
  post(&host, 77);
  pthread_join(host.thread, NULL);
  CU_ASSERT(host.walk.next < 0 || !host.walk.opened);
  release(&host);
}

// --- what the library does not take for a channel ---

static void refuse_channel(const char *text) {
  struct channel_child child;
  CU_ASSERT(channel_child_open(&child) < 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(child.why, text));
  if (!strstr(child.why, text)) fprintf(stderr, "\n    \"%s\" does not say \"%s\"\n", child.why, text);
}

static void test_bad_channel(void) {
  unsetenv(CHANNEL_VARIABLE);
  CU_ASSERT_FALSE(channel_child_wanted());
  refuse_channel("not set");
  static const struct {
    const char *value, *said;
  } values[] = {
      {"x", "CORSAC_CHANNEL=x names no channel: it has to be NUMBER:PATH of an open file, unix:PATH:KEY or tcp:"},
      {"-3:", "CORSAC_CHANNEL=-3: names no channel"},
      {"4x", "CORSAC_CHANNEL=4x names no channel"},
      {"977", "CORSAC_CHANNEL=977 leads to no channel: whoever started this program has closed it"},
      {"0:/dev/null", "leads to no channel"}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    setenv(CHANNEL_VARIABLE, values[i].value, 1);
    CU_ASSERT_TRUE(channel_child_wanted());
    refuse_channel(values[i].said);
  }
  struct host host = {0};
  make_channel(&host);
  host.channel->version = 7;
  refuse_channel("version 7 of the channel");
  CU_ASSERT_EQUAL(host.channel->child_version, CHANNEL_VERSION);
  release(&host);
  make_channel(&host);
  host.channel->size++;
  refuse_channel("build it with that corsac's library");
  release(&host);
  make_channel(&host);
  CU_ASSERT_EQUAL(ftruncate(host.file, 4096), 0);
  refuse_channel("cut off");
  release(&host);
  make_channel(&host);
  host.channel->claimed = 4242;
  refuse_channel("process 4242 has opened");
  release(&host);
}

// A launcher closed the descriptor: the path still leads there.
static void test_found_by_path(void) {
  struct host host = {0};
  make_channel(&host);
  char variable[64];
  snprintf(variable, sizeof variable, "977:/proc/%d/fd/%d", (int)getpid(), host.file);
  setenv(CHANNEL_VARIABLE, variable, 1);
  struct channel_child child;
  CU_ASSERT_EQUAL(channel_child_open(&child), 0);
  channel_child_close(&child);
  release(&host);
}

static void test_host_gone(void) {
  struct host host = {0};
  make_channel(&host);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  host.channel->host = (int32_t)pid;
  struct channel_child child;
  CU_ASSERT_EQUAL_FATAL(channel_child_open(&child), 0); // it still exists: its parent has not waited for it
  waitpid(pid, NULL, 0);
  CU_ASSERT(channel_child_wait(&child) < 0);
  CU_ASSERT_STRING_EQUAL(child.why, "corsac is gone");
  channel_child_close(&child);
  release(&host);
}

// --- the bell ---

static void *ring_later(void *bell) {
  usleep(20000);
  channel_ring(bell);
  return NULL;
}

static void test_bell(void) {
  static struct channel_bell bell;
  struct channel_patience patience = {0};
  double start = clock_now();
  channel_wait(&bell, 0, 0.05, &patience);
  CU_ASSERT(clock_now() - start >= 0.045); // there was no ring
  channel_ring(&bell);
  start = clock_now();
  channel_wait(&bell, 0, 20, &patience); // rung before: no sleep
  CU_ASSERT(clock_now() - start < 10);
  for (uint32_t i = 1; i <= 3; i++) { // rung while asleep
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ring_later, &bell), 0);
    start = clock_now();
    while (atomic_load(&bell.rung) == i && clock_now() - start < 20) channel_wait(&bell, i, 20, &patience);
    CU_ASSERT(clock_now() - start < 10);
    pthread_join(thread, NULL);
  }
}

int main(void) {
  static const struct unit_case cases[] = {
      {"alone: random actions in the bounds, as many episodes as asked for", test_alone},
      {"alone: the rewards of agents that acted count, and the mean over these", test_alone_agents},
      {"a spec that cannot be is refused", test_bad_spec},
      {"numbers have a point in a simulator whose locale writes a comma, which it keeps", test_locale},
      {"driven: resets, steps, cuts, info, the end", test_driven},
      {"a simulator of one agent may tell its reward and its end as several do", test_driven_agent},
      {"stopped before its first episode", test_stopped_before_an_episode},
      {"requests that it cannot follow are answered so", test_refused_requests},
      {"a file that is no channel, or of another version, is refused by name", test_bad_channel},
      {"the channel is found by its path, too", test_found_by_path},
      {"the end of the host ends a wait", test_host_gone},
      {"a bell wakes, is not missed, and its wait ends", test_bell},
  };
  return unit_run("sim", cases, sizeof cases / sizeof *cases);
}
