#!/usr/bin/env bash
# The same bits on other x86-64 processors, which qemu plays: Haswell (AVX2), and Nehalem, where the tiles compute fused multiply-adds in
# software and element-wise loops and libraries take their oldest versions.
. "$(dirname "$0")/../e2e/lib_bits.sh"
unset CORSAC_TILES OPENBLAS_CORETYPE
fingerprints=$root/$BUILD_DIR/cpus/fingerprints
# prints_the_same NAME TILES COMMAND...: its lines are those of $tmp/fingerprints, computed on TILES
prints_the_same() {
  expect_status "$1" 0 "${@:3}"
  check "$1: on $2" grep -qx "tiles: $2" "$err"
  check "$1: the same bits" diff "$tmp/fingerprints" "$out"
}

expect_status 'fingerprints' 0 "$fingerprints"
cp "$out" "$tmp/fingerprints"
check 'fingerprints are many' [ "$(rows "$tmp/fingerprints")" -ge 45 ]
prints_the_same 'fingerprints of the baseline' baseline env CORSAC_TILES=baseline "$fingerprints"
has avx2 && has fma && prints_the_same 'fingerprints of AVX2' AVX2 env CORSAC_TILES=AVX2 "$fingerprints"
prints_the_same 'fingerprints of Haswell' AVX2 qemu-x86_64 -cpu Haswell "$fingerprints"
prints_the_same 'fingerprints of Nehalem' baseline qemu-x86_64 -cpu Nehalem "$fingerprints"

for job in $jobs; do
  arguments=job_$job
  train "$job: in one process" ${!arguments} --run-dir "$tmp/$job"
  compare "$job" 'on Haswell' qemu-x86_64 -cpu Haswell "$CORSAC" train
  compare "$job" 'on Nehalem' qemu-x86_64 -cpu Nehalem "$CORSAC" train
done
finish
