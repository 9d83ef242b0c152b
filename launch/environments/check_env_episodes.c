// check-env's first group: the table, an instance, and its episodes.
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/plural.h"
#include "launch/environments/check_env.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { UNENDING = 10000, SURVEY_RESETS = 32 };
static const double MOST_SECONDS = 20; // that the episodes may take together; the first one is played to its end

static void judge_table(struct check *check, const struct corsac_env *abi) {
  if (abi->flags & ~(uint32_t)CORSAC_ONE_PER_PROCESS)
    check_note(check, RULE_OPEN, BROKEN, "its flags are %u; known is CORSAC_ONE_PER_PROCESS (%d)", abi->flags,
               CORSAC_ONE_PER_PROCESS);
  if (!abi->name || !*abi->name) check_note(check, RULE_OPEN, WARNING, "it has no name: set the member name");
  if (abi->load && !abi->save)
    check_note(check, RULE_OPEN, WARNING, "it has load and no save, so load is never called");
  check_note(check, RULE_OPEN, GOOD, "%.60s, version %u of the ABI, %u bytes%s%s%s%s%s%s", abi->name ? abi->name : "",
             abi->abi, abi->size, abi->flags & CORSAC_ONE_PER_PROCESS ? ", one per process" : "",
             abi->save ? ", save and load" : "", abi->step_begin ? ", steps in halves" : "",
             abi->reset_begin ? ", resets in halves" : "", abi->agent_flags ? ", agents" : "",
             abi->error ? ", tells errors" : "");
}

// What episodes look like, so that an environment that resets itself at an episode's end is recognised.
struct survey {
  float *start, *previous, *least, *most; // (obs_dim): this episode's, and the box of all that resets gave
  uint32_t episodes, ended, resets_itself, terminated, shortest, longest;
  uint64_t steps, cut; // of all; of an episode that did not end by itself
  double seconds;      // in steps
};

static bool survey_init(struct survey *survey, uint32_t dim) {
  *survey = (struct survey){.shortest = UINT32_MAX};
  survey->start = memory_alloc((size_t)dim * 4, sizeof(float), "observations", NULL);
  if (!survey->start) return false;
  survey->previous = survey->start + dim;
  survey->least = survey->previous + dim;
  survey->most = survey->least + dim;
  for (uint32_t i = 0; i < dim; i++) survey->least[i] = INFINITY, survey->most[i] = -INFINITY;
  return true;
}

static void survey_reset(struct survey *survey, const struct probe *probe) {
  for (uint32_t i = 0; i < probe->obs_dim; i++) {
    survey->least[i] = fminf(survey->least[i], probe->obs[i]);
    survey->most[i] = fmaxf(survey->most[i], probe->obs[i]);
  }
  memcpy(survey->start, probe->obs, probe->obs_dim * sizeof(float));
}

static bool in_box(const struct survey *survey, const float *obs, uint32_t dim) {
  for (uint32_t i = 0; i < dim; i++)
    if (!(obs[i] >= survey->least[i] && obs[i] <= survey->most[i])) return false;
  return true;
}

static double distance(const float *a, const float *b, uint32_t dim) {
  double most = 0;
  for (uint32_t i = 0; i < dim; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
  return most;
}

// Whether the last observation looks like that of a reset. It equals the start of this episode; or it lies in the box
// of the starts, the observation before it does not, and the step between them is more than twice as long as any other.
// jump: the longest step of the episode before the last.
static bool looks_reset(const struct survey *survey, const struct probe *probe, double jump) {
  const uint32_t dim = probe->obs_dim;
  if (probe->step < 2 || probe->agents > 1 || memcmp(survey->previous, probe->obs, dim * sizeof(float)) == 0)
    return false;
  if (memcmp(survey->start, probe->obs, dim * sizeof(float)) == 0) return true;
  return probe->step >= 5 && in_box(survey, probe->obs, dim) && !in_box(survey, survey->previous, dim) &&
         distance(probe->obs, survey->previous, dim) > 2 * jump;
}

static bool play_episode(struct survey *survey, struct probe *probe, enum actions actions, double until) {
  struct check *check = probe->check;
  const uint32_t dim = probe->obs_dim;
  check->rule = RULE_RESET;
  if (!probe_reset(probe, probe_seed(1, probe->episode), false)) return false;
  survey_reset(survey, probe);
  memcpy(survey->previous, probe->obs, dim * sizeof(float));
  double jump = 0, last = 0;
  check->rule = RULE_STEP;
  const uint32_t most = probe->max_episode_steps ? probe->max_episode_steps : UNENDING;
  while (!probe->over && probe->step < most && clock_now() < until) {
    memcpy(survey->previous, probe->obs, dim * sizeof(float));
    probe_draw(probe, actions, 1, survey->steps++);
    const double begin = clock_now();
    if (!probe_step(probe, false)) return false;
    survey->seconds += clock_now() - begin;
    probe_info(probe);
    jump = fmax(jump, last);
    last = distance(probe->obs, survey->previous, dim);
  }
  survey->episodes++;
  if (!(probe->flags & (CORSAC_TERMINATED | CORSAC_TRUNCATED))) {
    if (!probe->over) survey->cut = probe->step;
    return true;
  }
  const uint32_t length = (uint32_t)probe->step;
  survey->ended++;
  survey->terminated += probe->flags == CORSAC_TERMINATED;
  survey->resets_itself += looks_reset(survey, probe, jump);
  if (length < survey->shortest) survey->shortest = length;
  if (length > survey->longest) survey->longest = length;
  return true;
}

static void judge_ends(struct check *check, const struct survey *survey, uint32_t limit) {
  if (survey->ended == 0)
    check_note(check, RULE_FINAL, SKIPPED, "no episode ended by itself in %u", survey->episodes);
  else if (2 * survey->resets_itself > survey->ended) // in fewer of them it is chance
    check_note(check, RULE_FINAL, WARNING,
               "the observation with which episodes end looks like that of a reset, in %u of %u that ended; step "
               "returns the true last observation, and the host calls reset",
               survey->resets_itself, survey->ended);
  else
    check_note(check, RULE_FINAL, GOOD, "%u episode%s ended with an observation of its own", survey->ended,
               plural(survey->ended));
  if (survey->ended >= 3 && survey->terminated == survey->ended && survey->shortest == survey->longest)
    check_note(check, RULE_LENGTH, WARNING,
               "all %u episodes ended with CORSAC_TERMINATED at step %u; a time limit is CORSAC_TRUNCATED, or "
               "max_episode_steps = %u, so that learning looks beyond it",
               survey->ended, survey->longest, survey->longest);
  if (limit == 0 && survey->cut > 0)
    check_note(check, RULE_LENGTH, WARNING,
               "max_episode_steps is 0 and an episode did not end in %" PRIu64 " steps; set it to end episodes that "
               "would go on for ever",
               survey->cut);
  if (limit > 0)
    check_note(check, RULE_LENGTH, GOOD, "the host cuts at %u step%s; %u of %u episode%s ended before", limit,
               plural(limit), survey->ended, survey->episodes, plural(survey->episodes));
  else if (survey->ended > 0)
    check_note(check, RULE_LENGTH, GOOD, "the host has no limit; episodes end after %u to %u step%s", survey->shortest,
               survey->longest, plural(survey->longest));
}

static void judge_info(struct check *check, const struct probe *probe) {
  if (probe->info_dim == 0) {
    check_note(check, RULE_INFO, SKIPPED, "it has no named values (optional)");
    return;
  }
  for (uint32_t i = 0; i < probe->info_dim; i++)
    if (!(probe->informed & 1u << i))
      check_note(check, RULE_INFO, WARNING, "info never wrote value %u, %s", i, probe->info_names[i]);
  check_note(check, RULE_INFO, GOOD, "%u named value%s", probe->info_dim, plural(probe->info_dim));
}

static void judge_clean(struct check *check, const struct probe *probe, const struct survey *survey) {
  check_note(check, RULE_RESET, GOOD, "%" PRIu64 " reset%s", probe->episode, plural(probe->episode));
  check_note(check, RULE_STEP, GOOD, "%" PRIu64 " step%s in %u episode%s: actions at their bounds and between",
             survey->steps, plural(survey->steps), survey->episodes, plural(survey->episodes));
  check_note(check, RULE_OBSERVATION, GOOD, "%u component%s written and finite", probe->obs_dim,
             probe->obs_dim == 1 ? " is" : "s are");
  check_note_agents(check, probe);
  check_note(check, RULE_REWARD, GOOD, "written and finite");
  check_note(check, RULE_FLAGS, GOOD, "only known ones");
  if (check->steps_per_s > 0)
    check_note(check, RULE_SPEED, GOOD, "%.*f steps/s, with the time of reset not counted",
               check->steps_per_s < 100 ? 2 : 0, check->steps_per_s);
}

static void play_episodes(struct check *check, struct probe *probe, struct survey *survey) {
  // Actions at their bounds come first: what fails there fails at once.
  static const enum actions kinds[] = {ACTIONS_LOW, ACTIONS_HIGH, ACTIONS_CORNERS, ACTIONS_RANDOM, ACTIONS_RANDOM};
  const double begin = clock_now();
  bool good = true;
  check->rule = RULE_RESET;
  for (int i = 0; i < SURVEY_RESETS && good && clock_now() - begin < MOST_SECONDS / 10; i++) {
    good = probe_reset(probe, probe_seed(1, probe->episode), false);
    if (good) survey_reset(survey, probe);
  }
  for (uint64_t i = 0; i < check->episodes && good && (i == 0 || clock_now() - begin < MOST_SECONDS); i++)
    good = play_episode(survey, probe, kinds[i % 5], begin + MOST_SECONDS);
  if (survey->seconds > 0) check->steps_per_s = (double)survey->steps / survey->seconds;
  if (!good) return;
  check->usable = true;
  judge_ends(check, survey, probe->max_episode_steps);
  judge_clean(check, probe, survey);
  judge_info(check, probe);
}

void check_episodes(struct check *check, const struct environment_kind *kind) {
  judge_table(check, kind->abi);
  check->saves = kind->abi->save;
  check->halves = kind->abi->step_begin;
  check->reset_halves = kind->abi->reset_begin;
  check->host_flags = kind->abi->flags;
  check->rule = RULE_CREATE;
  struct probe probe;
  struct survey survey = {0};
  if (probe_create(&probe, check, kind, 0) && survey_init(&survey, probe.obs_dim)) {
    check_note(check, RULE_CREATE, GOOD, "made an instance");
    check->obs_dim = probe.obs_dim / probe.agents;
    check->act_dim = probe.act_dim / probe.agents;
    check->agents = probe.agents;
    check->max_episode_steps = probe.max_episode_steps;
    play_episodes(check, &probe, &survey);
    check_note(check, RULE_BUFFERS, GOOD, "nothing is written around obs, *reward, the spec and the error's text");
  }
  check->rule = RULE_CREATE;
  probe_destroy(&probe);
  memory_free(survey.start);
}
