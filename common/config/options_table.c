// The table of all options. Everything that corsac knows of an option is in its row: the command line, YAML, help,
// /config in a checkpoint and the rule on resume follow from it. To add an option see README.md in this
// folder.
#include "common/config/options_impl.h"
#include <string.h>

// A row names the field of struct config, which is the option's name too; then the members of struct option that it
// fills. A row whose type does not fit its field does not compile.
#define FIELD(field, c_type) (offsetof(struct config, field) + _Generic(((struct config *)0)->field, c_type : 0))
#define ROW(kind, c_type, field, ...)                                                                                  \
  { .name = #field, .type = kind, .offset = FIELD(field, c_type), .group = GROUP, __VA_ARGS__ }
#define TEXT(field, ...)    ROW(OPTION_TEXT, char *, field, .default_text = "", __VA_ARGS__)
#define BOOL(field, ...)    ROW(OPTION_BOOL, bool, field, __VA_ARGS__)
#define COUNT(field, ...)   ROW(OPTION_COUNT, uint64_t, field, __VA_ARGS__)
#define NUMBER(field, ...)  ROW(OPTION_NUMBER, double, field, __VA_ARGS__)
#define AUTO(field, ...)    ROW(OPTION_AUTO, struct config_auto, field, __VA_ARGS__)
#define ENTROPY(field, ...) ROW(OPTION_ENTROPY, struct config_entropy, field, __VA_ARGS__)
#define WIDTHS(field, ...)  ROW(OPTION_WIDTHS, struct config_widths, field, __VA_ARGS__)
#define NUMBERS(field, ...) ROW(OPTION_NUMBERS, struct config_numbers, field, .default_text = "", __VA_ARGS__)
#define CHOICE(field, ...)  ROW(OPTION_CHOICE, char *, field, __VA_ARGS__)
#define LINES(field, ...)   ROW(OPTION_LINES, char *, field, .default_text = "", __VA_ARGS__)

static const struct option table[] = {
#define GROUP "job"
    TEXT(env, .rule = OPTION_FREE,
         .help = "environment: built-in (`corsac envs`), plugin.so[:args], exec:CMD, gym:ID, pettingzoo:MODULE, "
                 "fmi:FMU[:TASK]"),
    COUNT(seed, .default_text = "1", .low = 0, .high = OPTION_ANY_SEED, .rule = OPTION_FIXED,
          .help = "key of all random numbers"),
    TEXT(run_dir, .rule = OPTION_INVOCATION, .help = "directory of the run; empty: runs/<env>-<time>"),
    TEXT(recipe, .rule = OPTION_INVOCATION,
         .help = "sac, redq, xqc, flashsac (`corsac recipes`), or a YAML file; config goes over it"),
    TEXT(config, .rule = OPTION_INVOCATION, .help = "YAML file of options; the command line goes over it"),
    TEXT(resume, .rule = OPTION_INVOCATION,
         .help = "run directory or checkpoint file to continue; auto: run_dir, if there is a checkpoint"),
    COUNT(env_steps, .default_text = "1000000", .low = 1, .high = OPTION_ANY_COUNT, .rule = OPTION_FREE,
          .help = "environment steps to reach in total"),
    NUMBER(max_hours, .default_text = "0", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "hours this process may take, then it saves and stops; 0: no limit"),
    BOOL(sync, .default_text = "false", .rule = OPTION_FIXED,
         .help = "lockstep: the same result, bit for bit, on any number of ranks"),
    COUNT(sync_steps, .default_text = "1", .low = 1, .high = 1e6, .rule = OPTION_FREE_ASYNC,
          .help = "steps of each environment in a round of sync mode"),
    COUNT(envs, .default_text = "0", .low = 0, .high = 0x1p24 - 1, .rule = OPTION_FREE_ASYNC,
          .help = "environments of the job; 0: one for each actor"),
    COUNT(ranks_per_env, .default_text = "1", .low = 1, .high = 1e6, .rule = OPTION_FREE_ASYNC,
          .help = "ranks that step an environment together, for simulators that are parallel over MPI"),
    TEXT(init_replay, .rule = OPTION_INVOCATION, .help = "HDF5 file of transitions that replay begins with"),
    TEXT(init_policy, .rule = OPTION_INVOCATION,
         .help = "run directory, checkpoint or .npz whose policy a new run begins with; hidden comes from it"),
    CHOICE(log_level, .default_text = "info", .choices = "error|warn|info|debug", .rule = OPTION_FREE,
           .help = "the most talkative level that is logged"),
#undef GROUP

#define GROUP "networks"
    WIDTHS(hidden, .default_text = "256,256", .low = 1, .high = 16384, .rule = OPTION_FIXED,
           .help = "widths of the hidden layers of policy and critics"),
    WIDTHS(critic_hidden, .default_text = "", .low = 1, .high = 16384, .rule = OPTION_FIXED,
           .help = "widths of the critics' hidden layers; empty: hidden"),
    WIDTHS(policy_hidden, .default_text = "", .low = 1, .high = 16384, .rule = OPTION_FIXED,
           .help = "widths of the policy's hidden layers; empty: hidden"),
    CHOICE(network, .default_text = "dense", .choices = "dense|residual", .rule = OPTION_FIXED,
           .help = "residual: each width is a block of two layers, and all widths of a network are equal"),
    COUNT(expansion, .default_text = "4", .low = 1, .high = 16, .rule = OPTION_FIXED,
          .help = "how much wider the inner layer of a residual block is"),
    CHOICE(critic_norm, .default_text = "none", .choices = "none|layer|batch", .rule = OPTION_FIXED,
           .help = "normalization in the critics: of each layer, with batch of the input too"),
    CHOICE(policy_norm, .default_text = "none", .choices = "none|batch", .rule = OPTION_FIXED,
           .help = "normalization in the policy: of the input and each layer"),
    CHOICE(output_norm, .default_text = "none", .choices = "none|rms", .rule = OPTION_FIXED,
           .help = "normalization of what the last layer reads"),
    BOOL(unit_weights, .default_text = "false", .rule = OPTION_FIXED,
         .help = "rescale each row of a weight to length 1 after each step"),
    CHOICE(init, .default_text = "uniform", .choices = "uniform|orthogonal", .rule = OPTION_FIXED,
           .help = "how weights begin"),
    COUNT(critics, .default_text = "2", .low = 1, .high = 64, .rule = OPTION_FIXED, .help = "number of critics"),
    COUNT(target_subset, .default_text = "0", .low = 0, .high = 64, .rule = OPTION_FIXED,
          .help = "target critics drawn for the minimum in each update (REDQ); 0: all"),
    BOOL(critic_layer_norm, .default_text = "false", .rule = OPTION_FIXED,
         .help = "layer normalization in the critics, for high utd"),
    CHOICE(critic_loss, .default_text = "mse", .choices = "mse|categorical", .rule = OPTION_FIXED,
           .help = "categorical: the critics predict a distribution of returns"),
    COUNT(value_atoms, .default_text = "101", .low = 2, .high = 1024, .rule = OPTION_FIXED,
          .help = "returns that a categorical critic distinguishes"),
    NUMBER(value_min, .default_text = "-5", .low = -1e9, .high = 1e9, .rule = OPTION_FIXED,
           .help = "the lowest of them"),
    NUMBER(value_max, .default_text = "5", .low = -1e9, .high = 1e9, .rule = OPTION_FIXED,
           .help = "the highest of them"),
    NUMBER(log_std_min, .default_text = "-20", .low = -50, .high = 10, .rule = OPTION_FIXED,
           .help = "lower bound of the policy's log standard deviation"),
    NUMBER(log_std_max, .default_text = "2", .low = -50, .high = 10, .rule = OPTION_FIXED, .help = "its upper bound"),
    CHOICE(log_std_form, .default_text = "clamp", .choices = "clamp|tanh", .rule = OPTION_FIXED,
           .help = "how the bounds are kept: by a clamp, or by a tanh from one to the other"),
    BOOL(normalize_observations, .default_text = "false", .rule = OPTION_FIXED,
         .help = "scale observations by their running mean and deviation"),
#undef GROUP

#define GROUP "update"
    COUNT(batch_size, .default_text = "256", .low = 1, .high = 0x1p20, .rule = OPTION_FREE_ASYNC,
          .help = "transitions in an update"),
    NUMBER(gamma, .default_text = "0.99", .low = 0, .high = 1, .rule = OPTION_FIXED, .help = "discount of a step"),
    NUMBER(tau, .default_text = "0.005", .low = 1e-9, .high = 1, .rule = OPTION_FREE_ASYNC,
           .help = "share of the critics that goes into the targets in an update"),
    NUMBER(lr_actor, .default_text = "0.0003", .low = 0, .high = 1, .rule = OPTION_FREE_ASYNC,
           .help = "learning rate of the policy"),
    NUMBER(lr_critic, .default_text = "0.0003", .low = 0, .high = 1, .rule = OPTION_FREE_ASYNC,
           .help = "learning rate of the critics"),
    NUMBER(lr_alpha, .default_text = "0.0003", .low = 0, .high = 1, .rule = OPTION_FREE_ASYNC,
           .help = "learning rate of the temperature, where alpha is auto"),
    CHOICE(lr_schedule, .default_text = "constant", .choices = "constant|linear|cosine", .rule = OPTION_FREE_ASYNC,
           .help = "how learning rates fall over env_steps"),
    NUMBER(lr_final, .default_text = "0.1", .low = 0, .high = 1, .rule = OPTION_FREE_ASYNC,
           .help = "share of the first learning rate at the end of a linear or cosine schedule"),
    AUTO(alpha, .default_text = "auto", .low = 0, .high = 1e6, .rule = OPTION_FIXED,
         .help = "temperature of the entropy; auto: learned, from alpha_start on"),
    NUMBER(alpha_start, .default_text = "1", .low = 1e-9, .high = 1e6, .rule = OPTION_FIXED,
           .help = "where a learned alpha begins"),
    ENTROPY(target_entropy, .default_text = "auto", .low = -1e6, .high = 1e6, .rule = OPTION_FIXED,
            .help = "entropy that a learned alpha aims at, in nats; -0.5n: of n action dimensions; auto: -1n"),
    NUMBER(reward_scale, .default_text = "1", .low = 1e-9, .high = 1e9, .rule = OPTION_FIXED,
           .help = "factor on rewards in the update"),
    COUNT(n_step, .default_text = "1", .low = 1, .high = 1000, .rule = OPTION_FIXED,
          .help = "steps of reward in a target"),
    COUNT(policy_delay, .default_text = "1", .low = 1, .high = 1000, .rule = OPTION_FREE_ASYNC,
          .help = "updates of the critics for one update of the policy and of alpha"),
    BOOL(policy_first, .default_text = "false", .rule = OPTION_FREE_ASYNC,
         .help = "update the policy before the critics"),
    BOOL(policy_joint, .default_text = "false", .rule = OPTION_FIXED,
         .help = "the policy's batch norm sees states and next states together"),
    COUNT(history, .default_text = "1", .low = 1, .high = 1024, .rule = OPTION_FIXED,
          .help = "newest observations that the policy and the critics see"),
    BOOL(history_actions, .default_text = "true", .rule = OPTION_FIXED,
         .help = "with history: the actions between the observations, too"),
    NUMBER(gradient_clip, .default_text = "0", .low = 0, .high = 1e9, .rule = OPTION_FREE_ASYNC,
           .help = "longest gradient of a network's parameters; a longer one is scaled down; 0: off"),
    CHOICE(normalize_rewards, .default_text = "none", .choices = "none|deviation|bounded", .rule = OPTION_FIXED,
           .help = "scale rewards by the running deviation of returns; bounded: and to at most value_max"),
    COUNT(noise_hold, .default_text = "1", .low = 1, .high = 1000, .rule = OPTION_FIXED,
          .help = "most steps for which an actor holds one draw of noise"),
    COUNT(learner_threads, .default_text = "0", .low = 0, .high = 256, .rule = OPTION_FREE_ASYNC,
          .help = "threads that share an update; 0: as many free cores as networks of this size can use"),
    CHOICE(backend, .default_text = "auto", .choices = "auto|tiles|openblas", .rule = OPTION_FREE_ASYNC,
           .help = "who multiplies matrices: our own kernels or OpenBLAS; auto: the faster here"),
#undef GROUP

#define GROUP "data"
    NUMBER(utd, .default_text = "1", .low = 0, .high = 1000, .rule = OPTION_FREE_ASYNC,
           .help = "updates per environment step past learning_starts; 0: the learner runs free"),
    CHOICE(utd_per, .default_text = "step", .choices = "step|transition", .rule = OPTION_FREE_ASYNC,
           .help = "what utd counts where an environment has several agents"),
    COUNT(utd_slack, .default_text = "0", .low = 0, .high = OPTION_ANY_COUNT, .rule = OPTION_FREE_ASYNC,
          .help = "steps by which either side may be ahead of utd; 0: what every actor ships at once"),
    COUNT(learning_starts, .default_text = "1000", .low = 0, .high = OPTION_ANY_COUNT, .rule = OPTION_FIXED,
          .help = "steps with uniformly random actions before the first update"),
    COUNT(replay_capacity, .default_text = "1000000", .low = 1, .high = UINT32_MAX, .rule = OPTION_FIXED,
          .help = "transitions that replay holds"),
    COUNT(send_steps, .default_text = "16", .low = 1, .high = 65536, .rule = OPTION_FREE_ASYNC,
          .help = "transitions that an actor collects before it ships them"),
    NUMBER(send_seconds, .default_text = "0.1", .low = 0, .high = 3600, .rule = OPTION_FREE_ASYNC,
           .help = "seconds after which an actor ships what it has"),
    NUMBER(actor_timeout, .default_text = "60", .low = 0.1, .high = 1e6, .rule = OPTION_FREE,
           .help = "seconds of silence after which a rank is presumed dead"),
    COUNT(min_actors, .default_text = "1", .low = 1, .high = 1e6, .rule = OPTION_FREE,
          .help = "with fewer actors alive the job saves and stops, with exit status 75"),
#undef GROUP

#define GROUP "environment"
    NUMBER(env_timeout, .default_text = "600", .low = 0.1, .high = 1e6, .rule = OPTION_FREE,
           .help = "seconds an environment may take to be created, reset or step; of a plugin only with isolate"),
    NUMBER(create_timeout, .default_text = "0", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "seconds it may take to be created, which includes the start of its program; 0: env_timeout"),
    NUMBER(reset_timeout, .default_text = "0", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "seconds a reset may take; 0: env_timeout"),
    NUMBER(step_timeout, .default_text = "0", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "seconds a step may take; 0: env_timeout"),
    COUNT(env_max_failures, .default_text = "10", .low = 1, .high = 1e9, .rule = OPTION_FREE,
          .help = "failures of an environment in a row after which its actor gives up"),
    COUNT(max_episode_steps, .default_text = "0", .low = 0, .high = 1e9, .rule = OPTION_FREE_ASYNC,
          .help = "steps after which an episode is truncated; 0: the environment's own limit"),
    COUNT(frame_skip, .default_text = "1", .low = 1, .high = 1e6, .rule = OPTION_FIXED,
          .help = "steps of the environment for which an action is held; rewards are summed"),
    NUMBERS(action_low, .low = -1e30, .high = 1e30, .rule = OPTION_FIXED,
            .help = "lower bounds of the action, one for all or a list; empty: the environment's own"),
    NUMBERS(action_high, .low = -1e30, .high = 1e30, .rule = OPTION_FIXED, .help = "upper bounds, likewise"),
    LINES(cases, .rule = OPTION_FREE_ASYNC,
          .help = "file of cases, an argument text a line, which environments play in turn (`corsac help cases`)"),
    CHOICE(cases_per, .default_text = "environment", .choices = "environment|episode", .rule = OPTION_FREE_ASYNC,
           .help = "who plays one case: an environment, or an episode, which draws it from the seed"),
    BOOL(isolate, .default_text = "false", .rule = OPTION_FREE,
         .help =
             "run each instance of a plugin in a process of its own (as exec:, gym:, pettingzoo:; fmi: by its task)"),
    BOOL(restart_each_episode, .default_text = "false", .rule = OPTION_FREE,
         .help = "end the program of a child process after each episode and start it anew"),
    TEXT(scratch, .rule = OPTION_FREE,
         .help = "directory of the children's working directories, DIR/<index>; relative: in run_dir; empty: none"),
    TEXT(scratch_from, .rule = OPTION_FREE,
         .help = "directory that such a working directory is a copy of; empty: it is empty"),
    CHOICE(scratch_keep, .default_text = "failed", .choices = "never|failed|always", .rule = OPTION_FREE,
           .help = "which working directories are kept when their program has ended"),
    COUNT(child_cores, .default_text = "0", .low = 0, .high = 65536, .rule = OPTION_FREE,
          .help = "cores that each child process gets for itself; 0: all that its actor may use"),
    CHOICE(channel, .default_text = "memory", .choices = "memory|unix|tcp", .rule = OPTION_FREE,
           .help =
               "to an exec:, gym: or pettingzoo: simulator; sockets reach containers and hosts (`corsac help remote`)"),
    ROW(OPTION_TEXT, char *, channel_host, .default_text = "127.0.0.1", .rule = OPTION_FREE,
        .help = "address or interface where channel tcp awaits the simulator; 0.0.0.0: all"),
    TEXT(gym_wrap, .rule = OPTION_FREE,
         .help = "module:name of a Python function or class that wraps a gym: environment; several with commas"),
    ROW(OPTION_TEXT, char *, gym_info, .default_text = "auto", .rule = OPTION_FIXED,
        .help = "columns from info of a gym: environment: auto, none, or NAME[:mean|last|max],..."),
    TEXT(python, .rule = OPTION_FREE,
         .help = "interpreter for gym: environments; empty: the one of `install-deps.sh gym`, else python3"),
    TEXT(mujoco_dir, .rule = OPTION_FREE,
         .help = "directory of libmujoco and the tasks' models; empty: where `install-deps.sh mujoco` puts them"),
#undef GROUP

#define GROUP "reports"
    COUNT(checkpoint_every, .default_text = "50000", .low = 0, .high = OPTION_ANY_COUNT, .rule = OPTION_FREE,
          .help = "steps between checkpoints; 0: only by checkpoint_minutes and at the end"),
    NUMBER(checkpoint_minutes, .default_text = "30", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "minutes after which a checkpoint is due in any case; 0: never"),
    COUNT(checkpoint_keep, .default_text = "3", .low = 1, .high = 1000, .rule = OPTION_FREE,
          .help = "newest checkpoints that are kept"),
    BOOL(checkpoint_replay, .default_text = "true", .rule = OPTION_FREE,
         .help = "save replay too, for an exact resume"),
    COUNT(eval_every, .default_text = "10000", .low = 0, .high = OPTION_ANY_COUNT, .rule = OPTION_FREE,
          .help = "steps between evaluations; 0: none"),
    COUNT(eval_episodes, .default_text = "10", .low = 1, .high = 1e6, .rule = OPTION_FREE,
          .help = "episodes of an evaluation"),
    COUNT(eval_max_steps, .default_text = "0", .low = 0, .high = 1e9, .rule = OPTION_FREE,
          .help = "most steps of an episode in an evaluation; 0: 100000 where the environment has no limit"),
    NUMBER(eval_timeout, .default_text = "0", .low = 0, .high = 1e6, .rule = OPTION_FREE,
           .help = "most seconds of an evaluation; 0: 3600 where an episode has no limit of up to 100000 steps"),
    COUNT(log_every, .default_text = "1000", .low = 0, .high = OPTION_ANY_COUNT, .rule = OPTION_FREE,
          .help = "steps between rows of metrics.csv; 0: only at the end"),
    BOOL(tensorboard, .default_text = "true", .rule = OPTION_FREE,
         .help = "write the rows of metrics.csv as TensorBoard's event files too"),
#undef GROUP
};

enum { OPTIONS = sizeof table / sizeof *table };

size_t options_count(void) { return OPTIONS; }

const struct option *options_at(size_t index) { return index < OPTIONS ? &table[index] : NULL; }
