#!/usr/bin/env bash
# --recipe and `corsac recipes`: the order of values, a file of one's own, unknown names, resume.
. "$(dirname "$0")/lib.sh"

tiny="--env Pendulum-v1 --hidden 8 --batch-size 16 --learning-starts 60 --replay-capacity 1000 --env-steps 100 --eval-every 0 --log-every 0"
# has NAME RUN OPTION VALUE...: config.yaml of the run has these values
has() {
  local name=$1 file=$2/config.yaml
  shift 2
  while [ $# -gt 0 ]; do
    check "$name: $1 $2" grep -qxF -- "$1: $2" "$file"
    shift 2
  done
}

# --- the list -------------------------------------------------------------------------------------
expect_status 'recipes' 0 "$CORSAC" recipes
for name in sac redq xqc xqc-small flashsac; do check "recipes has $name" grep -qE "^$name +[0-9.]+ +[0-9.]+ +[0-9.]+$" "$out"; done
check 'plain SAC is the measure' grep -qE '^sac +1 +0\.54 +1\.0$' "$out"
check 'each says when it pays' [ "$(grep -c 'When it pays: ' "$out")" = "$(grep -cE '^[a-z-]+ +[0-9]' "$out")" ]
check 'it fits 132 columns' sh -c '! grep -qE ".{133}" "$1"' sh "$out"
expect_status 'recipes --json' 0 "$CORSAC" recipes --json
for key in name what pays utd flop_per_update cost; do check "json has $key" grep -q "\"$key\": " "$out"; done
expect_status 'recipes xqc' 0 "$CORSAC" recipes xqc
check 'it is the file, byte for byte' cmp -s "$out" launch/recipes/xqc.yaml
expect_status 'recipes xqc --json' 0 "$CORSAC" recipes xqc --json
check 'its cost' grep -qE '"cost": 27\.' "$out"
check 'its file' grep -q '"yaml": ".*critic_norm: batch' "$out"
bad 'an unknown one is not shown' 2 "no recipe 'flashsack'; did you mean flashsac\?" "$CORSAC" recipes flashsack

printf 'critic_hidden: 32,32\npolicy_hidden: 32\n' >"$tmp/small.yaml"
expect_status 'a file of my own is counted' 0 "$CORSAC" recipes "$tmp/small.yaml"
check 'it costs less than plain SAC' grep -qE 'small.yaml +1 +0\.0[0-9] +0\.[0-9]$' "$out"
expect_status 'a file --json' 0 "$CORSAC" recipes "$tmp/small.yaml" --json
check 'its cost' grep -qE '"cost": 0\.' "$out"
printf 'network: residual\nhidden: 8,9\n' >"$tmp/small.yaml"
bad 'a file that cannot be' 2 'blocks of a residual network have one width' "$CORSAC" recipes "$tmp/small.yaml"
bad 'no file' 1 'absent.yaml: cannot be opened' "$CORSAC" recipes absent.yaml

# --- the order of values --------------------------------------------------------------------------
train 'the recipe' $tiny --recipe redq --run-dir "$tmp/redq"
has 'redq' "$tmp/redq" critics 10 target_subset 2 utd 20 recipe '""'
check 'the log names it, and what a step takes' grep -qE 'recipe redq: each step takes [0-9.]+ times' "$tmp/redq/log.txt"
check 'updates follow its utd' [ "$(column "$tmp/redq/metrics.csv" updates | tail -n 1)" = 800 ]
train 'sac changes nothing' $tiny --sync --recipe sac --run-dir "$tmp/sac"
train 'as without it' $tiny --sync --run-dir "$tmp/none"
check 'the same configuration' cmp -s <(grep -v ^run_dir "$tmp/sac/config.yaml") <(grep -v ^run_dir "$tmp/none/config.yaml")
# Pendulum-v1's preset gives lr_critic 0.001, which the recipe below goes over; gamma is the preset's.
preset() { sed -n "s/^$1: //p" launch/presets/Pendulum-v1.yaml; }
cat >"$tmp/mine.yaml" <<'Y'
# my own
lr_critic: 0.0002
lr_alpha: 0.0002
critics: 3
tau: 0.25
Y
printf 'critics: 4\nlr_alpha: 0.0004\n' >"$tmp/config.yaml"
train 'a file of my own' $tiny --recipe "$tmp/mine.yaml" --config "$tmp/config.yaml" --critics 5 --run-dir "$tmp/mine"
check 'the preset has another lr_critic' [ "$(preset lr_critic)" != 0.0002 ]
has 'preset < recipe' "$tmp/mine" lr_critic 0.0002 tau 0.25
has 'recipe < --config' "$tmp/mine" lr_alpha 0.0004
has '--config < command line' "$tmp/mine" critics 5
has 'defaults < preset' "$tmp/mine" checkpoint_every "$(preset checkpoint_every)"
(cd "$tmp" && cp mine.yaml plain_name.yml) || exit 1
expect_status 'a file in this directory' 0 env -C "$tmp" "$CORSAC" train $tiny --recipe plain_name.yml --run-dir "$tmp/yml"
has 'a file in this directory' "$tmp/yml" critics 3
printf 'env: Pendulum-v1\ncritics: 3\n' >"$tmp/task.yaml"
train 'a recipe may name the environment' ${tiny#--env Pendulum-v1} --recipe "$tmp/task.yaml" --run-dir "$tmp/task"
train 'the recipes of others are options like any' $tiny --recipe xqc --critic-hidden 8,8 --policy-hidden 8 --batch-size 16 --run-dir "$tmp/xqc"
has 'xqc' "$tmp/xqc" critic_hidden 8,8 policy_hidden 8 policy_delay 3 target_entropy -0.5n critic_norm batch lr_schedule linear

# A policy that is gone on from says what the policy is like, whichever option says it.
printf 'policy_hidden: 16\ncritic_hidden: 12\n' >"$tmp/widths.yaml"
train 'a policy to begin with' $tiny --init-policy "$tmp/none" --recipe "$tmp/widths.yaml" --run-dir "$tmp/from"
has 'the policy is as it was, the critics are the recipe'"'"'s' "$tmp/from" policy_hidden 8 critic_hidden 12
bad 'another policy_hidden' 2 'leave --policy-hidden out, or give --policy-hidden 8' "$CORSAC" train $tiny --init-policy "$tmp/none" --recipe "$tmp/widths.yaml" --policy-hidden 4 --run-dir "$tmp/bad"

# --- what is refused ------------------------------------------------------------------------------
bad 'unknown' 2 "no recipe 'rainbow'; there are .*xqc" "$CORSAC" train $tiny --recipe rainbow --run-dir "$tmp/bad"
bad 'misspelt' 2 "no recipe 'redqq'; did you mean redq\?" "$CORSAC" train $tiny --recipe redqq --run-dir "$tmp/bad"
bad 'absent' 1 'absent.yaml' "$CORSAC" train $tiny --recipe "$tmp/absent.yaml" --run-dir "$tmp/bad"
printf 'critics: 3\ncritcs: 4\n' >"$tmp/wrong.yaml"
bad 'a wrong file' 2 'wrong.yaml:2: critcs: .*did you mean critics' "$CORSAC" train $tiny --recipe "$tmp/wrong.yaml" --run-dir "$tmp/bad"
printf 'recipe: xqc\n' >"$tmp/nested.yaml"
bad 'a recipe in a recipe' 2 'nested.yaml:1: recipe: goes on the command line' "$CORSAC" train $tiny --recipe "$tmp/nested.yaml" --run-dir "$tmp/bad"
bad 'unequal blocks' 2 'critic_hidden: the blocks of a residual network' "$CORSAC" train $tiny --recipe flashsac --critic-hidden 8,9 --run-dir "$tmp/bad"
bad 'a target that no policy reaches' 2 'target_entropy: 1 is more than any policy' "$CORSAC" train $tiny --target-entropy 1n --run-dir "$tmp/bad"
narrow="--critic-hidden 8,8 --policy-hidden 8,8 --value-atoms 5"
for recipe in xqc flashsac; do
  bad "$recipe: one row has no variance" 2 'batch_size: critic_norm batch needs at least 2' "$CORSAC" train $tiny $narrow --recipe $recipe --batch-size 1 --run-dir "$tmp/bad"
  bad "$recipe: layer norm as well" 2 'critic_layer_norm: is another spelling' "$CORSAC" train $tiny --recipe $recipe --critic-layer-norm --run-dir "$tmp/bad"
done
bad 'a policy that one row has no statistics for' 2 'batch_size: policy_norm batch' "$CORSAC" train $tiny --policy-norm batch --batch-size 1 --run-dir "$tmp/bad"
bad 'one atom' 2 '--value-atoms: must be an integer from 2' "$CORSAC" train $tiny --value-atoms 1 --run-dir "$tmp/bad"
bad 'atoms without a distance' 2 'value_min: 5 is not below value_max' "$CORSAC" train $tiny --recipe xqc --value-min 5 --run-dir "$tmp/bad"
bad 'a bound that is no length' 2 'value_max: 0 does not go with normalize_rewards bounded' "$CORSAC" train $tiny --recipe flashsac --value-max 0 --run-dir "$tmp/bad"
bad 'alpha begins at 0' 2 '--alpha-start: must be a number from 1e-09' "$CORSAC" train $tiny --recipe xqc --alpha-start 0 --run-dir "$tmp/bad"
bad 'a deviation of 0' 2 '--target-entropy: must be auto' "$CORSAC" train $tiny --target-entropy sigma:0 --run-dir "$tmp/bad"
bad 'a wide sigma' 2 'target_entropy: .* is more than any policy' "$CORSAC" train $tiny --recipe flashsac --target-entropy sigma:0.5 --run-dir "$tmp/bad"
bad 'a directory' 1 'is a directory, not a file' "$CORSAC" train $tiny --recipe "$tmp/" --run-dir "$tmp/bad"
head -c 100 /dev/zero >"$tmp/zero.yaml"
bad 'no text' 2 'zero.yaml: byte 1: this is not YAML' "$CORSAC" train $tiny --recipe "$tmp/zero.yaml" --run-dir "$tmp/bad"
check 'nothing is left behind' [ ! -e "$tmp/bad" ]

# --- odd ones that go -----------------------------------------------------------------------------
: >"$tmp/empty.yaml"
train 'an empty recipe is plain SAC' $tiny --recipe "$tmp/empty.yaml" --run-dir "$tmp/empty"
for recipe in sac xqc flashsac; do
  train "$recipe: alpha 0" $tiny $narrow --recipe $recipe --alpha 0 --run-dir "$tmp/zero-$recipe"
  check "$recipe: metrics.csv has it" [ "$(column "$tmp/zero-$recipe/metrics.csv" alpha | tail -n 1)" = 0 ]
  train "$recipe: alpha 0 goes on" --resume "$tmp/zero-$recipe" --env-steps 110
done

# --- numbers that are none ------------------------------------------------------------------------
faulty() { echo "${tiny#--env Pendulum-v1} $narrow --env-max-failures 1 --env $plugins/faulty.so:$1"; }
bad 'plain SAC: rewards of 3e38' 1 'not finite: the largest reward in its batch is 3e\+38' "$CORSAC" train $(faulty huge_reward) --run-dir "$tmp/huge"
for recipe in xqc flashsac; do
  run=$tmp/faulty-$recipe
  bad "$recipe: a reward of NaN" 1 'step 70 of the episode returned a reward that is not a finite' "$CORSAC" train $(faulty nan_reward) --recipe $recipe --run-dir "$run-1"
  bad "$recipe: observations whose squares are no numbers" 1 'a running statistic of .* is not finite: the largest observation in its batch is 1e\+25' \
    "$CORSAC" train $(faulty large_obs) --recipe $recipe --run-dir "$run-2"
  train "$recipe: its rewards have unit scale, whatever they are" $(faulty huge_reward) --recipe $recipe --run-dir "$run-3"
done

# --- resume ---------------------------------------------------------------------------------------
train 'it goes on without it' --resume "$tmp/redq" --env-steps 110
has 'it has its recipe' "$tmp/redq" critics 10 utd 20
train 'and with it' --resume "$tmp/redq" --recipe redq --env-steps 120
bad 'another recipe is refused' 2 'recipe xqc: .*the run has .* cannot change' "$CORSAC" train --resume "$tmp/redq" --recipe xqc --env-steps 130
has 'the run stays as it was' "$tmp/redq" critics 10 env_steps 120
bad 'unknown on resume' 2 "no recipe 'rainbow'" "$CORSAC" train --resume "$tmp/redq" --recipe rainbow --env-steps 130
for steps in 100 110; do # what a script of a queue does
  train "--resume auto to $steps" $tiny --resume auto --run-dir "$tmp/auto" --recipe redq --critics 4 --env-steps $steps
  has "--resume auto to $steps" "$tmp/auto" critics 4 env_steps $steps
done

expect_status 'bench learner --recipe' 0 "$CORSAC" bench learner --rounds 1 --seconds 0.01 --obs-dim 4 --act-dim 2 --recipe redq --hidden 8 --batch-size 16 --json
check 'it measures the recipe' grep -q '"critics": 10' "$out"
finish
