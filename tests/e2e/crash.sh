#!/usr/bin/env bash
# All processes are killed with KILL at a random moment, over and over (CHECK_FULL=1: 200 times),
# and started again with the same command. Each start finds a good checkpoint, no more than an
# interval of steps is lost, and nothing piles up.
. "$(dirname "$0")/lib.sh"

# In memory where that can be had: on a disk that others keep busy one checkpoint may take longer than three intervals.
shm=$(mktemp -d /dev/shm/corsac-e2e.XXXXXX 2>/dev/null) || shm=$tmp
trap 'rm -rf "$shm"; cleanup' EXIT
run=$shm/run every=20000 kills=$([ "$CHECK_FULL" = 1 ] && echo 200 || echo 10)
RANDOM=17
last() { tail -n 1 "$run/metrics.csv" 2>/dev/null | cut -d, -f2 | grep -E '^[0-9]+$' || echo 0; }
kill_all() { for pid in $(pgrep -f "run-dir $run"); do kill -9 "$pid" 2>/dev/null; done; while pgrep -f "run-dir $run" >/dev/null; do sleep 0.01; done; }
bad_starts=0 most_lost=0 piled=0 resumed=0 refused=0
for i in $(seq "$kills"); do
  before=$(last)
  : >"$tmp/start.log" # what the start before said is not this one's
  launcher=$([ $((i % 2)) = 0 ] && echo "$MPIRUN -n 3")
  $launcher "$CORSAC" train --resume auto --run-dir "$run" --env Pendulum-v1 --hidden 16,16 --batch-size 32 --learning-starts 200 --env-steps 100000000 \
    --envs 2 --replay-capacity 20000 --eval-every 0 --log-every 1000 --checkpoint-every $every --checkpoint-keep 2 >"$tmp/start.log" 2>&1 &
  for _ in $(seq 500); do grep -qE 'run directory|died without a word' "$tmp/start.log" && break; sleep 0.02; done
  if grep -q 'the last 3 starts died without a word at the same step' "$tmp/start.log"; then # killed three times before the first row: said once
    refused=$((refused + 1)) && wait
    continue
  fi
  grep -q 'run directory' "$tmp/start.log" || { bad_starts=$((bad_starts + 1)) && head -n 3 "$tmp/start.log"; }
  from=$(sed -nE 's/.*resumed from .* at ([0-9]+) steps.*/\1/p' "$tmp/start.log")
  if [ -n "$from" ]; then
    resumed=$((resumed + 1))
    [ $((before - from)) -gt "$most_lost" ] && most_lost=$((before - from))
  elif [ "$before" -gt $((2 * every)) ]; then
    bad_starts=$((bad_starts + 1)) # there was a checkpoint to find
  fi
  more=$((RANDOM % 40 * 1000)) # by steps, since a busy machine takes longer for them
  for _ in $(seq 1500); do [ "$(last)" -ge $((${from:-0} + more)) ] && break; sleep 0.02; done
  sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
  { kill_all && wait; } 2>/dev/null
  [ "$(find "$run" -name '*.tmp' | wc -l)" -gt 3 ] && piled=1 # of this one's writers: ckpt, best, a small file
  [ "$(find "$run" -name 'ckpt-*.h5' | wc -l)" -gt 3 ] && piled=1
done
echo "    $kills kills, $resumed resumes, $(last) steps; $refused refused after three that came to nothing; a kill cost at most $most_lost steps of an interval of $every"
check 'every start begins or goes on' [ "$bad_starts" = 0 ]
check 'most starts went on' [ "$resumed" -ge $((kills * 6 / 10)) ]
check 'no more than an interval and what came while it was written is lost' [ "$most_lost" -le $((2 * every)) ]
check 'no file piles up' [ "$piled" = 0 ]
check 'what is there is whole' "$CORSAC" inspect "$run"
check 'the next start leaves no temporary file' sh -c "'$CORSAC' train --resume '$run' --env-steps 1 --eval-every 0 >/dev/null 2>&1; [ -z \"\$(find '$run' -name '*.tmp')\" ]"
finish
