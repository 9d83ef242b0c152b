# What the plots share. Colours that the colour-blind can tell apart; quartiles as bars.
set terminal pngcairo size width, height font 'DejaVu Sans,10' noenhanced
set output picture
set border 3 lc rgb '#444444'
set tics nomirror
set grid ytics lc rgb '#e4e4e4' lt 1
set style line 1 lc rgb '#0072b2' lw 2 pt 7 ps 1
set style line 2 lc rgb '#d55e00' lw 2 pt 5 ps 1
set style line 3 lc rgb '#888888' lw 1.5 dt 2 pt 6 ps 0.8
set style line 4 lc rgb '#bbbbbb' lw 1.5 dt 3
set bars 0.6
set key at screen 0.5, 0.02 center bottom horizontal samplen 2 width -1
set bmargin 6
set format y '%.0f'
