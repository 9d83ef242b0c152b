# updates/s by width and by batch size, each backend beside the limit. table: backend width batch value low high limit ...
width = 900
load 'tests/bench/style.gp'
rows(backend, column, fixed, x) = sprintf("< awk -F'\t' -v b=%s '(b == \"\" || $1 == b) && $%d == %d' '%s' | sort -n -k %d,%d", backend, column, fixed, table, x, x)
backends = system(sprintf("awk -F'\t' 'NR > 2 { print $1 }' '%s' | sort -ru", table))
first = word(backends, 1)
set logscale xy 2
set logscale y 10
set offsets graph 0.05, graph 0.05, 0, 0
set ylabel 'updates per second, one core'
set key top right
set multiplot layout 1, 2 title sprintf('A SAC update beside its matrix products alone (obs 17, act 6, two hidden layers)  [%s]', made)
set xtics (64, 128, 256, 512)
set xlabel 'width of the hidden layers (batch size 256)'
set title 'by width'
plot rows(first, 3, 256, 2) using 2:7:8:9 with yerrorlines ls 3 title 'limit: products in OpenBLAS', \
  for [i = 1:words(backends)] rows(word(backends, i), 3, 256, 2) using 2:4:5:6 with yerrorlines ls i title 'corsac, '.word(backends, i)
set xtics (64, 128, 256, 512, 1024)
set xlabel 'batch size (width 256)'
set title 'by batch size'
unset ylabel
plot rows(first, 2, 256, 3) using 3:7:8:9 with yerrorlines ls 3 title 'limit: products in OpenBLAS', \
  for [i = 1:words(backends)] rows(word(backends, i), 2, 256, 3) using 3:4:5:6 with yerrorlines ls i title 'corsac, '.word(backends, i)
unset multiplot
