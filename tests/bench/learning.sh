#!/bin/sh
# Draws the evaluation returns of finished runs: learning.sh [--results] TITLE=RUN[,RUN...]...   one panel for each title, one line for each run (a seed)
#   --results   into tests/bench/plots/learning.png, where RESULTS.md shows it; else into ./learning.png
set -eu
picture=learning.png
[ "${1-}" != --results ] || { picture=$(dirname "$0")/plots/learning.png && shift; }
[ $# -gt 0 ] || { sed -n '2,3s/^# //p' "$0" >&2 && exit 2; }
style=$(dirname "$0")/style.gp
{
  echo "width = $((360 * $#)); height = 320; picture = '$picture'; load '$style'; unset key; set bmargin 4; set datafile separator ','"
  echo "set multiplot layout 1,$#; set format x '%.0fk'; set xlabel 'environment steps'; set ylabel 'mean return of 10 episodes'"
  for panel in "$@"; do
    lines=
    for run in $(echo "${panel#*=}" | tr , ' '); do
      # eval_return_mean is empty in rows without an evaluation.
      lines="$lines${lines:+, }\"< awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if (\$i == \\\"eval_return_mean\\\") c = i } NR > 1 && \$c != \\\"\\\" { print \$2 \\\",\\\" \$c }' '$run/metrics.csv'\" using (\$1/1000):2 with linespoints ls $((1 + $(echo "$lines" | grep -o metrics | wc -l))) pt 7 ps 0.4"
    done
    echo "set title '${panel%%=*}'; plot $lines"
  done
} | gnuplot
echo "$picture"
