#!/usr/bin/env bash
# Several hosts on one machine, for tests of what crosses a network: each has its own network, host name, /dev/shm and (but for the first) process
# numbers; a bridge joins them. Needs root, iproute2 and util-linux; no sshd: mpirun reaches the others by this script. To be sourced:
#   hosts_possible          can it be done here? If not, says why on stdout
#   hosts_up N DIR          makes node1..nodeN (10.78.0.1..N), what it has to remember in DIR
#   hosts_mpirun ARGS...    mpirun on node1, over all of them, two ranks on each
#   hosts_cut I, hosts_heal I    takes node I's link down, or up again
#   hosts_pid I             a process of node I's to enter it by
#   hosts_down              ends everything that hosts_up made
# Run as a program:
#   hosts.sh --mpirun DIR ARGS...    hosts_mpirun, so that it can be timed and run beside others
#   hosts.sh DIR NODE COMMAND...     mpirun's remote shell
hosts_net=10.78.0

hosts_possible() {
  [ "$(id -u)" = 0 ] || { echo 'it takes root' && return 1; }
  for tool in ip unshare nsenter; do command -v $tool >/dev/null || { echo "there is no $tool" && return 1; }; done
  unshare --net --uts --ipc --mount --pid --fork ip link add cs-try type bridge 2>/dev/null || { echo 'the kernel grants no network of our own' && return 1; }
}

hosts_pid() { cat "$hosts_dir/node$1.pid"; }

# Node 1 keeps this machine's process numbers: mpirun has to reach into the others.
hosts_make() { # I
  local pid_flags='--pid --fork --mount-proc'
  [ "$1" = 1 ] && pid_flags=
  # shellcheck disable=SC2086
  unshare --net --uts --mount --ipc $pid_flags bash -c \
    "hostname node$1; mount --make-rprivate /; mount --bind $hosts_dir/hosts /etc/hosts; mount -t tmpfs shm /dev/shm; touch $hosts_dir/node$1.up; while :; do sleep 1; done" \
    </dev/null >"$hosts_dir/node$1.log" 2>&1 &
  local outer=$! inner
  for _ in $(seq 100); do [ -e "$hosts_dir/node$1.up" ] && break; sleep 0.05; done
  inner=$(awk '{ print $1 }' "/proc/$outer/task/$outer/children")
  [ "$1" = 1 ] && inner=$outer
  echo "$inner" >"$hosts_dir/node$1.pid"
  echo "$outer" >>"$hosts_dir/all"
}

hosts_up() { # N DIR
  hosts_dir=$2 hosts_count=$1
  local i veth
  mkdir -p "$hosts_dir"
  { echo '127.0.0.1 localhost' && for i in $(seq "$1"); do echo "$hosts_net.$i node$i"; done; } >"$hosts_dir/hosts"
  for i in $(seq "$1"); do echo "node$i slots=2"; done >"$hosts_dir/hostfile"
  unshare --net bash -c 'ip link add br0 type bridge; ip link set br0 up; while :; do sleep 1; done' </dev/null >/dev/null 2>&1 &
  local switch=$!
  echo $switch >"$hosts_dir/all"
  for _ in $(seq 100); do nsenter -t $switch -n ip link show br0 >/dev/null 2>&1 && break; sleep 0.05; done
  for i in $(seq "$1"); do
    hosts_make "$i"
    veth=cs$((RANDOM % 1000))x$i
    ip link add "$veth" type veth peer name eth0 netns "$(hosts_pid "$i")" || return 1
    ip link set "$veth" netns $switch
    nsenter -t $switch -n ip link set "$veth" master br0 up
    nsenter -t "$(hosts_pid "$i")" -n sh -c "ip addr add $hosts_net.$i/24 dev eth0; ip link set lo up; ip link set eth0 up"
  done
}

hosts_inside() { # I COMMAND...
  local flags='-n -u -i -m' node=$1
  [ "$1" = 1 ] || flags="$flags -p"
  shift
  # shellcheck disable=SC2086
  nsenter -t "$(hosts_pid "$node")" $flags --wd="$PWD" -- "$@"
}

hosts_mpirun() {
  # The other end of a dead link is noticed by keepalive: its defaults take eight minutes.
  hosts_inside 1 mpirun --wdir "$PWD" --hostfile "$hosts_dir/hostfile" --bind-to none --oversubscribe \
    --mca plm_rsh_agent "$(readlink -f "${BASH_SOURCE[0]}") $hosts_dir" --mca plm_rsh_no_tree_spawn 1 \
    --mca oob_tcp_if_include $hosts_net.0/24 --mca btl_tcp_if_include $hosts_net.0/24 \
    --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 2 "$@"
}

hosts_cut() { nsenter -t "$(hosts_pid "$1")" -n ip link set eth0 down; }
hosts_heal() { nsenter -t "$(hosts_pid "$1")" -n ip link set eth0 up; }

hosts_down() {
  [ -n "${hosts_dir:-}" ] || return 0
  local pid node
  # Whoever is in the network of one of them.
  for node in $(for pid in $(cat "$hosts_dir"/node*.pid 2>/dev/null); do readlink "/proc/$pid/ns/net"; done); do
    for pid in /proc/[0-9]*; do [ "$(readlink "$pid/ns/net")" = "$node" ] && kill -9 "${pid#/proc/}"; done
  done 2>/dev/null
  for pid in $(cat "$hosts_dir"/node*.pid "$hosts_dir/all" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
  wait 2>/dev/null
  hosts_dir=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  if [ "$1" = --mpirun ]; then
    hosts_dir=$2
    shift 2
    hosts_mpirun "$@"
  else
    hosts_dir=$1 node=${2#node}
    shift 2
    hosts_inside "$node" sh -c "$*"
  fi
fi
