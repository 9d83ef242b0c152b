#!/bin/sh
# Does the search find faults? Builds the program with each line of mutations.txt, one at a time, and searches until the
# simulation finds it: mutations.sh [SEEDS]    (1000 at most for each)
# Prints the seeds that each took. Fails where one is not found, or changes nothing.
set -u
seeds=${1:-1000} here=$(cd "$(dirname "$0")/../.." && pwd) passed=0 failed=0 number=0
tree=$here/build/mutations
mkdir -p "$tree"
for room in common learner actor launch tests Makefile; do
  rm -rf "${tree:?}/$room" # a run that was ended has left its mutation
  cp -r -p "$here/$room" "$tree/"
done
sed -n 's/^\([^#].*\) ## .* ## .*/\1/p' "$here/tests/simulation/mutations.txt" | sort -u | while read -r file; do
  touch "$tree/$file" # no object of a mutation stays
done
while read -r line; do
  case $line in '#'* | '') continue ;; esac
  file=${line%% ## *} change=${line##* ## } what=${line#* ## } what=${what%% ## *} number=$((number + 1))
  sed "$change" "$here/$file" >"$tree/$file.new"
  if cmp -s "$here/$file" "$tree/$file.new"; then
    echo "$number not applied: $what ($file)"
    failed=$((failed + 1))
    rm "$tree/$file.new"
    continue
  fi
  mv "$tree/$file.new" "$tree/$file"
  if ! make -s -C "$tree" build/release/simulation/simulate >"$tree/log" 2>&1; then
    echo "$number does not compile: $what" && tail -3 "$tree/log"
    failed=$((failed + 1))
  else
    "$tree/build/release/simulation/simulate" --seeds "$seeds" --first >"$tree/log" 2>&1
    found=$(sed -n 's/^found after \([0-9]*\) worlds.*/\1/p' "$tree/log" | head -1)
    [ -n "$found" ] && passed=$((passed + 1)) || failed=$((failed + 1))
    echo "$number ${found:-not found} seeds: $what: $(sed -n 's/^seed [0-9]*: //p' "$tree/log" | head -1)"
  fi
  cp "$here/$file" "$tree/$file" # newer than the object, so it is compiled again
  touch "$tree/$file"
done <"$here/tests/simulation/mutations.txt"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
