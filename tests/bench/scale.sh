#!/usr/bin/env bash
# How far does it scale: receiving transitions, training and memory at 1 to 128 actors on this machine, and on three hosts that it plays (root), as a
# table in Markdown.
#   scale.sh [--quick]
set -u
export LC_ALL=C # numbers have a point
cd "$(dirname "$0")/../.." || exit 1
. tests/support/hosts.sh
: "${BUILD:=build}" "${MPIRUN:=mpirun --bind-to none --oversubscribe}"
: "${CORSAC:=$BUILD/release/corsac}" "${PLUGIN:=$BUILD/release/plugins/linear.so}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
counts='1 2 4 8 16 32 64 128' rounds=5 seconds=0.1 steps=7000
[ "${1-}" = --quick ] && counts='1 8' rounds=2 seconds=0.05 steps=4000
tmp=$(mktemp -d "${TMPDIR:-/tmp}/corsac-scale.XXXXXX")
trap 'hosts_down; rm -rf "$tmp"' EXIT

figure() { awk -v name="\"$1\"" '$1 == "\"name\":" { inside = index($0, name) } inside && $1 == "\"value\":" { gsub(/,/, "", $2); print $2; exit }' "$tmp/json"; }
shape='--obs-dim 17 --act-dim 6 --hidden 256,256 --batch-size 256'

# rows COMMAND...: a line of the table, after ACTORS in $actors
row() {
  local receive update rate memory='' run=$tmp/run started
  "$@" -n $((actors + 1)) "$CORSAC" bench transport $shape --json --rounds $rounds --seconds $seconds >"$tmp/json" 2>"$tmp/err"
  receive=$(figure 'receive + insert')
  rm -rf "$run"
  # A real job, utd 1, an environment that costs nothing: actors wait for the learner, which is what 128 of them must not disturb.
  started=$(date +%s.%N)
  "$@" -n $((actors + 1)) "$CORSAC" train --env "$PLUGIN" --hidden 256,256 --batch-size 256 --learner-threads 1 --learning-starts 2000 --env-steps $steps --eval-every 0 \
    --checkpoint-every 0 --log-every 1000 --run-dir "$run" >"$tmp/out" 2>"$tmp/err" &
  local job=$!
  for _ in $(seq 400); do [ "$(wc -l 2>/dev/null <"$run/metrics.csv" || echo 0)" -gt 3 ] && break; kill -0 $job 2>/dev/null || break; sleep 0.05; done
  memory=$(for pid in $(pgrep -f "run-dir $run\$"); do
    tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q '^OMPI_COMM_WORLD_RANK=[1-9]' && awk '/^Pss:/ { print $2 / 1024 }' "/proc/$pid/smaps_rollup" 2>/dev/null
  done | awk '{ s += $1; n++ } END { if (n) printf "%.1f", s / n }')
  wait $job
  rate=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "updates") u = i; if ($i == "time_s") t = i }; next }
    { if (NR == 4) { u0 = $u; t0 = $t } u1 = $u; t1 = $t } END { printf "%.0f", (u1 - u0) / (t1 - t0) }' "$run/metrics.csv")
  printf '| %s | %s | %s | %s | %s | %.1f |\n' "$1" "$actors" "$(awk -v v="${receive:-0}" 'BEGIN { printf "%.2f", v / 1e6 }')" "$rate" "${memory:--}" \
    "$(awk -v a="$started" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')"
}
one_host() { $MPIRUN "$@"; }
three_hosts() { hosts_mpirun "$@"; }
echo "| where | actors | received and inserted, M rows/s | updates/s at utd 1 | MB (PSS) per actor | start to end, s |"
echo "|---|---|---|---|---|---|"
for actors in $counts; do row one_host; done
if why=$(hosts_possible) && hosts_up 3 "$tmp/hosts"; then
  for actors in 5 23; do row three_hosts; done
else
  echo "skipped: three hosts, because $why" >&2
fi
