#!/usr/bin/env bash
# Named values of an environment become columns of metrics.csv, the same in sync on any number of
# ranks and over a resume.
. "$(dirname "$0")/lib.sh"

small="--env $plugins/informed.so --hidden 8 --batch-size 16 --learning-starts 50 --eval-every 0 --checkpoint-every 0 --envs 3 --log-every 60"
column() { awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } NR > 1 && c { print $c }' "$1/metrics.csv"; }
train 'async' $small --env-steps 600 --run-dir "$tmp/async"
check 'two columns more' grep -qE '^time_s,.*,env_failures,eval_cut,eval_steps,transitions,agents_mean,return_sum_mean,info_t,info_angle$' "$tmp/async/metrics.csv"
check 'the mean of what is finite' [ "$(column "$tmp/async" info_angle | sort -u)" = 0.25 ]
check 'and of every step' awk '{ sum += $1 } END { exit !(sum / NR > 5.4 && sum / NR < 5.6) }' <(column "$tmp/async" info_t)
for ranks in 1 3; do
  $([ $ranks = 1 ] || echo $MPIRUN -n $ranks) "$CORSAC" train $small --sync --env-steps 300 --run-dir "$tmp/sync$ranks" >"$out" 2>"$err"
  check "sync, $ranks ranks" [ $? = 0 ]
done
for name in info_t info_angle; do check "the same $name" [ "$(column "$tmp/sync1" $name)" = "$(column "$tmp/sync3" $name)" ]; done
train 'half of it' $small --sync --env-steps 150 --run-dir "$tmp/half"
train 'and on' --resume "$tmp/half" --env-steps 300
check 'the same rows as without a stop' [ "$(column "$tmp/half" info_t)" = "$(column "$tmp/sync1" info_t)" ]
# Rules: the last or the largest value of each episode, also of one that a resume continues. An
# episode has 10 steps; the largest value of "max" is 25, at step 5.
ruled="$small --env $plugins/informed.so:rules --sync --log-every 30"
for ranks in 1 3; do
  $([ $ranks = 1 ] || echo $MPIRUN -n $ranks) "$CORSAC" train $ruled --env-steps 300 --run-dir "$tmp/rules$ranks" >"$out" 2>"$err"
  check "rules, $ranks ranks" [ $? = 0 ]
  check 'the last value' [ "$(column "$tmp/rules$ranks" info_last | sort -u)" = 10 ]
  check 'the largest value' [ "$(column "$tmp/rules$ranks" info_max | sort -u)" = 25 ]
  check 'none, where none is finite' [ -z "$(column "$tmp/rules$ranks" info_none | tr -d '\n')" ]
done
# An evaluation has them by the same rules, whoever plays it; a trace has those of every step.
for ranks in 1 3; do
  $([ $ranks = 1 ] || echo $MPIRUN -n $ranks) "$CORSAC" eval "$tmp/rules1" --episodes 3 --json --trace "$tmp/trace$ranks.csv" >"$tmp/eval$ranks" 2>"$err"
  check "an evaluation on $ranks ranks" [ $? = 0 ]
  check 'means over steps and over episodes' grep -qF '"info": {"t": 5.5, "angle": 0.25, "last": 10.0, "max": 25.0, "none": null}' <(tr -s ' \n' ' ' <"$tmp/eval$ranks" | sed 's/{ /{/g; s/ }/}/g')
done
check 'the same on any number of ranks' cmp -s "$tmp/eval1" "$tmp/eval3"
check 'the same trace' cmp -s "$tmp/trace1.csv" "$tmp/trace3.csv"
check 'with columns for them' grep -qE ',info_t,info_angle,info_last,info_max,info_none$' "$tmp/trace1.csv"
check 'and empty cells where none was given' grep -qE '^0,1,.*,2,,2,16,$' "$tmp/trace1.csv"
expect_status 'as text' 0 "$CORSAC" eval "$tmp/rules1" --episodes 2
check 'a line for each' [ "$(grep -cE '^mean (t 5.5|angle 0.25|last 10|max 25)$' "$out")" = 4 ]
expect_status 'a report' 0 "$CORSAC" report "$tmp/rules1" -o "$tmp/report.html"
check 'draws them' [ "$(grep -cE '<h3>info_(t|angle|last|max)</h3>' "$tmp/report.html")" = 4 ]

train 'to the middle of an episode' $ruled --env-steps 135 --log-every 0 --run-dir "$tmp/middle"
train 'and on' --resume "$tmp/middle" --env-steps 150 --log-every 0
check 'the largest value of the whole episode' [ "$(column "$tmp/middle" info_max | tail -n 1)" = 25 ]

while read -r how says; do
  bad "info: $how" 1 "$says" "$CORSAC" train --env "$plugins/informed.so:$how" --env-steps 100 --run-dir "$tmp/bad"
done <<'L'
name named value 1 of info "an angle": a name has 1 to 31 of a-z, 0-9 and _
twice named two values of info "t"
many set info_dim to 17: it may be up to 16
rule set the rule of value 1 of info to 7; known are CORSAC_INFO_MEAN
no_names set info_dim to 2: .*needs info_names
L
finish
