# updates/s by width and by batch size, each backend beside the limit. table: backend width batch value low high limit ...
width = 800
height = 560
load 'tests/bench/style.gp'
# Those of a backend whose column `column` is 256, by column `x`.
rows(backend, column, x) = sprintf("< awk -F'\t' '$1 == \"%s\" && $%d == 256' '%s' | sort -n -k %d,%d", backend, column, table, x, x)
backends = system(sprintf("awk -F'\t' 'NR > 2 { print $1 }' '%s' | sort -ru", table))
first = word(backends, 1)
set logscale x 2
set bmargin -1
set key inside bottom left vertical Left reverse
set xtics (64, 128, 256, 512, 1024)
set offsets graph 0.05, graph 0.05, 0, 0
set lmargin 10
set rmargin 2
set multiplot layout 2, 2 title sprintf("A SAC update beside its matrix products alone: one core, obs 17, act 6, two hidden layers\n%s", made)
do for [by = 2:3] {
  set logscale y 10
  set title (by == 2 ? 'by width (batch size 256)' : 'by batch size (width 256)')
  set ylabel (by == 2 ? 'updates per second' : '')
  plot rows(first, 5 - by, by) using by:7:8:9 with yerrorlines ls 3 title 'limit: products in OpenBLAS', \
    for [i = 1:words(backends)] rows(word(backends, i), 5 - by, by) using by:4:5:6 with yerrorlines ls i title 'corsac, '.word(backends, i)
}
unset logscale y
unset title
set format y '%.1f'
set yrange [0:*]
set offsets graph 0.05, graph 0.05, 0.1, 0
do for [by = 2:3] {
  set xlabel (by == 2 ? 'width of the hidden layers' : 'batch size')
  set ylabel (by == 2 ? 'of the limit beside it' : '')
  plot 1 ls 3 notitle, for [i = 1:words(backends)] rows(word(backends, i), 5 - by, by) using by:($4/$7) with linespoints ls i notitle
}
unset multiplot
