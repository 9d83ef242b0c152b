#!/usr/bin/env bash
# The scripts of tests/bench refuse what they do not know, simulators.sh measures one simulator, and
# plot.sh draws. Nothing is installed here.
. "$(dirname "$0")/lib.sh"

# refused NAME STATUS TEXT SCRIPT ARGUMENTS...: one message with that text, nothing on stdout
refused() {
  expect_status "$1" "$2" "tests/bench/$4" "${@:5}"
  check "$1: it says what" grep -qF -- "$3" "$err"
  check "$1: nothing on stdout" [ ! -s "$out" ]
}
for script in compare.sh sweep.sh simulators.sh plot.sh; do
  expect_status "$script --help" 0 tests/bench/$script --help
  check "$script --help names its options" grep -q -- '--results\|--quick' "$out"
  refused "$script: an unknown option" 2 "'--fast' is no option" $script --fast
done
refused 'compare.sh: no value' 2 '--out needs a value' compare.sh --quick --out
refused 'sweep.sh: no value' 2 '--only needs a value' sweep.sh --only
refused 'sweep.sh: no such part' 2 "not 'losses'" sweep.sh --only losses
refused 'simulators.sh: no value' 2 '--out needs a value' simulators.sh --quick --out
refused 'simulators.sh: no such simulator' 2 "not 'lamps'" simulators.sh --only lamps
refused 'plot.sh: two directories' 2 'one directory' plot.sh a b
program=$CORSAC
export CORSAC=$tmp/nothing
refused 'compare.sh: no program' 1 "$tmp/nothing is missing" compare.sh --out "$tmp/out" --only list
refused 'sweep.sh: no program' 1 "$tmp/nothing is missing" sweep.sh --out "$tmp/out"
refused 'simulators.sh: no program' 1 "$tmp/nothing is missing" simulators.sh --out "$tmp/out"
check 'and no directory is made' [ ! -e "$tmp/out" ]

if command -v gfortran >/dev/null && command -v mpicc >/dev/null; then # the one that needs nothing from elsewhere
  expect_status 'simulators.sh measures one' 0 env CORSAC="$program" tests/bench/simulators.sh --quick --only fortran --out "$tmp/simulators"
  check 'and has its row' grep -qE '^\| heat_rod.f90: plugin \| [0-9.e+]+ \| [0-9.e+]+ \| [0-9.]+ \|' "$tmp/simulators/simulators.md"
else
  skip 'simulators.sh: no mpicc or no gfortran here'
fi

if ! command -v gnuplot >/dev/null; then
  skip 'drawing: gnuplot is not installed'
  finish
fi
is_png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]; }
tables=$tmp/tables
mkdir "$tables"
refused 'plot.sh: no tables' 1 "no $tables/updates.tsv" plot.sh "$tables"
table() { # table FILE COLUMNS ROW...: blanks become tabs
  { echo "# a machine, 2 cores, 2001-02-03" && printf '%s\n' "${@:2}" | tr ' ' '\t'; } >"$tables/$1.tsv"
}
table updates 'backend width batch value low high limit limit_low limit_high' \
  'tiles 128 256 1200 1100 1300 1150 1140 1160' 'tiles 256 256 330 320 340 350 345 355' 'tiles 256 64 1300 1200 1400 1350 1300 1400' \
  'openblas 128 256 1000 990 1010 1150 1140 1160' 'openblas 256 256 300 290 310 350 345 355' 'openblas 256 64 1100 1000 1200 1350 1300 1400'
table actors 'wait_us actors value low high' '0 1 8000 7900 8100' '0 2 8100 8000 8200' '2000 1 490 480 500' '2000 2 970 960 980'
table receive 'actors value low high limit limit_low limit_high' '1 900000 890000 910000 2e7 1.9e7 2.1e7' '2 1.5e6 1.4e6 1.6e6 2e7 1.9e7 2.1e7'
expect_status 'plot.sh' 0 tests/bench/plot.sh "$tables"
check 'gnuplot warns of nothing' [ ! -s "$err" ]
for name in updates actors receive; do
  check "$name.png is a picture" is_png "$tables/$name.png"
  check "$name.png is small" [ "$(wc -c <"$tables/$name.png")" -lt 100000 ]
done
rm "$tables"/*.png "$tables/actors.tsv"
expect_status 'plot.sh with one table missing' 0 tests/bench/plot.sh "$tables"
check 'draws the others' [ "$(cd "$tables" && echo ./*.png)" = './receive.png ./updates.png' ]
rm "$tables/updates.tsv"
echo nonsense >"$tables/receive.tsv"
refused 'plot.sh: not a table' 1 'not a table of sweep.sh' plot.sh "$tables"
finish
