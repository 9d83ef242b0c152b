# Rows/s that the learner receives and inserts, by number of actors. table: actors value low high limit limit_low limit_high
width = 640
height = 420
load 'tests/bench/style.gp'
set logscale x 2
set xtics (1, 2, 4, 8, 16, 32)
set xrange [0.9:36]
set yrange [0:*]
set xlabel 'actors (ranks, with one more that receives)'
set ylabel 'million transitions per second'
set format y '%g'
set title sprintf("Receiving and inserting transitions (obs 17, act 6, batches of 64)\n%s", made)
plot "< sed 1,2d '".table."'" using 1:($5/1e6):($6/1e6):($7/1e6) with yerrorlines ls 3 title 'limit: MPI_Recv of the same bytes', \
  "< sed 1,2d '".table."'" using 1:($2/1e6):($3/1e6):($4/1e6) with yerrorlines ls 1 title 'corsac'
