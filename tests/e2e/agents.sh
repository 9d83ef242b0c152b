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
bad 'isolated' 1 'has 4 agents; in a process of its own' \
  "$CORSAC" train --env "$plugin:4" --isolate --env-steps 10 --run-dir isolated
bad 'a group of ranks' 1 'has 4 agents; with --ranks-per-env an environment has one' \
  $MPIRUN -n 3 "$CORSAC" train --env "$plugin:4" --ranks-per-env 2 --env-steps 10 --run-dir group
bad 'explain' 2 'it has [0-9]+ agents, and this command is for environments of one' "$CORSAC" explain one
bad 'a wrong number' 2 'must be a number from 1 to 65536' "$CORSAC" new-env other --agents 0
bad 'another language' 2 'an example of several agents in c, not in fortran' \
  "$CORSAC" new-env other --agents 4 --lang fortran

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

# --- the manual's example ---

documents=$root/launch/manual/agents.md
block sh 'corsac new-env' >session.sh
check 'the manual begins an environment' [ -s session.sh ]
expect_status 'and it runs as shown' 0 env MAKEFLAGS= PATH="${CORSAC%/*}:$PATH" sh -ec '. ./session.sh'
check 'to its end' [ -s stove/first/ckpt-3000.h5 ]
check 'its trace has nine agents' sh -c 'grep -q "^0,0,8," stove/trace.csv'
finish
