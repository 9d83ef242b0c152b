#!/bin/sh
# Draws updates.png, actors.png, receive.png from the tables of sweep.sh, each where its table is there.
#   plot.sh [--results] [DIR]     DIR: where the tables are and the pictures go (default build/bench/sweep)
#     --results                   also copies the pictures to tests/bench/plots, where RESULTS.md shows them
set -eu
here=$PWD
cd "$(dirname "$0")/../.."
results=0 directory=
for word in "$@"; do
  case $word in
  --results) results=1 ;;
  -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit ;;
  -*) echo "plot.sh: '$word' is no option of this script; see plot.sh --help" >&2 && exit 2 ;;
  *)
    [ -z "$directory" ] || { echo "plot.sh: one directory, not '$word' as well" >&2 && exit 2; }
    directory=$(cd "$here" && realpath -m -- "$word")
    ;;
  esac
done
: "${directory:=${BUILD:-build}/bench/sweep}"
command -v gnuplot >/dev/null || { echo "plot.sh: gnuplot is missing: 'launch/install-deps.sh bench' installs it" >&2 && exit 1; }

drawn=0
for name in updates actors receive; do
  table=$directory/$name.tsv
  [ -e "$table" ] || { echo "plot.sh: no $table, so no $name.png" >&2 && continue; }
  # The first line names machine and date, the second the columns.
  awk 'NR == 1 && /^# / { head = 1 } END { exit !(head && NR > 2) }' "$table" ||
    { echo "plot.sh: $table: not a table of sweep.sh" >&2 && exit 1; }
  gnuplot -e "table='$table'; picture='$directory/$name.new.png'; made='$(sed -n "1s/'//g; 1s/^# //p" "$table")'" "tests/bench/$name.gp"
  mv "$directory/$name.new.png" "$directory/$name.png"
  echo "plot.sh: $directory/$name.png"
  drawn=$((drawn + 1))
  [ $results = 0 ] || { mkdir -p tests/bench/plots && cp "$directory/$name.png" tests/bench/plots/; }
done
[ $drawn -gt 0 ]
