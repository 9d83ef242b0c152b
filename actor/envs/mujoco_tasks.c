// The MuJoCo tasks, version 5, as Gymnasium defines them (gymnasium/envs/mujoco/*_v5.py): observation, reward, end and
// begin of an episode. Sums are made in NumPy's order, so that rewards agree bit for bit.
#include "actor/envs/mujoco.h"

#include <math.h>
#include <string.h>

static double clip(double x, double low, double high) { return fmin(fmax(x, low), high); }

static float *append(float *obs, const double *values, int count) {
  for (int i = 0; i < count; i++) obs[i] = (float)values[i];
  return obs + count;
}
static float *append_clipped(float *obs, const double *values, int count, double bound) {
  for (int i = 0; i < count; i++) obs[i] = (float)clip(values[i], -bound, bound);
  return obs + count;
}

// np.sum of up to 128 numbers: eight running sums, added in pairs, then the rest one by one.
static double sum(const double *x, int count) {
  if (count < 8) {
    double total = 0;
    for (int i = 0; i < count; i++) total += x[i];
    return total;
  }
  double part[8];
  memcpy(part, x, sizeof part);
  int i = 8;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; k++) part[k] += x[i + k];
  double total = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
  for (; i < count; i++) total += x[i];
  return total;
}

enum { MAX_SUM = 128 };
static double sum_of_squares(const double *x, int count, double bound) {
  double square[MAX_SUM];
  for (int i = 0; i < count; i++) {
    const double value = clip(x[i], -bound, bound);
    square[i] = value * value;
  }
  return sum(square, count);
}

// sum_i a_i^2
static double effort(const struct mujoco_instance *instance) {
  return sum_of_squares(instance->view.ctrl, instance->view.nu, INFINITY);
}

static double forward_x(const struct mujoco_instance *instance) { return instance->view.qpos[0]; }

// qpos without its first `skipped` numbers (the position in the world), then qvel.
static float *observe_state(const struct mujoco_instance *instance, int skipped, double bound, float *obs) {
  const struct mujoco_view *view = &instance->view;
  obs = append(obs, view->qpos + skipped, view->nq - skipped);
  return append_clipped(obs, view->qvel, view->nv, bound);
}

// --- HalfCheetah-v5: reward = x' - 0.1 |a|^2; never terminates ---

static void observe_runner(const struct mujoco_instance *instance, float *obs) {
  observe_state(instance, 1, INFINITY, obs);
}

static double reward_half_cheetah(const struct mujoco_instance *instance, const float *action, double velocity,
                                  bool *terminated) {
  (void)action, (void)terminated;
  return velocity - 0.1 * effort(instance);
}

// --- Hopper-v5, Walker2d-v5: reward = x' + 1 while healthy - 0.001 |a|^2; terminates when unhealthy ---

static void observe_walker(const struct mujoco_instance *instance, float *obs) { observe_state(instance, 1, 10, obs); }

static bool within(double x, double low, double high) { return low < x && x < high; }

// z above 0.7, |angle| < 0.2, everything from the third coordinate on within (-100, 100)
static double reward_hopper(const struct mujoco_instance *instance, const float *action, double velocity,
                            bool *terminated) {
  (void)action;
  const struct mujoco_view *view = &instance->view;
  bool healthy = view->qpos[1] > 0.7 && view->qpos[1] < INFINITY && within(view->qpos[2], -0.2, 0.2);
  for (int i = 2; i < view->nq; i++) healthy &= within(view->qpos[i], -100, 100);
  for (int i = 0; i < view->nv; i++) healthy &= within(view->qvel[i], -100, 100);
  *terminated = !healthy;
  return velocity + (healthy ? 1 : 0) - 0.001 * effort(instance);
}

// z in (0.8, 2), angle in (-1, 1)
static double reward_walker2d(const struct mujoco_instance *instance, const float *action, double velocity,
                              bool *terminated) {
  (void)action;
  const bool healthy = within(instance->view.qpos[1], 0.8, 2) && within(instance->view.qpos[2], -1, 1);
  *terminated = !healthy;
  return velocity + (healthy ? 1 : 0) - 0.001 * effort(instance);
}

// --- Ant-v5: reward = x' of the torso + 1 while healthy - 0.5 |a|^2 - 0.0005 |contact forces in [-1, 1]|^2 ---

static double torso_x(const struct mujoco_instance *instance) { return instance->view.xpos[3]; } // body 1

static void observe_ant(const struct mujoco_instance *instance, float *obs) {
  obs = observe_state(instance, 2, INFINITY, obs);
  append_clipped(obs, instance->view.cfrc_ext + 6, 6 * (instance->view.nbody - 1), 1); // without the world
}

static double reward_ant(const struct mujoco_instance *instance, const float *action, double velocity,
                         bool *terminated) {
  (void)action;
  const struct mujoco_view *view = &instance->view;
  bool healthy = view->qpos[2] >= 0.2 && view->qpos[2] <= 1;
  for (int i = 0; i < view->nq; i++) healthy &= isfinite(view->qpos[i]) != 0;
  for (int i = 0; i < view->nv; i++) healthy &= isfinite(view->qvel[i]) != 0;
  *terminated = !healthy;
  const double contact = 5e-4 * sum_of_squares(view->cfrc_ext, 6 * view->nbody, 1);
  return velocity + (healthy ? 1 : 0) - (0.5 * effort(instance) + contact);
}

// --- Humanoid-v5: reward = 1.25 x' of the centre of mass + 5 while healthy - 0.1 |a|^2 - contact cost ---

static double mass_center_x(const struct mujoco_instance *instance) {
  const struct mujoco_view *view = &instance->view;
  double moment = 0;
  for (int i = 0; i < view->nbody; i++) moment += view->body_mass[i] * view->xipos[3 * i];
  return moment / sum(view->body_mass, view->nbody);
}

// qpos without x and y, qvel, then of every body but the world inertia, velocity and outer force, actuators' forces
static void observe_humanoid(const struct mujoco_instance *instance, float *obs) {
  const struct mujoco_view *view = &instance->view;
  const int bodies = view->nbody - 1;
  obs = observe_state(instance, 2, INFINITY, obs);
  obs = append(obs, view->cinert + 10, 10 * bodies);
  obs = append(obs, view->cvel + 6, 6 * bodies);
  obs = append(obs, view->qfrc_actuator + 6, view->nv - 6); // without the torso's six
  append(obs, view->cfrc_ext + 6, 6 * bodies);
}

// 5e-7 |contact forces|^2, at most 10
static double contact_cost(const struct mujoco_view *view) {
  return fmin(5e-7 * sum_of_squares(view->cfrc_ext, 6 * view->nbody, INFINITY), 10);
}

static double reward_humanoid(const struct mujoco_instance *instance, const float *action, double velocity,
                              bool *terminated) {
  (void)action;
  const bool healthy = within(instance->view.qpos[2], 1, 2);
  *terminated = !healthy;
  return 1.25 * velocity + (healthy ? 5 : 0) - (0.1 * effort(instance) + contact_cost(&instance->view));
}

// --- HumanoidStandup-v5: reward = z / timestep - 0.1 |a|^2 - contact cost + 1; never terminates ---

static double reward_humanoid_standup(const struct mujoco_instance *instance, const float *action, double velocity,
                                      bool *terminated) {
  (void)action, (void)velocity, (void)terminated;
  const struct mujoco_view *view = &instance->view;
  return view->qpos[2] / view->timestep - 0.1 * effort(instance) - contact_cost(view) + 1;
}

// --- Swimmer-v5: reward = x' - 0.0001 |a|^2; never terminates ---

static void observe_swimmer(const struct mujoco_instance *instance, float *obs) {
  observe_state(instance, 2, INFINITY, obs);
}

static double reward_swimmer(const struct mujoco_instance *instance, const float *action, double velocity,
                             bool *terminated) {
  (void)action, (void)terminated;
  return velocity - 1e-4 * effort(instance);
}

// --- the distance of two bodies ---

static void difference(const struct mujoco_instance *instance, int from, int to, double vector[3]) {
  const double *a = instance->view.xpos + 3 * instance->body[from], *b = instance->view.xpos + 3 * instance->body[to];
  for (int i = 0; i < 3; i++) vector[i] = b[i] - a[i];
}
static double distance(const struct mujoco_instance *instance, int from, int to) {
  double v[3];
  difference(instance, from, to, v);
  return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

// --- Reacher-v5: an arm's fingertip (body 0) shall be at the target (1), both in a plane ---
// reward = -distance - |a|^2; the target is uniform in the circle of radius 0.2

static void draw_reacher(const struct mujoco_instance *instance, struct random *random, double *qpos, double *qvel) {
  double *target = qpos + instance->view.nq - 2;
  do {
    for (int i = 0; i < 2; i++) target[i] = -0.2 + 0.4 * random_uniform(random);
  } while (!(sqrt(target[0] * target[0] + target[1] * target[1]) < 0.2));
  for (int i = instance->view.nv - 2; i < instance->view.nv; i++) qvel[i] = 0;
}

static void observe_reacher(const struct mujoco_instance *instance, float *obs) {
  const struct mujoco_view *view = &instance->view;
  double apart[3];
  difference(instance, 1, 0, apart);
  for (int i = 0; i < 2; i++) *obs++ = (float)cos(view->qpos[i]);
  for (int i = 0; i < 2; i++) *obs++ = (float)sin(view->qpos[i]);
  obs = append(obs, view->qpos + 2, view->nq - 2);
  obs = append(obs, view->qvel, 2);
  append(obs, apart, 2);
}

static double reward_reacher(const struct mujoco_instance *instance, const float *action, double velocity,
                             bool *terminated) {
  (void)action, (void)velocity, (void)terminated;
  return -distance(instance, 1, 0) - effort(instance);
}

// --- Pusher-v5: an arm's tip (body 0) shall push the object (1) to the goal (2) ---
// reward = -distance(object, goal) - 0.1 |a|^2 - 0.5 distance(object, tip); the object begins in [-0.3, 0] x [-0.2,
// 0.2], more than 0.17 from the goal, which is at the origin; the arm begins as the model says

static void draw_pusher(const struct mujoco_instance *instance, struct random *random, double *qpos, double *qvel) {
  double *object = qpos + instance->view.nq - 4;
  do {
    object[0] = -0.3 + 0.3 * random_uniform(random);
    object[1] = -0.2 + 0.4 * random_uniform(random);
  } while (!(sqrt(object[0] * object[0] + object[1] * object[1]) > 0.17));
  object[2] = object[3] = 0;
  for (int i = instance->view.nv - 4; i < instance->view.nv; i++) qvel[i] = 0;
}

static void observe_pusher(const struct mujoco_instance *instance, float *obs) {
  const struct mujoco_view *view = &instance->view;
  obs = append(obs, view->qpos, 7);
  obs = append(obs, view->qvel, 7);
  for (int i = 0; i < 3; i++) obs = append(obs, view->xpos + 3 * instance->body[i], 3);
}

static double reward_pusher(const struct mujoco_instance *instance, const float *action, double velocity,
                            bool *terminated) {
  (void)action, (void)velocity, (void)terminated;
  return -distance(instance, 2, 1) - effort(instance) * 0.1 - distance(instance, 0, 1) * 0.5;
}

// --- InvertedPendulum-v5: reward = 1; terminates where the pole leans by more than 0.2 ---

static void observe_inverted_pendulum(const struct mujoco_instance *instance, float *obs) {
  observe_state(instance, 0, INFINITY, obs);
}

static double reward_inverted_pendulum(const struct mujoco_instance *instance, const float *action, double velocity,
                                       bool *terminated) {
  (void)action, (void)velocity;
  const struct mujoco_view *view = &instance->view;
  *terminated = fabs(view->qpos[1]) > 0.2;
  for (int i = 0; i < view->nq; i++) *terminated |= !isfinite(view->qpos[i]) || !isfinite(view->qvel[i]);
  return *terminated ? 0 : 1;
}

// --- InvertedDoublePendulum-v5: terminates where the tip (site 0) sinks to height 1 ---
// reward = 10 unless terminated - (0.01 x^2 + (y - 2)^2) of the tip - (0.001 w1^2 + 0.005 w2^2) of the hinges

static void observe_inverted_double_pendulum(const struct mujoco_instance *instance, float *obs) {
  const struct mujoco_view *view = &instance->view;
  obs = append(obs, view->qpos, 1);
  for (int i = 1; i < view->nq; i++) *obs++ = (float)sin(view->qpos[i]);
  for (int i = 1; i < view->nq; i++) *obs++ = (float)cos(view->qpos[i]);
  obs = append_clipped(obs, view->qvel, view->nv, 10);
  append_clipped(obs, view->qfrc_constraint, 1, 10);
}

static double reward_inverted_double_pendulum(const struct mujoco_instance *instance, const float *action,
                                              double velocity, bool *terminated) {
  (void)action, (void)velocity;
  const struct mujoco_view *view = &instance->view;
  const double x = view->site_xpos[0], y = view->site_xpos[2], w1 = view->qvel[1], w2 = view->qvel[2];
  *terminated = y <= 1;
  const double apart = 0.01 * (x * x) + (y - 2) * (y - 2), fast = 1e-3 * (w1 * w1) + 5e-3 * (w2 * w2);
  return (*terminated ? 0 : 10) - apart - fast;
}

// --- the table ---

#define UNIFORM(position, velocity) .position_noise = position, .velocity_noise = velocity
#define NORMAL(scale)               .position_noise = scale, .velocity_noise = scale, .normal_velocity = true
#define TASK(task_name, file, skip, steps, observations, actions)                                                      \
  .name = task_name, .xml = file, .frame_skip = skip, .max_episode_steps = steps, .obs_dim = observations,             \
  .act_dim = actions
const struct mujoco_task mujoco_tasks[] = {
    {TASK("HalfCheetah-v5", "half_cheetah.xml", 5, 1000, 17, 6), NORMAL(0.1), .position = forward_x,
     .observe = observe_runner, .reward = reward_half_cheetah},
    {TASK("Hopper-v5", "hopper.xml", 4, 1000, 11, 3), UNIFORM(5e-3, 5e-3), .position = forward_x,
     .observe = observe_walker, .reward = reward_hopper},
    {TASK("Walker2d-v5", "walker2d_v5.xml", 4, 1000, 17, 6), UNIFORM(5e-3, 5e-3), .position = forward_x,
     .observe = observe_walker, .reward = reward_walker2d},
    {TASK("Ant-v5", "ant.xml", 5, 1000, 105, 8), NORMAL(0.1), .reads_contacts = true, .position = torso_x,
     .observe = observe_ant, .reward = reward_ant},
    {TASK("Humanoid-v5", "humanoid.xml", 5, 1000, 348, 17), UNIFORM(0.01, 0.01), .reads_contacts = true,
     .position = mass_center_x, .observe = observe_humanoid, .reward = reward_humanoid},
    {TASK("Swimmer-v5", "swimmer.xml", 4, 1000, 8, 2), UNIFORM(0.1, 0.1), .position = forward_x,
     .observe = observe_swimmer, .reward = reward_swimmer},
    {TASK("Reacher-v5", "reacher.xml", 2, 50, 10, 2), UNIFORM(0.1, 0.005), .draw = draw_reacher,
     .body = {"fingertip", "target"}, .observe = observe_reacher, .reward = reward_reacher},
    {TASK("Pusher-v5", "pusher_v5.xml", 5, 100, 23, 7), UNIFORM(0, 0.005), .draw = draw_pusher,
     .body = {"tips_arm", "object", "goal"}, .observe = observe_pusher, .reward = reward_pusher},
    {TASK("InvertedPendulum-v5", "inverted_pendulum.xml", 2, 1000, 4, 1), UNIFORM(0.01, 0.01),
     .observe = observe_inverted_pendulum, .reward = reward_inverted_pendulum},
    {TASK("InvertedDoublePendulum-v5", "inverted_double_pendulum.xml", 5, 1000, 9, 1), NORMAL(0.1),
     .observe = observe_inverted_double_pendulum, .reward = reward_inverted_double_pendulum},
    {TASK("HumanoidStandup-v5", "humanoidstandup.xml", 5, 1000, 348, 17), UNIFORM(0.01, 0.01), .reads_contacts = true,
     .observe = observe_humanoid, .reward = reward_humanoid_standup},
};
const size_t mujoco_task_count = sizeof mujoco_tasks / sizeof *mujoco_tasks;

const struct mujoco_task *mujoco_task_find(const char *name) {
  for (size_t i = 0; i < mujoco_task_count; i++)
    if (strcmp(mujoco_tasks[i].name, name) == 0) return &mujoco_tasks[i];
  return NULL;
}
