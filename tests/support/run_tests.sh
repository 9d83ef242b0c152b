#!/bin/sh
# Runs tests one after another, each under a time limit, prints a line for each and the whole output of those that fail.
#   run_tests.sh [-r RESULTS] [-s TIME_SCALE] unit|mpi|e2e|cpus|script PROGRAM...    exits 1 if one failed
#   run_tests.sh -r RESULTS -t                                                  prints the total over all calls
# unit, mpi: CUnit programs; mpi/test_topic_np235 runs on 2, 3 and 5 ranks. e2e, cpus, script: print "N passed, N failed" last.
# Each appends "PASSED FAILED NAME" to RESULTS. A program that ends badly counts at least one failure.
set -u
export LC_ALL=C # awk and printf
results=/dev/null scale=1 total=0
while getopts r:s:t option; do
  case $option in
  r) results=$OPTARG ;;
  s) scale=$OPTARG ;;
  t) total=1 ;;
  *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))

if [ $total = 1 ]; then
  touch "$results"
  exec awk '{ passed += $1; failed += $2; if ($2) { $1 = $2 = ""; names = names "\n" $0 } }
    END { if (failed) print "failed:" names; printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$results"
fi

kind=$1
shift
[ $# -gt 0 ] || { echo "$kind: there is no such test" >&2 && exit 1; }
: "${WRAP:=}" # unit: a command that runs the program, such as valgrind
case $kind in e2e | cpus) limit=600 ;; *) limit=120 ;; esac
limit=$((limit * scale))
output=$(mktemp)
trap 'rm -f "$output"' EXIT
sum_passed=0 sum_failed=0

# one NAME COMMAND...
one() {
  name=$1
  shift
  start=$(date +%s%N)
  timeout -k 10 $limit "$@" >"$output" 2>&1 </dev/null
  status=$?
  seconds=$(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $start) / 1e9 }")
  counts=$(awk '/^ +tests +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+/ { p = $4; f = $5; n = 1 }
    /^[0-9]+ passed, [0-9]+ failed$/ { p = $1; f = $3; n = 1 }
    END { if (n) print p, f; else print 0, 0 }' "$output")
  passed=${counts% *} failed=${counts#* }
  if [ $status -ne 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  if [ $((passed + failed)) = 0 ]; then failed=1; echo "no count of tests in its output" >>"$output"; fi
  if [ "$failed" != 0 ]; then
    echo "---- $name"
    cat "$output"
    [ $status = 124 ] && echo "no end within $limit s"
    echo "---- $name: exit status $status"
  fi
  printf '%-5s %-44s %3d passed, %d failed %7s s\n' "$([ "$failed" = 0 ] && echo ok || echo FAIL)" "$name" "$passed" "$failed" "$seconds"
  echo "$passed $failed $name" >>"$results"
  sum_passed=$((sum_passed + passed)) sum_failed=$((sum_failed + failed))
}

for program in "$@"; do
  case $kind in
  unit) one "unit/$(basename "$program")" $WRAP "$program" ;;
  mpi)
    case $program in *_np[0-9]*) ;; *) echo "$program: its name must end in _np and the rank counts" >&2 && exit 2 ;; esac
    for ranks in $(echo "${program##*_np}" | sed 's/./& /g'); do
      one "mpi/$(basename "${program%_np*}") on $ranks" ${MPIRUN:-mpirun} -n "$ranks" "$program"
    done
    ;;
  *) one "$kind/$(basename "$program" .sh)" "$program" ;;
  esac
done
[ "$kind" = script ] || echo "$kind: $sum_passed passed, $sum_failed failed"
[ $sum_failed = 0 ]
