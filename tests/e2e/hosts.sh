#!/usr/bin/env bash
# A job over three hosts gives the same bits as on one. Then a host, its link, a daemon, a rank and
# the learner fail in turn. Each fault prints after what time it was noticed and how many
# transitions it cost. The environments themselves count their steps.
. "$(dirname "$0")/lib_bits.sh"
. tests/support/hosts.sh

why=$(hosts_possible) || { skip "everything over several hosts, because $why" && pass && finish; }
trap 'hosts_down; cleanup' EXIT
hosts_up 3 "$tmp/hosts" || { fail 'three hosts' && finish; }
mpirun3="tests/support/hosts.sh --mpirun $tmp/hosts"

# --- the same bits --------------------------------------------------------------------------------

for job in $jobs; do
  arguments=job_$job
  expect_status "$job in one process" 0 "$CORSAC" train ${!arguments} --run-dir "$tmp/$job"
  compare "$job" 'from 6 ranks on 3 hosts' $mpirun3 -n 6 "$CORSAC" train
done

# --- faults ---------------------------------------------------------------------------------------

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
says() { grep -qE -- "$1" "$run/log.txt" 2>/dev/null; }
steps() { column "$run/metrics.csv" env_steps 2>/dev/null | tail -n 1; }
past() { [ "$(steps || echo 0)" -ge "$1" ] 2>/dev/null; }
left() { pgrep -f "run-dir $run( |\$)"; }
nobody_left() { [ -z "$(left)" ]; }

# begin NAME [OPTIONS]: a job on 6 ranks, two on each host; ranks 4 and 5 are on node3
begin() {
  run=$tmp/$1 counts=$tmp/$1.counts
  shift
  start $mpirun3 --enable-recovery -n 6 "$CORSAC" train --env "$plugins/counted.so:$counts,1000" --run-dir "$run" \
    --hidden 8,8 --batch-size 16 --learning-starts 200 --utd 0.1 --env-steps 40000 --eval-every 0 --log-every 200 --checkpoint-every 0 \
    --actor-timeout 2 --env-timeout 2 "$@"
  wait_for past 2000
}
# noticed NAME REGEX: it stands in the log after a bounded time, which is kept in $took
noticed() {
  for _ in $(seq 200); do says "$2" && break; sleep 0.05; done
  took=$(since "$at")
  check "$1: it is noticed ($took s)" says "$2"
}
# accounted NAME: the job is done; every step that an environment made is in the replay, or dropped
# for a reason
accounted() {
  local status=$run/status.json inserted surplus unsent bound lost
  for _ in $(seq 600); do json_is "$status" state done && nobody_left && break; sleep 0.1; done
  check "$1: the job is done" json_is "$status" state done
  check "$1: nobody is left" nobody_left
  wait "$background" 2>/dev/null
  inserted=$(json "$status" env_steps) surplus=$(json "$status" surplus) unsent=$(json "$status" unsent) bound=$(json "$status" lost_at_most)
  lost=$(($(counted "$counts") - inserted - surplus - unsent))
  check "$1: made $(counted "$counts") = $inserted inserted + $surplus past the end + $unsent unsent + $lost lost, of at most $bound" [ "$lost" -ge 0 -a "$lost" -le "$bound" ]
  echo "    $1: noticed after ${took:-0} s, $lost transitions lost; made $(counted "$counts") = $inserted inserted + $surplus past the end + $unsent unsent + $lost lost"
}

begin rank
at=$(now)
kill -9 "$(rank_pid "$run" 5)"
noticed 'a rank killed on another host' 'actor rank 5 is presumed dead'
accounted 'a rank killed on another host'
check 'one actor is missing' json_is "$run/status.json" actors_lost 1

begin learner --env-steps 10000000
at=$(now)
kill -9 "$(rank_pid "$run" 0)"
for _ in $(seq 200); do nobody_left && break; sleep 0.1; done
took=$(since "$at")
check "the learner killed: nobody is left ($took s)" nobody_left
check 'the learner killed: mpirun ends' wait_for sh -c "! kill -0 $background"
wait "$background"
status=$?
check "the learner killed: mpirun does not say it is well ($status)" [ "$status" != 0 ]
check 'the learner killed: the actors say why they leave' grep -q 'the learner has been silent for' "$tmp/background.err"
echo "    the learner killed: everybody has left after $took s"

if [ "$CHECK_FULL" = 1 ]; then
  begin daemon
  at=$(now)
  kill -9 "$(pgrep -f 'orted.*' | while read -r pid; do [ "$(readlink "/proc/$pid/ns/net")" = "$(readlink "/proc/$(hosts_pid 3)/ns/net")" ] && echo "$pid"; done | head -n 1)"
  noticed 'a daemon killed' 'actor rank [45] is presumed dead'
  accounted 'a daemon killed'

  begin cut
  at=$(now)
  hosts_cut 3
  noticed 'a link cut' 'actor rank [45] is presumed dead'
  accounted 'a link cut'
  hosts_heal 3

  begin heal --env-steps 120000
  at=$(now)
  hosts_cut 3
  noticed 'a link cut and healed' 'actor rank [45] is presumed dead'
  hosts_heal 3
  for _ in $(seq 100); do says 'actor rank 4 is back' && says 'actor rank 5 is back' && break; nobody_left && break; sleep 0.1; done
  accounted 'a link cut and healed'
  echo "    a link cut and healed: $(grep -c 'is back' "$run/log.txt") of 2 actors were taken back"

  begin stopped
  victim=$(rank_pid "$run" 4)
  at=$(now)
  kill -STOP "$victim"
  noticed 'a rank stopped' 'actor rank 4 is presumed dead'
  kill -CONT "$victim"
  for _ in $(seq 100); do says 'actor rank 4 is back' && break; sleep 0.1; done
  check 'a rank stopped and continued: it is taken back' says 'actor rank 4 is back: 5 of 5 actors'
  accounted 'a rank stopped and continued'
  check 'a rank stopped and continued: nothing is lost' json_is "$run/status.json" lost_at_most 0

  begin few --min-actors 5
  kill -9 "$(rank_pid "$run" 3)"
  wait_for nobody_left
  check 'fewer actors than min_actors: stopped, to be submitted again' json_is "$run/status.json" exit_code 75

  # The same limit on the return as on one host.
  bar="--env Pendulum-v1 --seed 1 --env-steps 20000 --run-dir $tmp/solved"
  expect_status 'three hosts learn' 0 $mpirun3 -n 6 "$CORSAC" train $bar
  expect_status 'and their policy evaluates' 0 "$CORSAC" eval "$tmp/solved" --episodes 20 --json
  return_mean=$(json "$out" return_mean)
  check "to the same bar: $return_mean" above "$return_mean" -250
fi
finish
