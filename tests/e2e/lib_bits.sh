# Short sync jobs that give the same bits everywhere, on tiles. Their environments use only sums
# and products: the C library's sin and cos, which other environments call, differ from processor to
# processor. The networks are small, since the tiles are slow without fused multiply-adds.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

common="--sync --seed 3 --envs 4 --backend tiles --hidden 32,24 --batch-size 20 --learning-starts 60 --replay-capacity 1000 --env-steps 300
  --checkpoint-every 0 --eval-every 150 --eval-episodes 2 --log-every 100"
# The names are in $jobs, the arguments of each in $job_NAME. narrow: networks with up to 8 outputs;
# wide: with more; memory: with a history; xqc and flashsac: the recipes, with smaller networks.
jobs='narrow wide memory xqc flashsac'
job_narrow="$common --env $plugins/counter.so --alpha 0.1"
job_wide="$common --env $plugins/oscillators.so --n-step 3 --critic-layer-norm --normalize-observations
  --critics 3 --target-subset 2"
job_memory="$common --env $plugins/oscillators.so --history 4 --n-step 3 --normalize-observations"
job_xqc="$common --env $plugins/counter.so --recipe xqc --critic-hidden 24,20 --policy-hidden 12,20 --value-atoms 31 --utd 1 --gradient-clip 1"
job_flashsac="$common --env $plugins/oscillators.so --recipe flashsac --critic-hidden 20 --policy-hidden 12 --expansion 2 --value-atoms 31"

has() { grep -qw "$1" /proc/cpuinfo; } # has FLAG: the processor has it
# same_bits NAME A B: the runs in the directories A and B ended with the same checkpoint, but for
# the threads and OpenBLAS' kernels
same_bits() {
  if [ -n "$PYTHON" ]; then
    check "$1" $PYTHON "$h5" same "$2/ckpt-300.h5" "$3/ckpt-300.h5" @blas_core @learner_threads
  else
    skip "$1: no python3-h5py here"
  fi
}
# compare JOB NAME COMMAND...: the job, run by a command, ends with the bits of the run in $tmp/JOB
compare() {
  local job=$1 name=$2 arguments=job_$1
  shift 2
  rm -rf "$tmp/other"
  expect_status "$job: $name" 0 "$@" ${!arguments} --run-dir "$tmp/other"
  same_bits "$job: the same bits $name" "$tmp/$job" "$tmp/other"
}
