#!/usr/bin/env bash
# Measures the curves that plot.sh draws, into tables with tabs in --out DIR (default build/bench/sweep):
#   updates.tsv   updates/s by batch size and by width of two hidden layers, on one core, each backend, beside the limit
#   actors.tsv    environment steps/s by number of actors: an environment that costs nothing, and one that waits 2 ms in each step
#   receive.tsv   rows/s that the learner receives and inserts, by number of actors
#   sweep.sh [--quick] [--out DIR] [--only updates|actors|receive]
set -eu
export LC_ALL=C # numbers have a point
here=$PWD
cd "$(dirname "$0")/../.."
build=${BUILD:-build} out='' only='updates actors receive' rounds=11 seconds=0.1 quick=0
while [ $# -gt 0 ]; do
  case $1 in
  --quick) quick=1 rounds=3 seconds=0.02 ;;
  --out | --only)
    [ $# -gt 1 ] || { echo "sweep.sh: $1 needs a value after it" >&2 && exit 2; }
    if [ "$1" = --out ]; then out=$(cd "$here" && realpath -m -- "$2"); else only=$2; fi
    shift
    ;;
  -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
  *) echo "sweep.sh: '$1' is no option of this script; see sweep.sh --help" >&2 && exit 2 ;;
  esac
  shift
done
case $only in
updates | actors | receive | 'updates actors receive') ;;
*) echo "sweep.sh: --only is updates, actors or receive, not '$only'" >&2 && exit 2 ;;
esac
: "${out:=$build/bench/sweep}" "${CORSAC:=$build/release/corsac}" "${MPIRUN:=mpirun --bind-to none --oversubscribe}"
: "${PLUGIN:=$build/release/plugins/linear.so}"
read -ra mpirun <<<"$MPIRUN"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
for file in "$CORSAC" "$PLUGIN"; do
  [ -e "$file" ] || { echo "sweep.sh: $file is missing; 'make bench-plots' builds it" >&2 && exit 1; }
done
mkdir -p "$out"
result=$(mktemp)
trap 'rm -f "$result" "$result.err"' EXIT
core=$(taskset -cp $$ | sed 's/.*[:, -]//')

# measure COMMAND...: its JSON into $result
measure() {
  timeout -k 5 300 "$@" >"$result" 2>"$result.err" </dev/null || { echo "sweep.sh: failed: $*" >&2 && tail -n 3 "$result.err" >&2 && exit 1; }
}
# begin FILE COLUMNS: a table's head; machine and date as corsac bench gives them
begin() {
  measure "$CORSAC" bench replay --json --rounds 1 --seconds 0.001 --replay-capacity 1000
  printf '# %s, %s cores, %s\n%s\n' "$(key machine)" "$(nproc)" "$(key date | cut -c 1-10)" "$2" >"$out/$1.tsv"
}
key() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$result"; }
# figure NAME: value, its quartiles, limit, its quartiles; - where there is no limit
figure() {
  awk -v name="\"$1\"" '$1 == "\"name\":" { text = $0; sub(/^[^:]*: /, "", text); sub(/,$/, "", text); inside = text == name }
    inside { line = $0; gsub(/[][,]/, " ", line); n = split(line, cell, " ")
      if (cell[1] ~ /^"(value|limit)":/) middle[cell[1]] = cell[2]
      if (cell[1] ~ /^"(value|limit)_quartiles":/) { low[cell[1]] = cell[2]; high[cell[1]] = cell[3]; want = n < 3 ? cell[1] : "" }
      else if (want != "" && n == 1) { if (low[want] == "") low[want] = cell[1]; else { high[want] = cell[1]; want = "" } } }
    function show(key) { return key in middle && middle[key] != "null" ? middle[key] : "-" }
    END { q = "\"value_quartiles\":"; l = "\"limit_quartiles\":"; none = show("\"limit\":") == "-"
      printf "%s\t%s\t%s\t%s\t%s\t%s", show("\"value\":"), low[q], high[q], show("\"limit\":"), none ? "-" : low[l], none ? "-" : high[l] }' "$result"
}

updates() {
  local backends backend width batch
  backends=$("$CORSAC" options | sed -n '/^  --backend /,/^  --/p' | grep -ow 'tiles\|openblas' | sort -ru) || true
  begin updates "backend	width	batch	value	low	high	limit	limit_low	limit_high"
  for shape in 64/256 128/256 256/256 512/256 256/64 256/128 256/512 256/1024; do
    width=${shape%/*} batch=${shape#*/}
    for backend in ${backends:-''}; do
      echo "sweep.sh: updates: width $width, batch $batch${backend:+, $backend}" >&2
      measure taskset -c "$core" "$CORSAC" bench learner --json --rounds $rounds --seconds $seconds --replay-capacity 100000 \
        --hidden "$width,$width" --batch-size "$batch" ${backend:+--backend "$backend"}
      printf '%s\t%s\t%s\t%s\n' "${backend:-$(key backend)}" "$width" "$batch" "$(figure update)" >>"$out/updates.tsv"
    done
  done
}

actor_counts='1 2 4 8 16 32'
actors() {
  local count wait round
  begin actors "wait_us	actors	value	low	high"
  for wait in 0 2000; do
    for count in $actor_counts; do
      echo "sweep.sh: actors: $count, $wait us a step" >&2
      # A row of metrics.csv takes four of these; it should hold a quarter of a second's steps.
      round=$(awk -v n="$count" -v wait="$wait" -v quick=$quick 'BEGIN {
        s = wait && n < 20 ? n * 0.003 : 0.06
        print quick ? s / 3 : s }')
      measure "${mpirun[@]}" -n $((count + 1)) "$CORSAC" bench train --json --rounds 7 --seconds "$round" \
        --env "$PLUGIN:17,6,$wait" --hidden 64,64 --batch-size 100
      printf '%s\t%s\t%s\n' "$wait" "$count" "$(figure 'environment steps' | cut -f 1-3)" >>"$out/actors.tsv"
    done
  done
}

receive() {
  local count
  begin receive "actors	value	low	high	limit	limit_low	limit_high"
  for count in $actor_counts; do
    echo "sweep.sh: receive: $count actors" >&2
    measure "${mpirun[@]}" -n $((count + 1)) "$CORSAC" bench transport --json --rounds $rounds --seconds $seconds
    printf '%s\t%s\n' "$count" "$(figure 'receive + insert')" >>"$out/receive.tsv"
  done
}

for part in $only; do $part; done
echo "sweep.sh: wrote $only below $out" >&2
