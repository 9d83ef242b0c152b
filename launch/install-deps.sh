#!/bin/sh
# Installs the Debian or Ubuntu packages that are missing; elsewhere says what is needed. Nothing to do takes no time.
#   install-deps.sh [core] [tests] [full] [coverage] [bench] [mujoco] [gym] [gym-mujoco] [pettingzoo] [record] [fmi] [lammps]     default: core
set -eu
[ $# -gt 0 ] || set -- core
case " $* " in *' mujoco '* | *' gym '* | *' gym-mujoco '* | *' pettingzoo '* | *' record '*) # their packages, then what no package has
  "$0" $(for group in "$@"; do echo "$group" | sed 's/^\(mujoco\|gym\|gym-mujoco\|pettingzoo\|record\)$/&-packages/'; done)
  for group in "$@"; do
    case $group in
    mujoco) "$(dirname "$0")/install-mujoco.sh" ;;
    gym) "$(dirname "$0")/install-gym.sh" ;;
    gym-mujoco) "$(dirname "$0")/install-gym.sh" mujoco ;;
    pettingzoo) "$(dirname "$0")/install-gym.sh" pettingzoo ;;
    record) "$(dirname "$0")/install-gym.sh" mujoco pygame ;;
    esac
  done
  exit
  ;;
esac
packages=
for group in "$@"; do
  case $group in
  core) packages="$packages gcc make pkg-config libc6-dev openmpi-bin libopenmpi-dev libopenblas-dev libhdf5-dev librandom123-dev
    libyaml-dev libjansson-dev zlib1g-dev libprotobuf-c-dev protobuf-c-compiler" ;;
  tests)
    packages="$packages libcunit1-dev locales procps iproute2 strace g++ gfortran clang-format git python3 python3-pip python3-venv python3-h5py mandoc"
    command -v gnuplot >/dev/null || packages="$packages gnuplot-nox fonts-dejavu-core" # it drives the other builds of gnuplot out
    ;;
  full) packages="$packages clang valgrind ffmpeg qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross slurm-wlm munge chromium" ;;
  coverage) packages="$packages gcovr" ;;
  bench)
    packages="$packages python3 python3-venv"
    command -v gnuplot >/dev/null || packages="$packages gnuplot-nox" # it drives the other builds of gnuplot out
    ;;
  mujoco-packages)
    packages="$packages gcc libc6-dev"
    python3 -m pip --version >/dev/null 2>&1 || packages="$packages python3 python3-pip"
    ;;
  record-packages) # to make films: the encoder, and what MuJoCo draws with where there is no screen
    packages="$packages ffmpeg libegl1 libosmesa6"
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3 python3-venv"
    ;;
  gym-packages | gym-mujoco-packages | pettingzoo-packages) python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3 python3-venv" ;;
  fmi) # opened at run time: the archive, the description, and expressions of FMUs
    packages="$packages libarchive13 libexpat1 libmuparser2v5"
    ;;
  lammps) packages="$packages openmpi-bin libopenmpi-dev liblammps-dev" ;; # of launch/examples/mpi/lammps.c
  *) echo "install-deps.sh: no group '$group' (core, tests, full, coverage, bench, mujoco, gym, gym-mujoco, pettingzoo, record, fmi, lammps)" >&2 && exit 2 ;;
  esac
done
[ -n "$packages" ] || exit 0

CPPFLAGS=${CPPFLAGS:-}
# Only what core and tests bring is looked for. Of other groups the names are told.
tell_groups() {
  others=$(printf '%s\n' "$@" | grep -vx 'core\|tests') || return 0
  echo "corsac: cannot install packages here, nor tell whether those of $others are there; their names in Debian:" $packages >&2
}
# Without apt or root: names differ between systems, so look for what the packages bring.
check_by_presence() {
  missing=
  for command in cc make pkg-config mpirun protoc-c; do command -v $command >/dev/null || missing="$missing $command"; done
  for library in ompi-c:ompi openblas hdf5:hdf5-serial yaml-0.1 jansson zlib libprotobuf-c; do
    pkg-config --exists "${library%%:*}" 2>/dev/null || pkg-config --exists "${library##*:}" 2>/dev/null || missing="$missing ${library%%:*}"
  done
  case " $* " in *' tests '*) pkg-config --exists cunit 2>/dev/null || missing="$missing cunit" ;; esac
  echo '#include <Random123/philox.h>' | cc $CPPFLAGS -E -x c - >/dev/null 2>&1 || missing="$missing Random123/philox.h"
  [ -n "$missing" ] || { tell_groups "$@" && exit 0; }
  cat >&2 <<EOF
corsac: cannot install packages here; please do so by the means of this system, or load the modules of the cluster
  missing:$missing
  needed: a C11 compiler, GNU make, pkg-config, Open MPI, OpenBLAS, HDF5, Random123 (headers), libyaml, Jansson, zlib, protobuf-c (library and compiler); CUnit for the tests
EOF
  exit 1
}
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then check_by_presence "$@"; fi

# "pkg-config" is provided by pkgconf where that replaced it.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package},${Provides}\n' 2>/dev/null |
  sed -n 's/^installed //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//')
missing=
for package in $packages; do
  case "
$installed
" in *"
$package
"*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "corsac: missing packages:$missing" >&2
    check_by_presence "$@"
  fi
  as_root=sudo
fi
echo "corsac: installing$missing"
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing </dev/null; }
# The lists of packages may be absent or old: then once more with fresh ones.
if ! install >/dev/null 2>&1; then
  $as_root apt-get update -q >/dev/null
  install >/dev/null || { echo "corsac: apt-get could not install$missing" >&2 && exit 1; }
fi
