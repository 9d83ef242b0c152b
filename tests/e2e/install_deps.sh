#!/usr/bin/env bash
# install-gym.sh and install-mujoco.sh with a fake Python and a fake compiler: a working
# installation keeps working until the next one is whole, whatever fails in between.
. "$(dirname "$0")/lib.sh"

# The fake Python. `touch $tmp/fails` makes pip fail; with $tmp/waits pip waits until that file is
# removed.
cat >"$tmp/python3" <<END
#!/bin/sh
wheels() { mkdir -p "\$1/mujoco/include/mujoco" "\$1/gymnasium/envs/mujoco/assets" && echo "\$version" >"\$1/mujoco/include/mujoco/mujoco.h" &&
  echo "\$version" >"\$1/mujoco/libmujoco.so.4.0.1" && echo "\$version" >"\$1/gymnasium/envs/mujoco/assets/ant.xml"; }
version=\$(cat "$tmp/version")
case "\$1 \$2 \$3" in
'-m venv --clear') mkdir -p "\$4/bin" && cp "$tmp/python3" "\$4/bin/python" && echo "#!\$4/bin/python" >"\$4/bin/pip" && echo "\$version" >"\$4/version" ;;
'-m pip install' | '-m pip download')
  echo "\$\$" >>"$tmp/started"
  while [ -e "$tmp/waits" ]; do sleep 0.05; done
  [ ! -e "$tmp/fails" ] || exit 1
  for directory in "\$@"; do :; done
  [ "\$3" = install ] || touch "\$directory/a.whl"
  ;;
'-m zipfile -e') wheels "\$5" ;;
esac
exit
END
printf '#!/bin/sh\n[ ! -e "%s/fails-cc" ] || exit 1\nfor file in "$@"; do :; done\ncp "%s/version" "$file"\n' "$tmp" "$tmp" >"$tmp/cc"
chmod +x "$tmp/python3" "$tmp/cc"
export PYTHON=$tmp/python3 CC=$tmp/cc GYM_DIR=$tmp/data/python MUJOCO_DIR=$tmp/data/mujoco
says() { echo "$1" >"$tmp/version"; }
whole() { # whole WHAT VERSION: of one version, with nothing beside it
  check "$1: gym is version $2" [ "$(cat "$GYM_DIR/version")" = "$2" ]
  check "$1: it works" "$GYM_DIR/bin/python" -c ''
  check "$1: and names itself" grep -qx "#!$GYM_DIR/bin/python" "$GYM_DIR/bin/pip"
  check "$1: MuJoCo is version $2" [ "$(cat "$MUJOCO_DIR"/*.so "$MUJOCO_DIR/ant.xml" "$MUJOCO_DIR/include/mujoco/mujoco.h" | sort | uniq -c | tr -d '\n ')" = "4$2" ]
  check "$1: nothing is left over" [ -z "$(ls -d "$tmp"/data/*.new.* "$tmp"/data/*.old.* "$MUJOCO_DIR"/new.* 2>/dev/null)" ]
}
gym() { expect_status "$1: gym" "$2" launch/install-gym.sh ${3:-}; }
mujoco() { expect_status "$1: MuJoCo" "$2" launch/install-mujoco.sh; }
outdate() { echo 'an older version' >"$MUJOCO_DIR/installed"; }

says 1
gym first 0
mujoco first 0
whole first 1
says 2
gym 'nothing to do' 0
mujoco 'nothing to do' 0
whole 'nothing to do' 1

outdate
touch "$tmp/fails"
gym 'a download that fails' 1 pygame
mujoco 'a download that fails' 1
rm "$tmp/fails"
whole 'a download that fails' 1
touch "$tmp/fails-cc"
mujoco 'a compiler that fails' 1
rm "$tmp/fails-cc"
whole 'a compiler that fails' 1

# The script is killed while pip works, by a signal that it can catch and by one that it cannot.
for signal in TERM KILL; do
  for script in 'install-gym.sh pygame' install-mujoco.sh; do
    touch "$tmp/waits" && : >"$tmp/started"
    start launch/$script
    check "$signal: pip is at work" wait_for test -s "$tmp/started"
    kill -$signal "$background"
    rm "$tmp/waits"
    wait "$background"
    check "$signal: $script fails" [ $? != 0 ]
    check "$signal: pip has ended" wait_for sh -c '! kill -0 "$1" 2>/dev/null' sh "$(cat "$tmp/started")"
  done
  check "$signal: what was there works" "$GYM_DIR/bin/python" -c ''
  check "$signal: and is the old one" [ "$(cat "$GYM_DIR/version" "$MUJOCO_DIR/libmujoco.so" | tr -d '\n')" = 11 ]
done

# Two installations at once, after those that were killed.
gym_again() { launch/install-gym.sh pygame >"$tmp/gym.$1" 2>&1; }
mujoco_again() { launch/install-mujoco.sh >"$tmp/mujoco.$1" 2>&1; }
both=
for i in 1 2; do
  gym_again $i & both="$both $!"
  mujoco_again $i & both="$both $!"
done
for pid in $both; do
  wait "$pid"
  check 'two at once: each succeeds' [ $? = 0 ]
done
whole 'two at once' 2
check 'what was asked for is there' grep -q '^pygame' "$GYM_DIR/installed"

# A site's own MuJoCo stays. If its directory cannot be written, the script does not begin.
says 3
rm -rf "$MUJOCO_DIR" && mkdir -p "$MUJOCO_DIR/include/mujoco" && echo site >"$MUJOCO_DIR/libmujoco.so" && echo site >"$MUJOCO_DIR/include/mujoco/mujoco.h"
mujoco "a site's own" 0
check "a site's own stays" [ "$(cat "$MUJOCO_DIR/libmujoco.so" "$MUJOCO_DIR/include/mujoco/mujoco.h" "$MUJOCO_DIR/ant.xml" | tr '\n' ' ')" = 'site site 3 ' ]
finish
