#!/usr/bin/env bash
# A long job over three hosts with a fault every few seconds: actors stopped and continued, links cut and healed, environments that fail, now and
# then an actor killed. At the end the steps must add up, and the learner must hold no more memory and descriptors than at the start.
#   soak.sh [SECONDS]     default 600; `make soak`
. "$(dirname "$0")/../e2e/lib.sh"
. tests/support/hosts.sh
seconds=${1:-600}
why=$(hosts_possible) || { skip "the soak, because $why" && pass && finish; }
trap 'hosts_down; cleanup' EXIT
hosts_up 3 "$tmp/hosts" || { fail 'three hosts' && finish; }
RANDOM=${SEED:-1}
run=$tmp/run counts=$tmp/counts

mpirun3="tests/support/hosts.sh --mpirun $tmp/hosts"
start $mpirun3 --enable-recovery -n 13 "$CORSAC" train --env "$plugins/counted.so:$counts,1000,5000" --run-dir "$run" --hidden 32,32 --batch-size 32 \
  --learning-starts 1000 --utd 0.05 --env-steps 100000000 --replay-capacity 100000 --eval-every 20000 --eval-episodes 3 --log-every 1000 \
  --checkpoint-every 20000 --checkpoint-keep 2 --actor-timeout 4 --env-timeout 4 --env-max-failures 1000000
wait_for grep -q , "$run/metrics.csv"
sleep 5
learner=$(rank_pid "$run" 0) began=$(date +%s)
memory() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }
files() { ls "/proc/$1/fd" | wc -l; }
stops=0 cuts=0 kills=0 memory_begun='' files_begun='' survivor=$(rank_pid "$run" 1) memory_actor=''
course='' next=0 # memory, once a minute
while [ $(($(date +%s) - began)) -lt "$seconds" ] && kill -0 "$learner" 2>/dev/null; do
  sleep "$((1 + RANDOM % 3))"
  [ $(($(date +%s) - began)) -lt $next ] || { course="$course $(memory "$learner")" && next=$((next + 60)); }
  length=$((RANDOM % 3)).$((RANDOM % 10))
  # The replay has to be full before memory is compared.
  if [ -z "$memory_begun" ] && [ "$(json "$run/status.json" env_steps)" -gt 120000 ]; then
    memory_begun=$(memory "$learner") files_begun=$(files "$learner") memory_actor=$(memory "$survivor")
  fi
  case $((RANDOM % 10)) in
  [0-5])
    victim=$(rank_pid "$run" $((2 + RANDOM % 11)))
    [ -n "$victim" ] && kill -STOP "$victim" && sleep "$length" && kill -CONT "$victim" && stops=$((stops + 1))
    ;;
  [6-8])
    node=$((2 + RANDOM % 2))
    hosts_cut $node && sleep "$length" && hosts_heal $node && cuts=$((cuts + 1))
    ;;
  9)
    victim=$(rank_pid "$run" $((2 + RANDOM % 11)))
    [ $((kills * 120)) -lt $(($(date +%s) - began)) ] && [ -n "$victim" ] && kill -9 "$victim" && kills=$((kills + 1))
    ;;
  esac 2>/dev/null
done
check 'the learner lives' kill -0 "$learner"
sleep 6 # who was stopped, or cut off, is back
memory_now=$(memory "$learner") files_now=$(files "$learner") memory_actor_now=$(memory "$survivor")
kill -USR1 "$learner"
wait_for json_is "$run/status.json" exit_code 75
sleep 5
status=$run/status.json
made=$(counted "$counts")
inserted=$(json "$status" env_steps) surplus=$(json "$status" surplus) unsent=$(json "$status" unsent) bound=$(json "$status" lost_at_most)
lost=$((made - inserted - surplus - unsent))
echo "    $seconds s: $stops stops, $cuts cuts, $kills kills, $(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "env_failures") c = i; next } { s += $c } END { print s }' "$run/metrics.csv") failed environments; $(grep -c 'is gone' "$run/log.txt") times an actor counted as gone, $(grep -c 'is back' "$run/log.txt") came back"
echo "    steps made $made = $inserted inserted + $surplus after the end + $unsent unsent + $lost lost, of at most $bound, with $(json "$status" actors_lost) actors"
echo "    learner: $memory_begun kB and $files_begun descriptors when the replay was full, $memory_now kB and $files_now at the end; an actor: $memory_actor kB, $memory_actor_now kB"
echo "    learner, each minute:$course kB"
check 'the steps add up' [ "$lost" -ge 0 -a "$lost" -le "$bound" ]
# Open MPI keeps what the longest cut made it queue, so memory is compared between the middle and the end.
middle=$(echo "$course" | awk '{ print $(int((NF + 1) / 2)) }')
check 'memory is flat' [ "$memory_now" -le $((middle + middle / 10)) ]
check "an actor's, too" [ "$memory_actor_now" -le $((memory_actor + memory_actor / 10)) ]
check 'no descriptor leaks' [ "$files_now" -le "$((files_begun + 2))" ]
check 'what is saved is whole' "$CORSAC" inspect --json "$run" >"$out"
[ $failed = 0 ] || { cp "$run/log.txt" "$BUILD_DIR/soak.log" && echo "    its log: $BUILD_DIR/soak.log"; }
finish
