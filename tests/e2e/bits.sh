#!/usr/bin/env bash
# On tiles a sync run ends with the same bits whatever the vector unit, the C library's and
# OpenBLAS' kernels, the threads and the ranks.
. "$(dirname "$0")/lib_bits.sh"
unset CORSAC_TILES OPENBLAS_CORETYPE GLIBC_TUNABLES

one="$CORSAC train"
for job in $jobs; do
  arguments=job_$job
  train "$job: in one process" ${!arguments} --learner-threads 1 --run-dir "$tmp/$job"
  expect_status "$job: its checkpoint" 0 "$CORSAC" inspect "$tmp/$job" --json
  check "$job: says that updates were made" json_is "$out" updates 240

  compare $job 'with two threads' $one --learner-threads 2
  compare $job 'with five threads' $one --learner-threads 5
  compare $job 'on 3 ranks' $MPIRUN -n 3 $one
  compare $job 'on 5 ranks' $MPIRUN -n 5 $one

  compare $job 'on the baseline' env CORSAC_TILES=baseline OPENBLAS_CORETYPE=Prescott $one
  if ! has avx2 || ! has fma; then
    skip "$job: no AVX2 here"
    continue
  fi
  compare $job 'on AVX2' env CORSAC_TILES=AVX2 OPENBLAS_CORETYPE=Haswell $one
  compare $job 'on AVX2 with two threads' env CORSAC_TILES=AVX2 OPENBLAS_CORETYPE=Nehalem $one --learner-threads 2
  compare $job 'with a C library that sees no fused multiply-adds' env GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4,-AVX2,-AVX512F $one
  # As on a cluster of different nodes.
  job_here="${!arguments} --run-dir $tmp/mixed-$job"
  expect_status "$job: on a baseline learner, an AVX2 actor and one that takes the best" 0 $MPIRUN \
    -n 1 env CORSAC_TILES=baseline $one $job_here : \
    -n 1 env CORSAC_TILES=AVX2 $one $job_here : \
    -n 1 $one $job_here
  same_bits "$job: the same bits there" "$tmp/$job" "$tmp/mixed-$job"
done

# OpenBLAS promises them for the same kernels and threads.
for threads in 1 2; do
  for run in a b; do
    train "OpenBLAS, $threads threads, run $run" $job_wide --backend openblas --learner-threads $threads --run-dir "$tmp/$run$threads"
  done
  same_bits "OpenBLAS with $threads threads: the same bits again" "$tmp/a$threads" "$tmp/b$threads"
done
finish
