#!/usr/bin/env bash
# corsac bench runs, says what it promises, and refuses what it cannot do. No time is asserted.
. "$(dirname "$0")/lib.sh"

tiny="--rounds 1 --seconds 0.01 --hidden 8,8 --batch-size 16 --replay-capacity 1000 --run-dir $tmp"
shape="--obs-dim 4 --act-dim 2"
# number FILE KEY: there is one, and it is above 0
number() { above "$(json "$1" "$2")" 0; }

for name in learner replay history actor env agents checkpoint transport weights train; do
  expect_status "bench $name" 0 "$CORSAC" bench $name $tiny $shape --json
  check "$name: one JSON object" json_is "$out" benchmark $name
  for key in machine blas_core backend date; do check "$name: $key" [ -n "$(json "$out" $key)" ]; done
  for key in value limit ratio cores rounds; do
    [ $name$key = trainratio ] && continue # the first of several; below
    check "$name: $key" grep -qE "\"$key\": ([0-9.e+-]+|null),?$" "$out"
  done
  check "$name: a figure has its quartiles" grep -q '"value_quartiles": \[' "$out"
  check "$name: in one process" json_is "$out" transport loopback
  check "$name leaves no files" [ -z "$(find "$tmp" -name 'corsac-bench-*')" ]
done

expect_status 'bench learner --json' 0 "$CORSAC" bench --json learner $tiny $shape --learner-threads 2
for key in updates_per_s limit_per_s ratio; do check "learner: $key" number "$out" $key; done
check 'learner: the parameters it ran with' json_is "$out" obs_dim 4
check 'learner: hidden' grep -q '"hidden": "8,8"' "$out"
check 'learner: threads' json_is "$out" learner_threads 2
for backend in tiles openblas; do
  expect_status "bench learner on $backend" 0 "$CORSAC" bench --json learner $tiny $shape --backend $backend
  check "learner: the backend is $backend" json_is "$out" backend $backend
done

expect_status 'bench, for people' 0 "$CORSAC" bench $tiny $shape
for name in learner replay history actor env agents checkpoint transport weights train; do
  check "the table has $name" grep -qE "^$name: .* 1 round" "$out"
done
check 'the table names OpenBLAS' grep -q 'OpenBLAS' "$out"
expect_status 'bench all --json' 0 "$CORSAC" bench all $tiny $shape --json
check 'all: one object' grep -q '^  "benchmark": "all"' "$out"
check 'all: ten benchmarks' [ "$(grep -c '"parameters": {' "$out")" = 10 ]
expect_status 'a core type is warned of' 0 env OPENBLAS_CORETYPE=Haswell "$CORSAC" bench learner $tiny $shape
check 'by name' grep -q 'OPENBLAS_CORETYPE=Haswell' "$err"
expect_status 'a narrow mask is warned of' 0 taskset -c 0 "$CORSAC" bench learner $tiny $shape
check 'by its cores' sh -c '[ "$(nproc --all)" = 1 ] || grep -q "may run on 1 of" "$1"' sh "$err"

for name in transport weights train all; do
  expect_status "bench $name on 3 ranks" 0 $MPIRUN -n 3 "$CORSAC" bench $name $tiny $shape --json
  check "$name on 3 ranks: one object" [ "$(grep -c '"machine"' "$out")" = 1 ]
  check "$name on 3 ranks: over MPI" grep -q '"transport": "mpi"' "$out"
  check "$name on 3 ranks: the ranks" grep -q '"ranks": 3' "$out"
done
expect_status 'bench learner on 3 ranks' 0 $MPIRUN -n 3 "$CORSAC" bench learner $tiny $shape --json
check 'is measured once' [ "$(grep -c '"machine"' "$out")" = 1 ]

# refused NAME TEXT ARGUMENTS...: exit status 2, one message with that text
refused() {
  expect_status "$1" 2 "$CORSAC" bench "${@:3}"
  check "$1: one message" [ "$(wc -l <"$err")" = 1 ]
  check "$1: it says what" grep -qF -- "$2" "$err"
  check "$1: nothing on stdout" [ ! -s "$out" ]
}
refused 'a misspelt benchmark' 'did you mean learner?' lerner
refused 'no such benchmark' "no benchmark 'disk'" disk
refused 'a second benchmark' 'replay' learner replay
refused 'no rounds' '--rounds' learner --rounds 0
refused 'rounds in words' '--rounds' learner --rounds few
refused 'no time' '--seconds' learner --seconds 0
refused 'a dimension of nothing' '--obs-dim' learner --obs-dim -1
refused 'no value' 'needs a value' learner --act-dim
refused 'json with a value' 'takes no value' learner --json=1
refused 'an unknown option' '--batch-size' learner --batchsize 3
refused 'a value out of range' '--hidden' learner --hidden 0
refused 'options of a run' '--resume' train --resume x
refused 'a batch larger than the replay' 'batch_size' learner --batch-size 64 --replay-capacity 32
refused 'a history elsewhere' 'history' learner --history 4
refused 'no directory' '--run-dir' checkpoint --run-dir "$tmp/nowhere"
run $MPIRUN -n 2 "$CORSAC" bench lerner
check 'one rank speaks' [ "$(grep -c 'no benchmark' "$err")" = 1 ]
finish
