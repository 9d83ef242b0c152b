#!/bin/sh
# Runs tests, each under a time limit, prints a line for each and the whole output of those that fail.
#   run_tests.sh [-r RESULTS] [-s TIME_SCALE] [-j JOBS] [-a ALONE] unit|mpi|e2e|cpus|simulation|script PROGRAM...
#   run_tests.sh -r RESULTS -t      prints the total over all calls
# Exits 1 if one failed. -j: so many programs run side by side, but those of the list ALONE one after another at the end.
# unit, mpi: CUnit programs; mpi/test_topic_np235 runs on 2, 3 and 5 ranks. e2e, cpus, simulation, script: print "N passed, N failed" last.
# Each appends "PASSED FAILED NAME" to RESULTS. A program that ends badly counts at least one failure.
set -u
export LC_ALL=C # awk and printf
results=/dev/null scale=1 jobs=1 alone= total=0 one=0
while getopts r:s:j:a:t1 option; do
  case $option in
  r) results=$OPTARG ;;
  s) scale=$OPTARG ;;
  j) jobs=$OPTARG ;;
  a) alone=$OPTARG ;;
  t) total=1 ;;
  1) one=1 ;; # of several side by side
  *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))

# sum FILE [names]: "N passed, N failed" of all its lines
sum() {
  awk -v names="${2:-}" '{ passed += $1; failed += $2; if ($2) { $1 = $2 = ""; bad = bad "\n" $0 } }
    END { if (failed && names) print "failed:" bad; printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$1"
}
[ $total = 0 ] || { touch "$results" && sum "$results" names && exit 0 || exit 1; }

kind=$1
shift
[ $# -gt 0 ] || { echo "$kind: there is no such test" >&2 && exit 1; }
: "${WRAP:=}" # unit: a command that runs the program, such as valgrind
case $kind in e2e | cpus | simulation) limit=600 ;; *) limit=120 ;; esac
limit=$((limit * scale))
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
output=$tmp/output counts=$tmp/counts
: >"$counts"

# run NAME COMMAND...
run() {
  name=$1
  shift
  start=$(date +%s%N)
  timeout -k 10 $limit "$@" >"$output" 2>&1 </dev/null
  status=$?
  seconds=$(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $start) / 1e9 }")
  count=$(awk '/^ +tests +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+/ { p = $4; f = $5; n = 1 }
    /^[0-9]+ passed, [0-9]+ failed$/ { p = $1; f = $3; n = 1 }
    END { if (n) print p, f; else print 0, 0 }' "$output")
  passed=${count% *} failed=${count#* }
  if [ $status -ne 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  if [ $((passed + failed)) = 0 ]; then failed=1; echo "no count of tests in its output" >>"$output"; fi
  {
    if [ "$failed" != 0 ]; then
      echo "---- $name"
      cat "$output"
      [ $status = 124 ] && echo "no end within $limit s"
      echo "---- $name: exit status $status"
    fi
    printf '%-5s %-44s %3d passed, %d failed %7s s\n' "$([ "$failed" = 0 ] && echo ok || echo FAIL)" "$name" "$passed" "$failed" "$seconds"
  } >"$tmp/report"
  flock "$0" cat "$tmp/report" # whole, whoever else reports
  echo "$passed $failed $name" >>"$counts"
}

# run_one PROGRAM
run_one() {
  case $kind in
  unit) name=${1#*/unit/} && run "unit/${name%/*}/${name##*/test_}" $WRAP "$1" ;;
  mpi)
    case $1 in *_np[0-9]*) ;; *) echo "$1: its name must end in _np and the rank counts" >&2 && exit 2 ;; esac
    for ranks in $(echo "${1##*_np}" | sed 's/./& /g'); do
      run "mpi/$(basename "${1%_np*}") on $ranks" ${MPIRUN:-mpirun} -n "$ranks" "$1"
    done
    ;;
  *) run "$kind/$(basename "$1" .sh)" "$1" ;;
  esac
}

is_alone() { case " $alone " in *" $1 "*) [ "$jobs" -gt 1 ] ;; *) return 1 ;; esac; }
if [ "$jobs" -gt 1 ]; then
  for program in "$@"; do is_alone "$program" || echo "$program"; done |
    xargs -r -P "$jobs" -n 1 "$0" -r "$counts" -s "$scale" -1 "$kind" || echo "0 1 $kind: a test that was not run to its end" >>"$counts"
fi
for program in "$@"; do
  if [ "$jobs" = 1 ] || is_alone "$program"; then run_one "$program"; fi
done
cat "$counts" >>"$results"
[ $one = 1 ] && exit 0
[ "$kind" = script ] || printf '%s: %s\n' "$kind" "$(sum "$counts")"
sum "$counts" >/dev/null
