# Environment steps/s by number of actors. table: wait_us actors value low high
width = 640
height = 420
load 'tests/bench/style.gp'
rows(wait) = sprintf("< awk -F'\t' '$1 == %d && NR > 2' '%s'", wait, table)
set logscale xy 2
set logscale y 10
set xtics (1, 2, 4, 8, 16, 32)
set xrange [0.9:36]
set xlabel 'actors (ranks, with one more that learns)'
set ylabel 'environment steps per second'
set title sprintf("corsac train, an update for each step (2x64, batch 100)\n%s", made)
ideal(n) = n * 1e6 / 2000
plot ideal(x) with lines ls 4 title 'actors / 2 ms', \
  rows(0) using 2:3:4:5 with yerrorlines ls 2 title 'a step costs nothing', \
  rows(2000) using 2:3:4:5 with yerrorlines ls 1 title 'a step waits 2 ms'
