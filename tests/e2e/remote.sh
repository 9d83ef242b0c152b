#!/usr/bin/env bash
# Simulators that share no memory with corsac (launch/manual/remote.md): over sockets, with the library and without; in a
# container, on another host, outside of the process tree, each by what stands for it here. CHECK_FULL=1: a dead link.
. "$(dirname "$0")/lib.sh"
. tests/support/hosts.sh

build=$root/${BUILD_DIR%/*} examples=$root/launch/examples/exec
mkdir -p "$tmp/bin" "$tmp/sockets"
export TMPDIR=$tmp/sockets
${CC:-gcc} -O2 -I"$build/include" "$examples/oscillator.c" "$build/lib/libcorsac_sim.a" -o "$tmp/bin/c" || exit 1
quick="--seed 3 --hidden 8,8 --batch-size 16 --learning-starts 60 --replay-capacity 4000 --env-steps 1000 --checkpoint-every 1000
  --eval-every 500 --eval-episodes 2 --log-every 250"
same() { check "$1" cmp -s <(column "$tmp/memory/metrics.csv" critic_loss) <(column "$tmp/$2/metrics.csv" critic_loss); }
# played NAME RUN CHANNEL COMMAND [OPTIONS]: a run in sync mode with the bits of the run over memory
played() {
  train "$1" $quick --sync --channel "$3" --env "exec:$4" --run-dir "$tmp/$2" ${5:-}
  same "$1: the same bits as over memory" "$2"
}
# left: processes and sockets that a run should have taken along
left() { pgrep -f "^$tmp/bin/" || find "$tmp/sockets" -mindepth 1 | grep .; }

# --- sockets --------------------------------------------------------------------------------------
train 'over memory' $quick --sync --env "exec:$tmp/bin/c" --run-dir "$tmp/memory"
check 'it learns something' [ "$(column "$tmp/memory/metrics.csv" critic_loss | grep -c '[0-9]')" -ge 3 ]
for channel in unix tcp; do
  played "$channel" $channel $channel "$tmp/bin/c"
  check "$channel: its info is a column" [ "$(column "$tmp/$channel/metrics.csv" info_energy | grep -c '[0-9]')" -ge 3 ]
  check "$channel: it ended by itself" grep -q 'it ended with exit status 0' "$tmp/$channel/environments/0.log"
  if command -v python3 >/dev/null; then
    played "without the library, $channel" "frames-$channel" $channel "python3 $examples/frames.py"
  else
    skip "$channel without the library, because there is no python3"
  fi
done
expect_status 'on 3 ranks, four environments' 0 $MPIRUN -n 3 "$CORSAC" train $quick --envs 4 --sync --channel unix --env "exec:$tmp/bin/c" --run-dir "$tmp/ranks"
train 'and in one process, over memory' $quick --envs 4 --sync --env "exec:$tmp/bin/c" --run-dir "$tmp/one"
check 'give the same run' cmp -s <(column "$tmp/ranks/metrics.csv" critic_loss) <(column "$tmp/one/metrics.csv" critic_loss)
expect_status 'a run over sockets is evaluated over them' 0 "$CORSAC" eval "$tmp/tcp"
expect_status 'and resumed over memory' 0 "$CORSAC" train --resume "$tmp/tcp" --env-steps 1200 --channel memory
expect_status 'check-env knows the option' 0 "$CORSAC" check-env "exec:$tmp/bin/c" --channel unix --episodes 2
check 'no socket is left' [ -z "$(left)" ]

# --- what is wrong --------------------------------------------------------------------------------
bad 'an unknown channel' 2 '--channel: must be one of memory.unix.tcp, not "pigeon"' "$CORSAC" train $quick --channel pigeon --env "exec:$tmp/bin/c" --run-dir "$tmp/none"
bad 'no such interface' 1 'channel_host nowhere0 is neither an address nor a network interface of this host; it has lo' "$CORSAC" train $quick --channel tcp --channel-host nowhere0 --env "exec:$tmp/bin/c" --run-dir "$tmp/none"
bad 'an interface without a name' 2 '--channel-host: must be printable UTF-8 text of 1 to 1023 bytes, not ""' "$CORSAC" train $quick --channel tcp --channel-host '' --env "exec:$tmp/bin/c" --run-dir "$tmp/none"
train 'an isolated plugin with a channel' $small --env "$plugins/counter.so:30" --isolate --channel unix --eval-every 0 --run-dir "$tmp/plugin"
check 'warns that the option is idle' grep -q 'channel unix has no effect' "$err"
check 'in its log, too' grep -q 'warn  channel unix has no effect' "$tmp/plugin/log.txt"
for channel in memory unix tcp; do
  expect_status "a launcher that drops the variable, $channel" 1 "$CORSAC" train $quick --channel $channel --env "exec:env -i CORSAC_EPISODES=1000000 $tmp/bin/c" --run-dir "$tmp/none"
  check "is named, $channel" grep -q 'the process ran without corsac: .*did not pass CORSAC_CHANNEL on .*corsac help remote' "$err"
done
expect_status 'a launcher that closes descriptors, in another namespace of processes' 1 "$CORSAC" train $quick --env "exec:CORSAC_CHANNEL=9:/proc/0/fd/9 $tmp/bin/c" --run-dir "$tmp/none"
check 'is told of --channel' grep -q 'leads to no channel.*--channel unix or tcp' "$err"

# --- the manual's recipes -------------------------------------------------------------------------
for script in in_container on_host on_trusted_host; do
  block bash "# $script.sh" >"$tmp/bin/$script.sh" && chmod +x "$tmp/bin/$script.sh"
  check "the manual has $script.sh" [ -s "$tmp/bin/$script.sh" ]
done
mkdir "$tmp/stubs"
# Stands for ssh: nothing but standard input and the last word gets there. The same loopback is there, too.
cat >"$tmp/stubs/ssh" <<'STUB'
#!/bin/sh
forward=
while [ $# -gt 2 ]; do
  [ "$1" = -R ] && forward=$2
  shift
done
echo "$1 $forward" >>"$SSH_LOG"
exec env -i PATH="$PATH" setsid --wait sh -c "$2"
STUB
chmod +x "$tmp/stubs/ssh"
export SSH_LOG=$tmp/ssh.log
path=$PATH PATH=$tmp/stubs:$PATH
played 'on another host, through a tunnel' tunnel tcp "$tmp/bin/on_host.sh node7 '$tmp/bin/c'"
check 'the tunnel ends where corsac listens' grep -qE '^node7 127\.0\.0\.1:([0-9]+):127\.0\.0\.1:\1$' "$SSH_LOG"
played 'on a host of a trusted network' trusted tcp "$tmp/bin/on_trusted_host.sh node7 '$tmp/bin/c'" '--channel-host lo'
check 'and without' grep -qx 'node7 ' "$SSH_LOG"
PATH=$path

# A container: a root directory of its own with nothing in it but the program and what -v mounts.
mkdir -p "$tmp/root/tmp" "$tmp/root/dev"
${CC:-gcc} -O2 -static -I"$build/include" "$examples/oscillator.c" "$build/lib/libcorsac_sim.a" -o "$tmp/root/solver" 2>/dev/null
cat >"$tmp/stubs/docker" <<'STUB'
#!/bin/sh
[ "$1 $2 $3 $4 $5 $6" = "run --rm --init -e CORSAC_CHANNEL -v" ] || exit 90
export from="${7%%:*}" to="$ROOT${7#*:}" program="$9"
exec unshare --mount --net --pid --ipc --uts --fork --kill-child sh -c 'mkdir -p "${to%/*}" && : >"$to" && mount --bind "$from" "$to" &&
  exec env -i CORSAC_CHANNEL="$CORSAC_CHANNEL" "$(command -v chroot)" "$ROOT" "$program"'
STUB
chmod +x "$tmp/stubs/docker"
export ROOT=$tmp/root
if [ -x "$tmp/root/solver" ] && unshare --mount --net --pid --fork chroot "$tmp/root" /solver >/dev/null 2>&1; then
  PATH=$tmp/stubs:$path
  played 'in a container' container unix "$tmp/bin/in_container.sh image /solver"
  PATH=$path
  check 'the container had the socket only' [ -n "$(find "$tmp/root$tmp/sockets" -name channel)" ]
else
  skip 'a container, because there are no namespaces of our own here'
fi

# --- outside of the process tree ------------------------------------------------------------------
# A service that starts what it is told, as a batch system or another host does.
mkfifo "$tmp/orders"
cat >"$tmp/service.sh" <<'STUB'
#!/bin/bash
exec 3<>"$1"
while read -r CORSAC_CHANNEL <&3; do
  export CORSAC_CHANNEL
  "$2" 3<&- &
  echo $! >"$1.pid"
done
STUB
bash "$tmp/service.sh" "$tmp/orders" "$tmp/bin/c" >/dev/null 2>&1 &
service=$!
children="$children $service"
order="exec:echo \"\$CORSAC_CHANNEL\" >$tmp/orders; exec sleep 1000"
start "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --channel unix --env "$order" --run-dir "$tmp/service"
check 'a program of a service runs' wait_for pgrep -f "^$tmp/bin/c"
check 'and learns' wait_for test -s "$tmp/service/metrics.csv"
first=$(cat "$tmp/orders.pid")
kill -KILL "$first"
check 'it is killed, and started anew' wait_for sh -c "[ \"\$(cat $tmp/orders.pid)\" != $first ] && pgrep -f '^$tmp/bin/c'"
check 'the connection was lost, says the log' wait_for grep -q 'the connection to the simulator was lost' "$tmp/service/log.txt"
kill -KILL "$background"
ended 'its actor is killed' 137
check 'the program notices, and ends' wait_for sh -c "! pgrep -f '^$tmp/bin/c'"
check 'its launcher is ended, too' wait_for sh -c "! pgrep -fx 'sleep 1000'"
check 'and nothing is left' wait_for sh -c "[ -z \"\$(ls $tmp/sockets)\" ]"
kill "$service"
# With a program that never comes.
start "$CORSAC" train $quick --env-steps 1e9 --channel unix --env 'exec:sleep 1001' --run-dir "$tmp/never"
wait_for sh -c "ls $tmp/sockets | grep -q ."
kill -KILL "$background"
ended 'an actor is killed that waits for its program' 137
check 'its socket is removed' wait_for sh -c "[ -z \"\$(ls $tmp/sockets)\" ]"

# --- another host ---------------------------------------------------------------------------------
if why=$(hosts_possible); then
  trap 'kill -KILL $children 2>/dev/null; hosts_down; cleanup' EXIT
  hosts_up 2 "$tmp/hosts"
  cat >"$tmp/stubs/ssh" <<STUB
#!/bin/sh
exec env -i PATH="\$PATH" setsid --wait $root/tests/support/hosts.sh $tmp/hosts "\$1" "\$2"
STUB
  remote="$tmp/bin/on_trusted_host.sh node2 $tmp/bin/c"
  for host in eth0 10.78.0.1 0.0.0.0; do
    hosts_inside 1 timeout -k 5 300 env PATH="$tmp/stubs:$PATH" "$CORSAC" train $quick --sync --channel tcp --channel-host $host --env "exec:$remote" --run-dir "$tmp/net-$host" >"$out" 2>"$err"
    status=$?
    check "a program on another host, --channel-host $host" [ $status = 0 ]
    same "with the same bits, $host" "net-$host"
  done
  if [ "$CHECK_FULL" = 1 ]; then
    hosts_inside 1 env PATH="$tmp/stubs:$PATH" "$CORSAC" train $quick --env-steps 1e9 --eval-every 0 --channel tcp --channel-host eth0 --env-max-failures 1 --env "exec:$remote" --run-dir "$tmp/cut" >"$out" 2>"$err" &
    background=$!
    children="$children $background"
    check 'it runs' wait_for test -s "$tmp/cut/metrics.csv"
    hosts_cut 2
    for _ in $(seq 120); do kill -0 $background 2>/dev/null || break; sleep 1; done
    check 'a dead link is noticed and named, by whichever side is the first' grep -qE 'the connection to (the simulator|corsac) was lost' "$err"
    check 'on the other host, too' wait_for sh -c "! pgrep -f '^$tmp/bin/c'"
  else
    skip 'a dead link, which is noticed after a minute: CHECK_FULL=1 tries it'
  fi
else
  skip "another host, because $why"
fi
finish
