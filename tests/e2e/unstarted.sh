#!/usr/bin/env bash
# A rank dies, or hangs, before MPI has started: the job ends by itself, and says so.
. "$(dirname "$0")/lib.sh"

nobody_left() { [ -z "$(pgrep -f "run-dir $run( |\$)")" ]; }

# unstarted NAME HOW [MPIRUN OPTIONS]: rank 2 of 4 gets the signal HOW in the place of MPI_Init
unstarted() {
  run=$tmp/$1
  begun=$SECONDS
  run env CORSAC_START_SECONDS=5 timeout -k 5 200 $MPIRUN ${3:-} -n 4 sh -c '[ $OMPI_COMM_WORLD_RANK = 2 ] && kill -'$2' $$; exec "$@"' \
    sh "$CORSAC" train $small --run-dir "$tmp/$1"
  check "$1: the job ends by itself, and does not say it is well ($status, $((SECONDS - begun)) s)" [ $status != 0 -a $status != 124 -a $((SECONDS - begun)) -lt 150 ]
  check "$1: nobody is left" wait_for nobody_left
}
for how in KILL STOP; do
  unstarted $how $how --enable-recovery
  check "$how: it is said what happened" grep -q 'corsac: the ranks have not come together in 5 s' "$err"
done
unstarted stop STOP
for i in 1 3 6; do
  run=$tmp/first$i
  run env CORSAC_START_SECONDS=5 timeout -k 5 200 $MPIRUN --enable-recovery -n 3 sh -c '[ $OMPI_COMM_WORLD_RANK = 0 ] && p=$$ && { sleep 0.0'$i' && kill -9 $p & }; exec "$@"' \
    sh "$CORSAC" train $small --env-steps 100000000 --run-dir "$run"
  check "rank 0 killed in MPI_Init: the job ends by itself ($status)" [ $status != 0 -a $status != 124 ]
  check 'and nobody is left' wait_for nobody_left
done
finish
