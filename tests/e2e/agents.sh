#!/usr/bin/env bash
# Environments of several agents: the same bits on any number of ranks and after a resume while agents come and go, what
# is counted, check-env's rules, the manual's example, and where several agents are refused.
. "$(dirname "$0")/lib.sh"

plugin=$plugins/agents.so
small='--seed 4 --hidden 16,16 --batch-size 32 --learning-starts 200 --eval-every 500 --eval-episodes 2 --log-every 250
  --replay-capacity 20000'
cd "$tmp" || exit 1
same() {
  if [ -n "$PYTHON" ]; then check "$1" $PYTHON "$h5" same "$2" "$3"; else skip "$1: no python3-h5py here"; fi
}
column() { # FILE NAME: its last cell
  awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) k = i } { cell = $k } END { print cell }' "$1"
}

# --- sync: environments of 3, 4 and 5 agents that come and go, windows of 3 steps, held noise, scaled rewards ---

sync="train $small --env $plugin:3vary --envs 3 --sync --sync-steps 10 --n-step 3 --noise-hold 8
  --normalize-rewards deviation --normalize-observations"
expect_status 'sync in one process' 0 "$CORSAC" $sync --env-steps 1500 --run-dir one
expect_status 'sync on four ranks' 0 $MPIRUN -n 4 "$CORSAC" $sync --env-steps 1500 --run-dir ranks
expect_status 'half of it on three' 0 $MPIRUN -n 3 "$CORSAC" $sync --env-steps 750 --run-dir half
expect_status 'the rest' 0 "$CORSAC" train --resume half --env-steps 1500
same 'ranks change no bit' one/ckpt-1500.h5 ranks/ckpt-1500.h5
same 'a resume changes no bit' one/ckpt-1500.h5 half/ckpt-1500.h5
check 'it says how many agents there are' grep -q '3 environments with 12 agents in all' one/log.txt
expect_status 'inspect reads the checkpoint' 0 "$CORSAC" inspect one/ckpt-1500.h5
check 'it is exact' grep -q 'bit for bit' "$out"

# In a process of its own, and stepped by groups of two ranks, it is the same. A group's state is that of both ranks.
expect_status 'isolated' 0 "$CORSAC" $sync --isolate --env-steps 750 --run-dir isolated
expect_status 'and resumed' 0 "$CORSAC" train --resume isolated --env-steps 1500
same 'a process of its own changes no bit' one/ckpt-1500.h5 isolated/ckpt-1500.h5
expect_status 'in a group of ranks' 0 $MPIRUN -n 3 "$CORSAC" $sync --ranks-per-env 2 --env-steps 1500 --run-dir group
check 'a group changes no bit' cmp -s <(cut -d, -f2-16 one/metrics.csv) <(cut -d, -f2-16 group/metrics.csv)
expect_status 'check-env in a group' 0 $MPIRUN -n 3 "$CORSAC" check-env "$plugin:4" --ranks-per-env 2 --episodes 3

# --- async: what is counted ---

train 'async' $small --env "$plugin:6fixed" --envs 2 --env-steps 1000 --run-dir async
check 'each step is six transitions' [ "$(column async/metrics.csv transitions)" = 6000 ]
check 'agents_mean' [ "$(sed -n 2p async/metrics.csv | tr , '\n' | grep -cx 6)" = 1 ]
check 'utd counts steps' [ "$(column async/metrics.csv updates)" = 800 ]
train 'async per transition' $small --env "$plugin:6fixed" --envs 2 --env-steps 1000 --utd 0.5 --utd-per transition \
  --run-dir per
check 'utd counts transitions' [ "$(column per/metrics.csv updates)" = 2400 ]
check 'and the run says so' grep -q 'utd_per: transition' per/config.yaml
expect_status 'async on ranks' 0 $MPIRUN -n 4 "$CORSAC" train $small --env "$plugin:40vary" --utd-per transition --utd 0.05 \
  --env-steps 1500 --run-dir many
check 'to its end' [ "$(column many/metrics.csv env_steps)" = 1500 ]

# --- evaluation ---

expect_status 'eval' 0 "$CORSAC" eval one --episodes 3 --trace one.csv
cp "$out" one.txt
check 'a trace names the agents' sh -c 'head -n 1 one.csv | grep -q "^episode,step,agent,obs_0,"'
check 'its steps have a row for each' [ "$(grep -c '^0,0,' one.csv)" -gt 1 ]
expect_status 'eval on ranks' 0 $MPIRUN -n 3 "$CORSAC" eval one --episodes 3 --trace ranks.csv
check 'plays the same' cmp -s one.txt "$out"
check 'and traces the same' cmp -s one.csv ranks.csv

for agent in 0 2; do
  expect_status "explain of agent $agent" 0 "$CORSAC" explain one --agent $agent --samples 100 --json
  check 'which it says' json_is "$out" agent $agent
  check 'with its observation, which is that of the trace' [ "$(tr -d ' \n' <"$out" |
    sed -E 's/.*"observation":\[([^]]*)\].*/\1/' | tr , '\n' | xargs printf '%.6f\n')" = \
    "$(grep "^0,0,$agent," one.csv | cut -d, -f4-6 | tr , '\n' | xargs printf '%.6f\n')" ]
done

# --- check-env ---

expect_status 'check-env' 0 "$CORSAC" check-env "$plugin:4" --episodes 4
check 'counts agents' grep -qE '^ok +agents +4 agents: they came [0-9]+ times and left [1-9]' "$out"
rule() { # WORD RULE TEXT
  expect_status "check-env $1" 1 "$CORSAC" check-env "$plugin:4$1" --episodes 4
  check "check-env $1 says why" grep -qE "^error +$2 .*$3" "$out"
}
rule nan observation 'component 1 of the observation of agent 1 is -?nan'
rule rewarded agents 'was not there and is rewarded with 1'
rule absent agents 'agent 0 acted and is CORSAC_ABSENT'
rule flag agents 'agent 0 has flags 9'
# Every agent's numbers are compared, not only the first one's.
differs() { # WORD VERDICT RULE TEXT
  run "$CORSAC" check-env "$plugin:4$1" --episodes 4
  check "check-env $1" grep -qE "^$2 +$3 .*$4" "$out"
}
differs counts warning repeatable 'component 1 of obs of agent 3 is .* and was'
differs paid warning repeatable 'the reward of agent 3 is .* and was'
expect_status 'a reward that nobody reads' 0 "$CORSAC" check-env "$plugin:4unpaid" --episodes 4
check 'may be NaN' grep -q ': 0 errors, 0 warnings, ' "$out"
# One policy acts in all cases, whose instances have 4 and 5 agents here.
printf 'a x=1\nb x=2\n' >cases
expect_status 'check-env with cases' 0 "$CORSAC" check-env "$plugin:4vary" --cases cases --episodes 2
expect_status 'too many agents' 1 "$CORSAC" check-env "$plugin:65537"
check 'says how many there may be' grep -qE '^error +agents .*65537; it has to be 1 to 65536' "$out"

# --- what is refused ---

bad 'too many agents in training' 1 'create set agents to 65537; it has to be 1 to 65536' \
  "$CORSAC" train --env "$plugin:65537" --env-steps 10 --run-dir no
bad 'NaN of one agent' 1 'observation of agent 1 that is not finite' \
  "$CORSAC" train --env "$plugin:4nan" --env-steps 100 --env-max-failures 1 --run-dir nan
sed -i "s#3vary#4vary#" half/config.yaml
bad 'a checkpoint of other agents' 1 'has 3 agents, the present one has 4' \
  "$CORSAC" train --resume half --env "$plugin:4vary" --env-steps 2000
bad 'explain of an agent too many' 2 '--agent: .*has 3 agents, from 0 on; there is no agent 3' "$CORSAC" explain one --agent 3
bad 'explain of an agent that is away' 2 'agent 1 of .* is not there after this reset' \
  "$CORSAC" explain one --agent 1 --seed 2
bad 'explain of no number' 2 '--agent: must be an integer from 0' "$CORSAC" explain one --agent x
bad 'a wrong number' 2 '--agents: must be an integer from 1 to 65536' "$CORSAC" new-env other --agents 0
bad 'another language' 2 'examples of several agents in c and fortran, none in python' \
  "$CORSAC" new-env other --agents 4 --lang python

# A plugin of this version in a program that knows one agent: its spec ends before `agents`.
cat >old.c <<'END'
#include <corsac/env.h>
#include <stdio.h>
const struct corsac_env *corsac_env(void);
int main(void) {
  struct corsac_env_config config = {.size = sizeof config, .id = "", .args = "4", .comm = -1};
  struct corsac_env_spec spec = {.size = offsetof(struct corsac_env_spec, agents), .agents = 77};
  char error[200] = "";
  if (corsac_env()->create(&config, &spec, error, sizeof error)) return 1;
  puts(error);
  return spec.agents != 77;
}
END
expect_status 'an old host' 0 sh -c "gcc -I '$root/${BUILD_DIR%/*}/include' old.c '$plugin' -Wl,-rpath,'$plugins' -o old && ./old"
check 'is told why' grep -q 'several agents, and this version of corsac knows only one' "$out"

# --- a program of its own ---

cat >line.py <<'END'
import corsac_sim
N = 5
sim = corsac_sim.Sim("line", 2, [-1], [1], max_episode_steps=20, agents=N)
while sim.wanted:
    x, gone, t = [((sim.seed >> 11) + 7 * j) % 100 / 100 - 0.5 for j in range(N)], [False] * N, 0
    action = sim.begin([v for j in range(N) for v in (x[j], j / N)])
    while sim.acting:
        t += 1
        was = list(gone)
        x = [x[j] + 0.1 * action[j] if not was[j] else x[j] for j in range(N)]
        flags = [corsac_sim.PRESENT] * N
        for j in range(N):
            if gone[j]:
                gone[j] = t % 9 != 8
                flags[j] = corsac_sim.ABSENT if gone[j] else corsac_sim.PRESENT
            elif j == t % 9:
                gone[j], flags[j] = True, corsac_sim.TRUNCATED
        sim.agents([0 if was[j] else -x[j] * x[j] for j in range(N)], flags)
        action = sim.step([v for j in range(N) for v in (x[j], j / N)], 0)
sim.close()
END
export PYTHONPATH=$root/${BUILD_DIR%/*}/share/corsac/python
if command -v python3 >/dev/null; then
  expect_status 'a program with a main loop' 0 "$CORSAC" check-env "exec:python3 $tmp/line.py" --episodes 3
  check 'has five agents' grep -qE '^ok +agents +5 agents: they came [0-9]+ times and left [1-9]' "$out"
  train 'a program with a main loop' $small --env "exec:python3 $tmp/line.py" --env-steps 600 --run-dir line
  check 'makes transitions' [ "$(column line/metrics.csv transitions)" -gt 1200 ]
  expect_status 'alone' 0 env CORSAC_EPISODES=2 python3 line.py
  bad 'over a connection' 1 'through a connection \(--channel\) a simulator has one' \
    "$CORSAC" train --env "exec:python3 $tmp/line.py" --channel unix --env-steps 10 --run-dir unix
fi

# The same program in C++ and Fortran makes the same run.
cat >line.cpp <<'END'
#include <corsac/sim.hpp>
enum { N = 5 };
static double x[N];
static std::vector<float> observe() {
  std::vector<float> obs;
  for (int j = 0; j < N; j++) obs.push_back(float(x[j])), obs.push_back(float(double(j) / N));
  return obs;
}
int main() {
  corsac::sim_spec spec("line", 2, {-1}, {1}, 20);
  spec.agents = N;
  corsac::sim sim(spec);
  while (sim.wanted()) {
    bool gone[N] = {};
    for (int j = 0; j < N; j++) x[j] = double(((sim.seed() >> 11) + 7 * j) % 100) / 100 - 0.5;
    sim.begin(observe());
    for (int t = 1; sim.acting(); t++) {
      std::vector<double> reward(N, 0);
      std::vector<std::uint8_t> flags(N, CORSAC_PRESENT);
      for (int j = 0; j < N; j++) {
        if (!gone[j]) x[j] += 0.1 * sim.action()[j], reward[j] = -x[j] * x[j];
        if (gone[j])
          gone[j] = t % 9 != 8, flags[j] = gone[j] ? CORSAC_ABSENT : CORSAC_PRESENT;
        else if (j == t % 9)
          gone[j] = true, flags[j] = CORSAC_TRUNCATED;
      }
      sim.agents(reward, flags);
      sim.step(observe(), 0);
    }
  }
}
END
cat >line.f90 <<'END'
program line
  use corsac_sim
  use, intrinsic :: iso_c_binding
  implicit none
  integer, parameter :: N = 5
  type(corsac_simulator) :: sim
  real(c_double) :: x(0:N - 1), reward(0:N - 1)
  real(c_float) :: action(0:N - 1)
  integer(c_int8_t) :: flags(0:N - 1)
  logical :: gone(0:N - 1)
  integer :: t, j
  call corsac_open(sim, 'line', obs_dim=2, action_low=[-1d0], action_high=[1d0], max_episode_steps=20, agents=N)
  do while (sim%next == CORSAC_BEGIN_NEXT)
    x = [(mod(shiftr(corsac_seed(sim), 11) + 7 * j, 100_c_int64_t) / 100d0 - 0.5d0, j=0, N - 1)]
    gone = .false.
    t = 0
    call corsac_begin(sim, observed(), action)
    do while (sim%next == CORSAC_ACT)
      t = t + 1
      reward = 0
      flags = CORSAC_PRESENT
      do j = 0, N - 1
        if (gone(j)) then
          gone(j) = mod(t, 9) /= 8
          if (gone(j)) flags(j) = CORSAC_ABSENT
        else
          x(j) = x(j) + 0.1d0 * action(j)
          reward(j) = -x(j) * x(j)
          gone(j) = j == mod(t, 9)
          if (gone(j)) flags(j) = int(CORSAC_TRUNCATED, c_int8_t)
        end if
      end do
      call corsac_agents(sim, reward, flags)
      call corsac_step(sim, observed(), 0d0, 0, action)
    end do
  end do
  call corsac_close(sim)
contains
  function observed() result(obs)
    real(c_float) :: obs(2 * N)
    obs(1::2) = real(x, c_float)
    obs(2::2) = [(real(j / real(N, c_double), c_float), j=0, N - 1)]
  end function
end program
END
include=$root/${BUILD_DIR%/*}/include library=$root/${BUILD_DIR%/*}/lib/libcorsac_sim.a
same_run() { # LANGUAGE COMPILER...: compiles line, and compares its run with that of line.py
  local language=$1
  shift
  expect_status "$language compiles" 0 "$@" "$library" -o "line-$language"
  expect_status "$language keeps the rules" 0 "$CORSAC" check-env "exec:./line-$language" --episodes 3
  train "$language" $small --sync --env "exec:./line-$language" --env-steps 600 --run-dir "run-$language"
  check "$language learns what Python learns" cmp -s <(cut -d, -f3-16 line-sync/metrics.csv) <(cut -d, -f3-16 "run-$language/metrics.csv")
}
if command -v python3 >/dev/null; then
  train 'in sync' $small --sync --env "exec:python3 $tmp/line.py" --env-steps 600 --run-dir line-sync
  if command -v g++ >/dev/null; then same_run c++ g++ -O2 -I "$include" line.cpp; else skip 'C++: no g++ here'; fi
  if command -v gfortran >/dev/null; then
    same_run fortran gfortran -O2 "$include/corsac/corsac_sim.f90" line.f90
  else
    skip 'Fortran: no gfortran here'
  fi
fi

# --- the manual's example ---

documents=$root/launch/manual/agents.md
block sh 'corsac new-env' >session.sh
check 'the manual begins an environment' [ -s session.sh ]
expect_status 'and it runs as shown' 0 env MAKEFLAGS= PATH="${CORSAC%/*}:$PATH" sh -ec '. ./session.sh'
check 'to its end' [ -s stove/first/ckpt-3000.h5 ]
check 'its trace has nine agents' sh -c 'grep -q "^0,0,8," stove/trace.csv'

# The same in Fortran: the same episodes.
if command -v gfortran >/dev/null; then
  expect_status 'new-env in Fortran' 0 "$CORSAC" new-env oven --agents 9 --lang fortran
  expect_status 'it compiles, and keeps the rules' 0 make -C oven check
  check 'with nine agents' grep -qE '^ok +agents +9 agents: they came [0-9]+ times and left [1-9]' "$out"
  expect_status 'the policy in C' 0 "$CORSAC" eval stove/first --episodes 2
  cp "$out" c.txt
  expect_status 'the policy in Fortran' 0 "$CORSAC" eval stove/first --episodes 2 --env ./oven/oven.so
  check 'has the same returns' cmp -s <(grep -o 'return.*' c.txt) <(grep -o 'return.*' "$out")
else
  skip 'an example in Fortran: no gfortran here'
fi
finish
