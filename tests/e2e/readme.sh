#!/usr/bin/env bash
# The commands of README.md work as written (with smaller networks and fewer ranks), and the files, targets and options it names exist.
. "$(dirname "$0")/lib.sh"

# Of the blocks of sh and of the session every command is run.
awk '
  /^```/ && inside { inside = 0; next }
  /^```/ { inside = 1; sh = $0 == "```sh"; next }
  inside && sh { print }
  inside && !sh && /^\$ / { print substr($0, 3) }
  /^    \$ / { print substr($0, 7) }' README.md | sed -E 's/ +#.*//' | grep -E '^(corsac|mpirun|mpicc|build/release/corsac|gcc|make|\./spring)( |$)' >"$tmp/commands"
check 'README.md has commands' [ "$(grep -c corsac "$tmp/commands")" -ge 4 ]

# A place that looks like the repository after `make`, with somebody's plugin in it.
mkdir "$tmp/bin" "$tmp/work" "$tmp/work/build" && cd "$tmp/work" || exit 1
ln -s "$CORSAC" "$tmp/bin/corsac"
ln -s "$(dirname "$CORSAC")" build/release
ln -s "$root/${BUILD_DIR%/*}/include" build/include
ln -s "$plugins/counter.so" my_solver.so
[ -e launch ] || ln -s "$root/launch" launch
ln -s "$root/${BUILD_DIR%/*}/lib" build/lib
(cd "$root" && block c corsac_env) >point_mass.c
(cd "$root" && block c corsac_sim_open) >spring.c
export PATH=$tmp/bin:$PATH OMPI_MCA_rmaps_base_oversubscribe=1
shorten() { sed -E 's/ -n [0-9]+ / -n 3 /; s/(--env-steps )([0-9]+e[0-9]+|[0-9]{6,})/\12e3/; /--resume|--hidden/! s/( train )/\1--hidden 8,8 --batch-size 32 --learning-starts 1000 /'; }
steps=$(sed -nE 's/.*--resume runs\/[^ ]*ckpt-([0-9]+)\.h5.*/\1/p' "$tmp/commands" | head -n 1)
train 'a run like that of make demo' --env Pendulum-v1 --env-steps 2000 --hidden 8,8 --batch-size 32 --learning-starts 1000 --run-dir build/demo
train 'a run as in the session' --env Pendulum-v1 --env-steps "${steps:-0}" --hidden 8,8 --batch-size 32 --learning-starts 1000 --run-dir "$tmp/p1"
while read -r command <&3; do
  case $command in make*) continue ;; esac
  case $command in *HalfCheetah*)
    if "$CORSAC" envs | grep -q '^HalfCheetah-v5 .*not available'; then
      skip "$command, because libmujoco is not installed" && continue
    fi
    ;;
  esac
  case $command in *gym:*) continue ;; esac # gym.sh
  case $command in *--record*) command -v ffmpeg >/dev/null || { skip "$command, because ffmpeg is not installed" && continue; } ;; esac
  case $command in *--resume*) rm -rf runs/p1 && cp -r "$tmp/p1" runs/p1 ;; esac # each goes on from what the session left
  expect_status "$command" 0 bash -c "$(echo "$command" | shorten)"
done 3<"$tmp/commands"
cd "$root" || exit 1

for target in $(grep -oE '(^|`)make [a-z0-9-]+' README.md CONTRIBUTING.md | sed 's/.*make //' | sort -u); do
  check "make $target" grep -qE "^([a-z0-9-]+ )*$target( [a-z0-9-]+)*:" Makefile launch/install.mk tests/tests.mk
done
{ "$CORSAC" options && for command in eval export plot report inspect envs check-env new-env options cluster; do "$CORSAC" $command --help; done; } >"$tmp/options"
grep -oE -- '--[a-z][a-z0-9-]+' README.md | sort -u | while read -r option; do
  case $option in --bind-to | --enable-recovery | --oversubscribe | --hostfile | --map-by | --ntasks | --time | --signal | --requeue | --nodes | --array | --version | --cflags | --libs | --vecnormalize | --logdir | --mca | --man | --mpi) continue ;; esac
  grep -qE -- "--(\[no-\])?${option#--}\b" "$tmp/options" || echo "$option"
done >"$tmp/unknown"
check "README.md names options that exist, not $(tr '\n' ' ' <"$tmp/unknown")" [ ! -s "$tmp/unknown" ]
sed -n '/^| group/,/^$/p' README.md | grep -oE '`[a-z_]+`' | tr -d '`' | sort >"$tmp/named"
"$CORSAC" options --yaml | grep -oE '^[a-z_]+' | sort >"$tmp/listed"
check 'its table has every option' [ -z "$(comm -13 "$tmp/named" "$tmp/listed")" ]
check 'and no other' [ -z "$(comm -23 "$tmp/named" "$tmp/listed" | grep -vE '^(config|resume|run_dir)$')" ]
for name in $(grep -oE '\]\([a-zA-Z][^):#]*' README.md CONTRIBUTING.md | sed 's/.*](//' | sort -u); do check "$name is there" [ -e "$name" ]; done
finish
