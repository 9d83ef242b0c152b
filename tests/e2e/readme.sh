#!/usr/bin/env bash
# README.md and launch/manual/*.md: their commands work as written (with smaller networks and fewer
# ranks), and the files, targets and options that they name exist. Every command is run: here, or by
# the script that `elsewhere` names. A new one that nobody runs fails.
. "$(dirname "$0")/lib.sh"

# Blocks of sh that another script runs, by a text in them: FILE TEXT SCRIPT.
elsewhere="
launch/manual/environments.md|corsac new-env|examples
launch/manual/agents.md|corsac new-env|agents
launch/manual/gymnasium.md|gym:|gym
launch/manual/fmu.md|fmi:|fmi
launch/manual/single-episode.md|gcc plate.c|once
launch/manual/mpi-simulators.md|lammps.c|lammps
launch/manual/coupled-by-files.md|launch/examples/files|files
"
# Single commands that another script runs, or nobody: they download, need a program that is not
# here, or change nothing of ours.
# not_here COMMAND: prints who runs it
not_here() {
  case $1 in
  make\ *) echo 'a target, looked up below' ;;
  launch/install-deps.sh\ *) echo 'a download, looked up below' ;;
  sbatch\ *) echo slurm.sh ;;
  *pettingzoo:*) echo 'gym.sh, where PettingZoo is' ;;
  *\ gym:*--init-policy*) echo 'export.sh, with another environment' ;;
  python3\ *corsac_from_sb3.py\ *) echo export.sh ;;
  tensorboard\ *) echo 'tensorboard.sh reads the files' ;;
  *HalfCheetah*) "$CORSAC" envs | grep '^HalfCheetah-v5 .*not available' ;;
  *--record*) command -v ffmpeg >/dev/null || echo 'ffmpeg is not installed' ;;
  esac
}

# Prints FILE|COMMAND for each command of a block of sh, and for each line of a session that begins
# with `$ `. A line that ends with a backslash goes on in the next.
commands() {
  # shellcheck disable=SC2086
  awk -v elsewhere="$elsewhere" '
    function flush(  i, row, rows, fields, n) {
      n = split(elsewhere, rows, "\n")
      for (i = 1; i <= n; i++) {
        split(rows[i], fields, "|")
        if (fields[2] != "" && FILENAME == fields[1] && index(body, fields[2])) body = ""
      }
      n = split(body, rows, "\n")
      for (i = 1; i < n; i++) print FILENAME "|" rows[i]
    }
    /^```/ && inside { flush(); inside = 0; next }
    /^```/ { inside = 1; sh = $0 == "```sh"; body = joined = ""; next }
    !inside { next }
    !sh && !joined && !sub(/^\$ /, "") { next }
    { sub(/ +# .*/, ""); joined = sub(/ *\\$/, ""); sub(/^ +/, ""); body = body $0 (joined ? " " : "\n") }' $documents
}
commands >"$tmp/commands"
check 'there are commands' [ "$(wc -l <"$tmp/commands")" -ge 40 ]
# A block that is run elsewhere is there, and is taken from the document by that script.
echo "$elsewhere" | while IFS='|' read -r file text script; do
  [ -z "$file" ] || { grep -qF -- "$text" "$file" && grep -qE "^ *block sh '?$text" "tests/e2e/$script.sh"; } || echo "$file: $text"
done >"$tmp/wrong"
check "run elsewhere, but not by that script: $(cat "$tmp/wrong")" [ ! -s "$tmp/wrong" ]

# A place that looks like the repository after `make`, with somebody's plugin and simulator in it.
mkdir "$tmp/bin" "$tmp/work" "$tmp/work/build" && cd "$tmp/work" || exit 1
ln -s "$CORSAC" "$tmp/bin/corsac"
ln -s "$(dirname "$CORSAC")" build/release
ln -s "$root/${BUILD_DIR%/*}/include" build/include
ln -s "$root/${BUILD_DIR%/*}/lib" build/lib
ln -s "$root/launch" launch
ln -s "$plugins/counter.so" my_solver.so
(cd "$root" && block c corsac_env) >point_mass.c
(cd "$root" && block c corsac_sim_open) >spring.c
gcc spring.c -I build/include build/lib/libcorsac_sim.a -o spring
export PATH=$tmp/bin:$PATH OMPI_MCA_rmaps_base_oversubscribe=1
tiny='--hidden 8,8 --batch-size 32 --learning-starts 1000'
shorten() { sed -E "s/ -n [0-9]+ / -n 3 /; s/(--env-steps )([0-9]+e[0-9]+|[0-9]{6,}|[3-9]000)\b/\\12e3/; /--resume|--hidden/! s/( train )/\\1$tiny /"; }
# The run that the documents go on with, and that of make demo.
steps=$(sed -nE 's/.*--resume runs\/[^ ]*ckpt-([0-9]+)\.h5.*/\1/p' "$tmp/commands" | head -n 1)
train 'a run like that of make demo' --env Pendulum-v1 --env-steps 2000 $tiny --run-dir build/demo
train 'a run as in the session' --env Pendulum-v1 --env-steps "${steps:-0}" $tiny --run-dir "$tmp/p1"

: >run
while IFS='|' read -r file command <&3; do
  reason=$(not_here "$command")
  [ -z "$reason" ] || continue
  grep -qxF -- "$command" run && continue # another document has it, too
  echo "$command" >>run
  # Each command finds runs/p1 as the session left it, or makes its own run directory.
  made=$(sed -nE 's/.*--run-dir ([^ ]+).*/\1/p' <<<"$command")
  [ -z "$made" ] || rm -rf "$made"
  case $command in *runs/p1*) [ "$made" = runs/p1 ] || { rm -rf runs/p1 && mkdir -p runs && cp -r "$tmp/p1" runs/p1; } ;; esac
  expect_status "$file: $command" 0 bash -c "$(shorten <<<"$command")"
  case $command in *explain*) cp "$out" "$tmp/explain" ;; esac
done 3<"$tmp/commands"
cd "$root" || exit 1

# What `corsac explain` prints in the manual still has the program's headings.
block '' 'corsac explain' | grep -oE '^[A-Z]{2,}( [A-Z]{2,})+' | while read -r heading; do grep -q "^$heading" "$tmp/explain" || echo "$heading"; done >"$tmp/wrong"
check "headings of explain that it does not print: $(cat "$tmp/wrong")" [ ! -s "$tmp/wrong" ]

# --- what the documents name ----------------------------------------------------------------------
# shellcheck disable=SC2086
for target in $(grep -ohE '(^|`)make [a-z][a-z0-9-]+' $documents CONTRIBUTING.md tests/README.md | sed 's/.*make //' | sort -u); do
  check "make $target" grep -qE "^([a-z0-9-]+ )*$target( [a-z0-9-]+)*:" Makefile launch/*.mk tests/*.mk
done
usage=$(sed -n '/install-deps.sh \[core\]/p' launch/install-deps.sh)
for group in $(grep -ohE 'install-deps.sh [a-z-]+' $documents | sed 's/.* //' | sort -u); do
  check "launch/install-deps.sh $group" grep -qF "[$group]" <<<"$usage"
done
{ "$CORSAC" options && for command in $("$CORSAC" help --commands); do "$CORSAC" "$command" --help; done; } >"$tmp/options"
others='bind|host|cleanenv|contain|init|network|rm|user|bind-to|enable-recovery|oversubscribe|map-by|array|version|verbose|cflags|libs|vecnormalize|logdir|mca|mpi'
grep -ohE -- '--[a-z][a-z0-9-]+' $documents | sort -u | grep -vxE -- "--($others)" | while read -r option; do
  grep -qE -- "--(\[no-\])?${option#--}\b" "$tmp/options" || grep -qE -- "--\[no-\]${option#--no-}\b" "$tmp/options" || echo "$option"
done >"$tmp/wrong"
check "options that do not exist: $(tr '\n' ' ' <"$tmp/wrong")" [ ! -s "$tmp/wrong" ]
sed -n '/^## All options/,$p' launch/manual/options.md | grep -oE '`[a-z_]+`' | tr -d '`' | sort >"$tmp/named"
"$CORSAC" options --yaml | grep -oE '^[a-z_]+' | sort >"$tmp/listed"
check 'the manual lists every option' [ -z "$(comm -13 "$tmp/named" "$tmp/listed")" ]
check 'and no other' [ -z "$(comm -23 "$tmp/named" "$tmp/listed" | grep -vE '^(config|resume|run_dir)$')" ]
head -n 1 "$tmp/p1/metrics.csv" | tr ',' '\n' | while read -r column; do
  case $column in policy_lag_m[ai][nx]) column=_${column##*_} ;; esac
  grep -qE "^\|.*\`$column\`.*\|" launch/manual/watching.md || echo "$column"
done >"$tmp/wrong"
check "columns of metrics.csv that watching.md leaves out: $(tr '\n' ' ' <"$tmp/wrong")" [ ! -s "$tmp/wrong" ]

# --- how the documents look -----------------------------------------------------------------------
for file in $documents CONTRIBUTING.md tests/README.md; do
  for link in $(grep -oE '\]\([a-zA-Z.][^):#]*' "$file" | sed 's/.*](//' | sort -u); do check "$file: $link is there" [ -e "$(dirname "$file")/$link" ]; done
  check "$file: lines wrap at 100" [ -z "$(awk 'length > 100' "$file")" ]
  check "$file: no paragraph of more than five lines" awk '
    /^```/ { fenced = !fenced }
    fenced || /^$|^[-#|]|^  / { n = 0; next }
    ++n > 5 { exit 1 }' "$file"
done
for file in launch/manual/*.md; do
  check "$file: its first line says what it is about" grep -qE '^# [A-Z][^:]*: .' <(head -n 1 "$file")
  check "README.md leads to $file" grep -qF "($file)" README.md
done
# The table of simulators leads to pages that have an example to the end, which the blocks above run.
kinds=$(sed -n '/^## What is your simulator/,/^## Build/p' launch/manual/start.md | grep -oE '\]\([a-z-]+\.md\)' | tr -d '](' | tr -d ')')
check 'start tells of every kind of simulator' [ "$(wc -w <<<"$kinds")" -ge 7 ]
for file in $kinds; do
  check "$file has an example that trains" awk '/^```sh$/ { inside = 1 } /^```$/ { inside = 0 } inside && /corsac train/ { found = 1 } END { exit !found }' "launch/manual/$file"
done
check 'README.md is short' [ "$(wc -c <README.md)" -le 9216 ]
check 'CONTRIBUTING.md is short' [ "$(wc -c <CONTRIBUTING.md)" -le 6144 ]
finish
