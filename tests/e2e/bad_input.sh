#!/usr/bin/env bash
# Wrong input gets one clear message from one rank and the right exit status. Nothing that was saved
# is lost.
. "$(dirname "$0")/lib.sh"

base=$tmp/base new=$tmp/new
train 'a run to spoil' $small --sync --run-dir "$base"
saved=$(digest "$base")
newest=$base/ckpt-300.h5

# The command also leaves the saved run as it was, and makes no new one.
also_wrong() {
  [ "$(digest "$base")" = "$saved" ] || echo ', the saved run was changed'
  [ ! -e "$new" ] || [ "${keeps_new:-}" ] || echo ', a run directory is left behind'
  rm -rf "$new"
}
bad_train() { bad "$1" "$2" "$3" "$CORSAC" train "${@:4}"; }
# The job is started, so its directory stays: to resume from, or to read.
bad_job() { keeps_new=1 bad "$@"; }

# --- the command line -----------------------------------------------------------------------------
bad 'no command' 2 'say what to do: train, eval, ' "$CORSAC"
bad 'unknown command' 2 "no command 'trian' \(did you mean train" "$CORSAC" trian
bad_train 'unknown option' 2 '--bacth-size: there is no such option; did you mean --batch-size' --env Pendulum-v1 --bacth-size 8
bad_train 'an option without its value' 2 '--seed: needs a value' --env Pendulum-v1 --seed
bad_train 'a word that is no option' 2 'Pendulum-v1: is no option' Pendulum-v1
bad_train 'a value out of range' 2 '--gamma: must be a number from 0 to 1, not "1.5"' $small --gamma 1.5 --run-dir "$new"
bad_train 'a value that is no number' 2 '--batch-size: must be an integer .*not "many"' $small --batch-size many --run-dir "$new"
bad_train 'a negative count' 2 '--env-steps: must be an integer' $small --env-steps -5 --run-dir "$new"
bad_train 'values that do not fit each other' 2 'target_subset: 3 of only 2 critics' $small --target-subset 3 --run-dir "$new"
bad_train 'sync with a free learner' 2 'utd: 0 .* sync' $small --sync --utd 0 --run-dir "$new"
bad_train 'no environment' 2 'env: none is given' --run-dir "$new"
bad_train 'an unknown environment' 2 'rank 0: no environment is called "Pendulum-v2": did you mean Pendulum-v1' --env Pendulum-v2 --run-dir "$new"
bad_train 'no environment of Gymnasium' 2 'gym: names no environment: gym:ID' --env gym: --run-dir "$new"
bad 'an unknown option of eval' 2 'there is no option --epsiodes \(did you mean --episodes' "$CORSAC" eval "$base" --epsiodes 3
for slip in '--verison|--version' 'evla|eval' 'help --man trian|train' 'help strat|start' 'train --batchsize 3|--batch-size' 'train --lr-critc 1|--lr-critic' \
  'train --batch 3|--batch-size' 'train --backend tile|tiles' 'train --log-level inf|info' 'train --sync ture|true' 'bench lerner|learner' \
  'bench learner --round 3|--rounds' 'bench learner --backnd tiles|--backend' 'cluster slrum|slurm' 'export x --format onx|onnx' \
  'plot --ouput x|--output' 'new-env a --lang fotran|fortran'; do
  bad "a slip: corsac ${slip%|*}" 2 "did you mean ${slip#*|}[?)]" "$CORSAC" ${slip%|*}
done
bad_train 'an integer that no double holds' 2 '--env-steps: must be an integer from 1 to 2\^53, not "9007199254740993"' $small --env-steps 9007199254740993 --run-dir "$new"
printf 'env: Pendulum-v1\nenv_steps: 9007199254740993\n' >"$tmp/large.yaml"
bad_train '... in a file' 2 'large.yaml:2: env_steps: must be an integer from 1 to 2\^53' --config "$tmp/large.yaml" --run-dir "$new"
bad 'eval of nothing' 2 'say which policy' "$CORSAC" eval
bad 'no episodes' 2 '--episodes: must be an integer from 1' "$CORSAC" eval "$base" --episodes 0

# --- the configuration file -----------------------------------------------------------------------
printf 'env: Pendulum-v1\n# a slip\nlearning_stars: 5\n' >"$tmp/key.yaml"
bad_train 'an unknown key' 2 'key.yaml:3: learning_stars: there is no such option; did you mean learning_starts' --config "$tmp/key.yaml" --run-dir "$new"
printf 'env: Pendulum-v1\ntau: 2\n' >"$tmp/range.yaml"
bad_train 'a value out of range in a file' 2 'range.yaml:2: tau: must be a number' --config "$tmp/range.yaml" --run-dir "$new"
printf 'seed: 1\nseed: 2\n' >"$tmp/twice.yaml"
bad_train 'a key given twice' 2 'twice.yaml:2: seed: is given twice, first in line 1' --config "$tmp/twice.yaml" --run-dir "$new"
printf 'seed: [1\n' >"$tmp/broken.yaml"
bad_train 'a file that is not YAML' 2 'broken.yaml:[0-9]+: ' --config "$tmp/broken.yaml" --run-dir "$new"
bad_train 'no such configuration' '[12]' 'nowhere.yaml.*No such file' --config "$tmp/nowhere.yaml" --run-dir "$new"
bad_train 'a directory as configuration' '[12]' "$tmp.* (I|i)s a directory" --config "$tmp" --run-dir "$new"

# --- checkpoints ----------------------------------------------------------------------------------
bad_train 'no such checkpoint' 1 'nowhere.h5.*(No such file|not there|no such)' --resume "$tmp/nowhere.h5" --run-dir "$new"
mkdir "$tmp/empty"
bad_train 'a directory without a checkpoint' 1 'empty.*no checkpoint' --resume "$tmp/empty"
bad 'eval of a directory without a checkpoint' 1 'empty.*no checkpoint' "$CORSAC" eval "$tmp/empty"
bad 'inspect of what is not there' 1 'nowhere.h5.*(No such file|not there|no such)' "$CORSAC" inspect "$tmp/nowhere.h5"
echo 'this is text' >"$tmp/text.h5"
: >"$tmp/none.h5"
for file in text none; do
  bad_train "not HDF5 ($file)" 1 "$file.h5.*(HDF5|empty)" --resume "$tmp/$file.h5" --run-dir "$new"
  bad "eval, not HDF5 ($file)" 1 "$file.h5.*(HDF5|empty)" "$CORSAC" eval "$tmp/$file.h5"
  bad "inspect, not HDF5 ($file)" 1 "$file.h5.*(HDF5|empty)" "$CORSAC" inspect "$tmp/$file.h5"
done
size=$(stat -c %s "$newest")
for percent in 1 50 99; do
  head -c $((size * percent / 100)) "$newest" >"$tmp/short.h5"
  bad_train "truncated to $percent %" 1 'short.h5.*(truncated|damaged|HDF5)' --resume "$tmp/short.h5" --run-dir "$new"
done
bad 'eval of a truncated file' 1 'short.h5.*(truncated|damaged)' "$CORSAC" eval "$tmp/short.h5"

# A flipped bit is found, or lies in bytes without meaning. It never causes a crash or another
# policy.
"$CORSAC" eval "$newest" --episodes 1 --json >"$tmp/sound.json" 2>/dev/null
flips=40 found=0 unharmed=0 strange=
[ "$CHECK_FULL" = 1 ] && flips=500
for i in $(seq $flips); do
  offset=$(((i * 7919 + i * i * 104729) % size))
  cp "$newest" "$tmp/flipped.h5"
  byte=$(od -An -tu1 -j "$offset" -N 1 "$newest")
  printf "\\x$(printf %02x $((byte ^ (1 << (i % 8)))))" | dd of="$tmp/flipped.h5" bs=1 seek="$offset" conv=notrunc status=none
  run "$CORSAC" inspect "$tmp/flipped.h5"
  if [ $status = 1 ] && [ "$(messages | wc -l)" = 1 ] && grep -q 'flipped.h5' "$err"; then
    found=$((found + 1))
  elif [ $status = 0 ] && "$CORSAC" eval "$tmp/flipped.h5" --episodes 1 --json 2>/dev/null | cmp -s - "$tmp/sound.json"; then
    unharmed=$((unharmed + 1))
  else
    strange="$strange $offset:$((i % 8)) (status $status)"
  fi
done
check "bits flipped: $found found, $unharmed without effect, and$strange" [ -z "$strange" ]
check "of $flips flipped bits $found were found" [ $((2 * found)) -gt $flips ]

# Where the newest checkpoint is damaged, the one before it takes its place, with a warning.
cp -r "$base" "$tmp/fallen"
head -c $((size / 2)) "$newest" >"$tmp/fallen/ckpt-300.h5"
train 'the checkpoint before a damaged one is resumed' --resume "$tmp/fallen" --env-steps 250
check 'the damaged one is named' grep -q 'warn.*ckpt-300.h5' "$err"
check 'the one before it is named' grep -q 'resumed from .*ckpt-200.h5 at 200 steps' "$err"
cp "$tmp/short.h5" "$tmp/empty/ckpt-5.h5"
bad_train 'nothing but damaged checkpoints' 1 'empty' --resume "$tmp/empty"

if [ -n "$PYTHON" ]; then
  # wrong KIND REGEX: with good checksums, but not what it should be
  wrong() {
    cp "$newest" "$tmp/wrong.h5"
    $PYTHON "$h5" damage "$1" "$tmp/wrong.h5" || fail "damage $1"
    bad_train "a checkpoint with $1" 1 "wrong.h5.*$2" --resume "$tmp/wrong.h5" --run-dir "$new"
  }
  wrong version 'format.*99'
  wrong foreign '(not a|no) .*checkpoint|format_version'
  wrong policy-shape 'policy/layer0/weight'
  wrong policy-missing 'policy/mean/bias'
  wrong critic-missing 'critics/1'
  wrong optimizer-missing 'optimizer'
  wrong replay-shape 'replay/obs'
  wrong replay-size 'replay'
  wrong env-dim '(obs_dim|env)'
  wrong config-missing 'config'
  wrong config-wrong 'config.*hidden'
  wrong actors-missing 'actors'
  wrong cursor-missing 'replay/cursor is missing'
  wrong head-missing 'critics/0/q/weight is missing'
  wrong moments-infinite 'optimizer/critics/v: number 0 is inf'
  # Every reader refuses a file that leads out of itself, and does not wait for a pipe behind a
  # link.
  for kind in policy-nan soft-link external-link external-storage; do
    case $kind in policy-nan) says='policy/layer0/weight: number 0 is nan' ;; *link) says='policy/mean is a .*link' ;; *) says='stored in another file' ;; esac
    wrong $kind "$says"
    bad "inspect of $kind" 1 "wrong.h5.*$says" timeout 20 "$CORSAC" inspect "$tmp/wrong.h5"
    bad "eval of $kind" 1 "wrong.h5.*$says" timeout 20 "$CORSAC" eval "$tmp/wrong.h5"
    bad "export of $kind" 1 "wrong.h5.*$says" timeout 20 "$CORSAC" export "$tmp/wrong.h5" --format npz -o "$tmp/wrong.npz"
    bad_train "--init-policy with $kind" 1 "wrong.h5.*$says" --env Pendulum-v1 --init-policy "$tmp/wrong.h5" --run-dir "$new"
    [ $kind = policy-nan ] || keeps_new=1 bad_train "--init-replay with $kind" 1 "wrong.h5.*$says" $small --init-replay "$tmp/wrong.h5" --run-dir "$new"
    cp -r "$base" "$tmp/before" && cp "$tmp/wrong.h5" "$tmp/before/ckpt-300.h5"
    train "resume with $kind takes the one before" --resume "$tmp/before" --env-steps 250
    check "resume with $kind says so" grep -qE "warn .*ckpt-300.h5.*$says.*the one before" "$err"
    check "resume with $kind: from 200" grep -q 'resumed from .*ckpt-200.h5' "$err"
    rm -rf "$tmp/before"
  done

  # A file in use is not damaged: it is not renamed, and no older one is taken.
  cp -r "$base" "$tmp/held"
  mkfifo "$tmp/until"
  hold() { exec $PYTHON "$h5" hold "$1" <"$tmp/until"; }
  hold "$tmp/held/ckpt-300.h5" >"$tmp/holder" &
  holder=$!
  children="$children $holder"
  exec 9>"$tmp/until"
  check 'a program holds it' wait_for grep -q held "$tmp/holder"
  for way in "inspect $tmp/held/ckpt-300.h5" "eval $tmp/held" "export $tmp/held --format npz -o $tmp/held.npz" "train --resume $tmp/held --env-steps 400" \
    "train --env Pendulum-v1 --init-policy $tmp/held --run-dir $new"; do
    bad "${way%% *} of one in use" 1 "ckpt-300.h5.*in use by another program" "$CORSAC" $way
  done
  run "$CORSAC" inspect "$tmp/held"
  check 'inspect lists it as not read' grep -q 'ckpt-300.h5 *NOT READ: .*in use' "$out"
  check 'it keeps its name' [ -e "$tmp/held/ckpt-300.h5" ]
  exec 9>&-
  wait $holder
  train 'closed, it is resumed' --resume "$tmp/held" --env-steps 310
  check 'from 300' grep -q 'resumed from .*ckpt-300.h5' "$err"
  cp "$newest" "$tmp/wrong.h5" && $PYTHON "$h5" damage version "$tmp/wrong.h5"
  bad 'eval of another format version' 1 'wrong.h5.*format.*99' "$CORSAC" eval "$tmp/wrong.h5"
  bad 'inspect of another format version' 1 'wrong.h5.*format.*99' "$CORSAC" inspect "$tmp/wrong.h5"
else
  skip 'checkpoints made wrong through h5py: no python3-h5py here'
fi

# --- resume ---------------------------------------------------------------------------------------
bad_train "another environment's checkpoint" '[12]' 'Pendulum-v1.*MountainCarContinuous-v0|MountainCarContinuous-v0.*Pendulum-v1' \
  --resume "$newest" --run-dir "$new" --env MountainCarContinuous-v0
bad_train 'a fixed option changed' 2 'critics: the run has 2 .*cannot change it to 3' --resume "$base" --critics 3
bad_train 'a fixed option changed, from a file' 2 'gamma: the run has 0.99' --resume "$newest" --run-dir "$new" --gamma 0.9
bad_train 'an option that sync fixes' 2 'batch_size: the run has 16 and a resume in sync mode cannot' --resume "$base" --batch-size 32
bad_train 'one file without a new directory' 2 'give --run-dir' --resume "$newest"
bad_train 'a directory and another directory' 2 'goes on in that directory' --resume "$base" --run-dir "$new"
bad_train 'best.h5' '[12]' 'best.h5.*(policy|resume)' --resume "$base/best.h5" --run-dir "$new"
bad 'eval in an environment of another shape' 1 'counter.so' "$CORSAC" eval "$base" --env "$plugins/counter.so"

# --- the run directory ----------------------------------------------------------------------------
bad_train 'a run directory that exists' '[12]' 'base.*--resume' $small --run-dir "$base"
mkdir "$tmp/theirs" && touch "$tmp/theirs/data"
bad_train 'a directory of something else' '[12]' 'theirs is not empty \(it holds data\): for a new run choose another --run-dir$' $small --run-dir "$tmp/theirs"
bad_train 'a file in its place' 1 'text.h5' $small --run-dir "$tmp/text.h5/run"
cp -r "$base" "$tmp/locked"
start "$CORSAC" train --resume "$tmp/locked" --env-steps 100000000 --checkpoint-every 0 --eval-every 0 --log-every 0
check 'a job in the background' wait_for grep -q 'resumed from' "$tmp/background.err"
bad_train 'a run directory in use' 2 "locked.*in use by process $background " --resume "$tmp/locked"
kill -KILL "$background" && wait "$background" 2>/dev/null
train 'a lock that a killed job left is taken over' --resume "$tmp/locked" --env-steps 310 --log-every 0
check 'with a word' grep -qE "warn.*lock.*$background|warn.*$background.*lock" "$err"

# A job that is started again on another host within seconds: the lock of the first one is not old yet.
echo 'elsewhere 4242 1 2026-01-31T12:00:00+0100' >"$tmp/locked/lock" && touch -d '-5 seconds' "$tmp/locked/lock"
bad_train 'a lock of another host' 2 'in use by process 4242 on elsewhere' --resume "$tmp/locked" --env-steps 320
touch -d '-59 seconds' "$tmp/locked/lock"
train 'is waited for by --resume auto' --resume auto --run-dir "$tmp/locked" --env-steps 320 --log-every 0
check 'with a word in its log' grep -q 'info  .*lock: process 4242 on elsewhere refreshed this lock 59 s ago: waiting until ..:..:.. ' "$tmp/locked/log.txt"
check 'and taken over' grep -q 'warn  .*taking over the lock of process 4242 on elsewhere' "$tmp/locked/log.txt"

# --- environments ---------------------------------------------------------------------------------
# NAME REGEX PLUGIN[:ARGS]: before the job starts, and while it runs.
start_env() { bad_train "$1" '[12]' "$2" $small --env "$plugins/$3" --run-dir "$new"; }
run_env() { bad_job "$1" 1 "$2" "$CORSAC" train $small --eval-every 0 --env-max-failures 1 --env "$plugins/$3" --run-dir "$new"; }
start_env 'no such plugin' 'nowhere.so.*No such file' nowhere.so
cp "$tmp/text.h5" "$tmp/text.so"
bad_train 'a plugin that is no shared object' 1 'text.so cannot be loaded' $small --env "$tmp/text.so" --run-dir "$new"
start_env 'a plugin without corsac_env' 'no_symbol.so exports no symbol corsac_env' no_symbol.so
start_env 'a plugin for another ABI' 'old_abi.so.*ABI' old_abi.so
start_env 'no dimensions' 'obs_dim to 0; it has to be 1 to' zero_dim.so
start_env 'too many dimensions' 'obs_dim to 4000000000' faulty.so:huge_obs_dim
start_env 'bounds that are equal' 'component 1 to \[3, 3\]' bad_bounds.so
start_env 'a bound that is not a number' 'component 0 to \[-?nan, 1\]' faulty.so:nan_bound
start_env 'a bound that is infinite' 'component 0 is unbounded, \[-1, inf\].* --action-low and --action-high' faulty.so:infinite_bound
start_env 'inverted bounds' 'component 0 to \[1, -1\]' faulty.so:inverted_bounds
start_env 'no bounds' 'set no action_low' faulty.so:no_bounds
start_env 'create fails' 'environment 0 .*create failed: no licence for the solver' fail_create.so
start_env 'create fails and says nothing' 'create failed: it returned NULL' fail_create.so:silent
run_env 'reset fails' 'environment 0 .*reset with seed [0-9]+ failed: the mesh is gone' faulty.so:fail_reset
run_env 'reset returns NaN' 'reset .*not finite: component 0 is -?nan' faulty.so:nan_reset
run_env 'step fails' 'environment 0 .*step 80 of the episode failed' fail_step.so:80
run_env 'step returns NaN' 'step 80 of the episode returned an observation that is not finite: component 2 is -?nan' nan_obs.so:80
run_env 'step returns a reward of NaN' 'step 70 of the episode returned a reward' faulty.so:nan_reward
run_env 'step returns unknown flags' 'step 70 of the episode returned flags 64' faulty.so:unknown_flag
expect_status 'a job whose environment fails after a checkpoint' 1 "$CORSAC" train $small --eval-every 0 --env-max-failures 1 --env "$plugins/fail_step.so:150" --run-dir "$new"
check 'has saved what came before' [ -s "$new/$(json "$new/status.json" checkpoint)" ]
check 'its status.json says failed' json_is "$new/status.json" state failed
check 'and why' grep -q 'step 150 of the episode failed' "$new/status.json"
expect_status 'its checkpoints are whole' 0 "$CORSAC" inspect "$new"
rm -rf "$new"

# --- resources ------------------------------------------------------------------------------------
bad_train 'replay too large for the memory' 1 'replay.*GiB.*lower replay_capacity' $small --env-steps 4e9 --replay-capacity 4000000000 --run-dir "$new"
train 'replay too large for the memory, which env_steps never fills' $small --replay-capacity 4000000000 --run-dir "$tmp/bounded"
train '... resumed' --resume "$tmp/bounded" --env-steps 400
bad_train 'replay of more rows than there can be' 2 'replay-capacity: must be an integer from 1 to 4294967295' $small --replay-capacity 1e12 --run-dir "$new"
bad 'networks too large for the memory' 1 'no memory for [0-9.]+ MiB' bash -c 'ulimit -v 1500000 && exec "$@"' sh \
  "$CORSAC" train $small --hidden 16384,16384,16384 --run-dir "$new"

# Mounts a small disk, which is gone when the command ends.
mkdir "$tmp/disk"
small_disk="unshare -m sh $tmp/small_disk.sh $tmp/disk"
echo 'mount -t tmpfs -o size=2m corsac-e2e "$1" && shift && exec "$@"' >"$tmp/small_disk.sh"
if [ "$(id -u)" = 0 ] && $small_disk true 2>/dev/null; then
  cat >"$tmp/fill.sh" <<'END'
cd "$1" || exit 9
cp -r "$2" run || exit 9
sum=$(sha256sum run/ckpt-*.h5)
dd if=/dev/zero of=filler bs=4k 2>/dev/null
rm -f "$3"
"$CORSAC" train --resume run --env-steps 400 --checkpoint-every 0 --eval-every 0 --log-every 0
code=$?
[ "$sum" = "$(sha256sum run/ckpt-*.h5)" ] || { echo 'checkpoints changed' >&2; exit 9; }
ls run/*.tmp 2>/dev/null && { echo 'an unfinished file is left' >&2; exit 9; }
"$CORSAC" inspect run >/dev/null || exit 9
exit $code
END
  export CORSAC
  bad 'a disk that is full from the start' 1 'No space left' $small_disk sh "$tmp/fill.sh" "$tmp/disk" "$base" none
  # A small file is removed, so that the configuration can be written but the next checkpoint
  # cannot.
  bad 'a disk that is full at the checkpoint' 1 'ckpt-400.h5.*No space left' $small_disk sh "$tmp/fill.sh" "$tmp/disk" "$base" run/best.h5
else
  skip 'a disk that is full: that takes root and a mount'
fi

# --- under mpirun: one rank speaks ----------------------------------------------------------------
# bad_mpi NAME STATUS REGEX ARGUMENTS...: on three ranks
bad_mpi() { bad "mpirun: $1" "$2" "$3" $MPIRUN -n 3 "$CORSAC" train "${@:4}"; }
bad_mpi 'unknown option' 2 '--bacth-size: there is no such option' --env Pendulum-v1 --bacth-size 8
bad_mpi 'an unknown environment' 2 'no environment is called "Pendulum-v2"' --env Pendulum-v2 --run-dir "$new"
bad_mpi 'a run directory that exists' '[12]' 'base.*--resume' $small --run-dir "$base"
bad_mpi 'a fixed option changed' 2 'critics: the run has 2' --resume "$base" --critics 3
bad_mpi 'a truncated checkpoint' 1 'short.h5' --resume "$tmp/short.h5" --run-dir "$new"
bad_mpi 'a plugin for another ABI' 1 'old_abi.so.*ABI' $small --env "$plugins/old_abi.so" --run-dir "$new"
bad_mpi 'create fails' 1 'rank [12]: .*no licence' $small --env "$plugins/fail_create.so" --run-dir "$new"
keeps_new=1 bad_mpi 'step fails' 1 'rank 1: .*environment 0 .*step 80 of the episode failed' $small --envs 1 --eval-every 0 --env-max-failures 1 --env "$plugins/fail_step.so:80" --run-dir "$new"
keeps_new=1 bad_mpi 'step returns NaN, in sync' 1 'rank [12]: .*step 80 .*not finite' $small --eval-every 0 --env-max-failures 1 --sync --env "$plugins/nan_obs.so:80" --run-dir "$new"
bad_mpi 'replay too large for the memory' 1 'replay.*GiB.*lower replay_capacity' $small --env-steps 4e9 --replay-capacity 4000000000 --run-dir "$new"

# The same program with another version in it.
version=$("$CORSAC" --version | sed 's/^corsac //')
other=$(echo "$version" | tr 0-9 1-90)
LC_ALL=C sed "s/$(echo "$version" | sed 's/\./\\./g')/$other/g" "$CORSAC" >"$tmp/corsac-other" && chmod +x "$tmp/corsac-other"
check 'a program of another version' test "$("$tmp/corsac-other" --version)" = "corsac $other"
bad 'mpirun: ranks with unequal programs' 1 "rank 0 runs corsac $version, rank 1 runs $other" \
  $MPIRUN -n 1 "$CORSAC" train $small --run-dir "$new" : -n 1 "$tmp/corsac-other" train $small --run-dir "$new"

finish
