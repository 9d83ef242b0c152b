#!/usr/bin/env bash
# corsac plot draws runs, in every format, and says what is wrong with those it cannot draw.
. "$(dirname "$0")/lib.sh"

quick="--env Pendulum-v1 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 2000 --env-steps 1200 --eval-every 300
  --eval-episodes 2 --log-every 100"
for seed in 1 2; do train "seed $seed" $quick --seed $seed --run-dir "$tmp/s$seed"; done
train 'another configuration' $quick --seed 1 --utd 0.5 --run-dir "$tmp/half"
runs="$tmp/s1 $tmp/s2 $tmp/half"

picture() { # picture FILE TYPE: it is one, of some size
  [ "$(stat -c %s "$1")" -gt 5000 ] && case $2 in
  png) [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] ;;
  pdf) head -c 5 "$1" | grep -q '%PDF-' && tail -c 7 "$1" | grep -q EOF ;;
  svg) "${PYTHON:-python3}" -c 'import sys, xml.etree.ElementTree as t; assert t.parse(sys.argv[1]).getroot().tag.endswith("svg")' "$1" ;;
  esac
}
for type in png svg pdf; do
  expect_status "$type" 0 "$CORSAC" plot $runs -o "$tmp/curves.$type"
  check "says where the $type is" [ "$(cat "$out")" = "$tmp/curves.$type" ]
  check "it is a $type" picture "$tmp/curves.$type" $type
  expect_status "the sheet as $type" 0 "$CORSAC" plot $runs --sheet --output="$tmp/sheet.$type"
  check "it is a $type, too" picture "$tmp/sheet.$type" $type
done
expect_status 'one run, against time' 0 "$CORSAC" plot "$tmp/s1/" --time
check 'lies beside what it shows' picture "$tmp/s1/plot.png" png
cd "$tmp" || exit 1
expect_status 'several runs without -o' 0 "$CORSAC" plot s1 s2
check 'lies here' picture plot.png png
check 'what it shows as text' grep -q 'utd 0.5' curves.svg
check 'says how many runs' grep -q '(2 runs)' curves.svg

# Unusual runs that can be drawn.
cp -r s1 cut && truncate -s -20 cut/metrics.csv
expect_status 'a row that is being written' 0 "$CORSAC" plot cut -o cut.png
cp -r s1 nan && awk -F, -v OFS=, 'NR == 4 { $5 = "nan"; $22 = "-inf" } 1' s1/metrics.csv >nan/metrics.csv
expect_status 'NaN in a column' 0 "$CORSAC" plot nan -o nan.png
cp -r s1 aside && sed '1s/critic_loss/other_loss/' s1/metrics.csv >aside/metrics.csv.1 && sed -i 2,5d aside/metrics.csv
expect_status 'a file that was set aside' 0 "$CORSAC" plot aside --sheet -o aside.svg
check 'its rows are there' grep -q 'critic loss' aside.svg
train 'no episode has ended' $quick --env-steps 150 --eval-every 0 --log-every 50 --run-dir early
expect_status 'is drawn as such' 0 "$CORSAC" plot early -o early.svg
check 'and said' grep -q 'no episode has ended yet' early.svg
cp -r s1 empty && head -n 1 s1/metrics.csv >empty/metrics.csv
bad 'no rows yet' 1 'empty: metrics.csv has no rows yet' "$CORSAC" plot empty
expect_status 'beside others it is left out' 0 "$CORSAC" plot s1 empty -o both.png
check 'and said' grep -q 'empty: left out' "$err"
cp -r s1 none && rm none/metrics.csv
bad 'no metrics.csv' 1 'none: metrics.csv has no rows yet' "$CORSAC" plot none
cp -r s1 broken && echo '1,2,3' >>broken/metrics.csv
bad 'a broken row' 1 'broken/metrics.csv: line [0-9]*: 3 columns' "$CORSAC" plot broken
mkdir half-written && bad 'no run' 2 'half-written: holds no config.yaml' "$CORSAC" plot half-written
bad 'no directory' 1 'nowhere: cannot be read' "$CORSAC" plot nowhere
bad 'no run named' 2 'corsac plot RUN' "$CORSAC" plot
bad 'another format' 2 'has to end in .png, .svg or .pdf' "$CORSAC" plot s1 -o curves.jpg
bad 'no such option' 2 'no option --shet \(did you mean --sheet' "$CORSAC" plot s1 --shet
bad '-o without a name' 2 '-o needs a value' "$CORSAC" plot s1 -o
bad 'a place that is not there' 1 'nowhere/x.png' "$CORSAC" plot s1 -o nowhere/x.png
mkdir empty-path
bad 'no gnuplot' 1 'gnuplot is not installed.*apt-get install gnuplot-nox' env PATH="$tmp/empty-path" "$CORSAC" plot s1 -o never.png
check 'leaves nothing' [ -z "$(ls "$tmp"/*.tmp "$tmp"/never.png 2>/dev/null)" ]
cp -r s1 "it's \$(touch hit)"
expect_status 'a name with quotes' 0 "$CORSAC" plot "it's \$(touch hit)"
check 'and it ran nothing' [ ! -e hit ]
finish
