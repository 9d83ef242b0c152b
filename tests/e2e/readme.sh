#!/usr/bin/env bash
# The commands of README.md work as written: every line of a ```sh block that begins with corsac or mpirun, one after another, with fewer steps.
. "$(dirname "$0")/lib.sh"

# Blocks after a line <!-- not run --> are left out: they need a cluster, or change the system.
awk '/<!-- not run -->/ { left_out = 1 }
  $0 == "```" && inside { inside = 0; left_out = 0; next }
  $0 == "```sh" { inside = 1; next }
  inside && !left_out' README.md | sed -e ':a' -e '/\\$/N; s/\\\n//; ta' | sed 's/ *#.*//' |
  grep -E '^(corsac|mpirun|build/release/corsac|make( [a-z]+)?$)' >"$tmp/commands"
check 'README.md has commands' [ "$(grep -cE 'corsac' "$tmp/commands")" -ge 5 ]
mkdir "$tmp/bin" "$tmp/work" && ln -s "$CORSAC" "$tmp/bin/corsac"
mkdir -p "$tmp/work/build" && ln -s "$(dirname "$CORSAC")" "$tmp/work/build/release"
export PATH=$tmp/bin:$PATH OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
# Shorter, and with few ranks; what is promised does not depend on it.
shorten() { sed -E 's/(--env-steps )[0-9]+/\11500/; s/ -n [0-9]+ / -n 3 /; s/^(.* train .*--env .*)$/\1 --env-steps 1200/; s/^(.* train .*--resume .*)$/\1 --env-steps 1500/'; }
while read -r command; do
  case $command in
  make*)
    check "make has the target of '$command'" grep -qE "^${command#make }( [a-z-]+)*:|^make$" Makefile <(echo "$command")
    continue
    ;;
  esac
  cd "$tmp/work" || exit 1
  expect_status "$command" 0 bash -c "$(echo "$command" | shorten)"
  cd "$root" || exit 1
done <"$tmp/commands"
for target in $(grep -oE '`make [a-z-]+' README.md | sed 's/`make //' | sort -u); do
  check "make $target" grep -qE "^([a-z-]+ )*$target( [a-z-]+)*:" Makefile
done
for option in $(grep -oE -- '--[a-z][a-z-]+' README.md | sort -u); do
  case $option in --bind-to | --oversubscribe | --hostfile | --map-by | --host | --ntasks* | --time* | --signal* | --requeue | --version | --help | --nodes* | --cpus-per-task*) continue ;; esac
  name=${option#--} && name=${name#no-}
  check "option $option" sh -c '{ "$1" options; for c in eval inspect envs options; do "$1" $c --help; done; } | grep -qE -- "--(\[no-\])?$2\b"' sh "$CORSAC" "$name"
done
for name in $(grep -oE '\]\([a-zA-Z][^):#]*' README.md | sed 's/](//' | sort -u); do check "README.md links to $name" [ -e "$name" ]; done
finish
