#!/bin/sh
# Draws the evaluation returns of runs: learning.sh [--results NAME] TITLE=LABEL:RUN[,RUN...][+LABEL:RUN...]...
#   one panel for each title, one colour for each label, one line for each run (a seed); a run is a directory
#   --results NAME   into tests/bench/plots/NAME.png, where RESULTS.md shows it; else into ./learning.png
# The points stand at the steps of the evaluated policies, as log.txt has them.
set -eu
picture=learning.png
[ "${1-}" != --results ] || { picture=$(dirname "$0")/plots/$2.png && shift 2; }
[ $# -gt 0 ] || { sed -n '2,4s/^# //p' "$0" >&2 && exit 2; }
style=$(dirname "$0")/style.gp
{
  echo "width = $((360 * $#)); height = 320; picture = '$picture'; load '$style'; set key default; set key left top; set bmargin 4"
  echo "set multiplot layout 1,$#; set format x '%.0fk'; set xlabel 'environment steps'; set ylabel 'mean return of an evaluation'"
  for panel in "$@"; do
    lines= colour=0
    for group in $(echo "${panel#*=}" | tr + ' '); do
      colour=$((colour + 1)) title="title '${group%%:*}'"
      for run in $(echo "${group#*:}" | tr , ' '); do
        lines="$lines${lines:+, }\"< grep ' evaluation at .* mean return' '$run/log.txt'\" using (\$6/1000):10 with linespoints ls $colour pt 7 ps 0.4 $title"
        title=notitle
      done
    done
    echo "set title '${panel%%=*}'; plot $lines"
  done
} | gnuplot
echo "$picture"
