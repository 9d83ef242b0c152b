#!/usr/bin/env bash
# A Slurm of our own on this machine, beside any that is there: munged, slurmctld and one slurmd, with ports and directories of their own. Needs root and
# Debian's slurm-wlm and munge (launch/install-deps.sh full). To be sourced:
#   slurm_possible     can it be done here? If not, says why on stdout
#   slurm_up DIR       starts it, with what it writes in DIR, and lets sbatch, squeue, scontrol ... speak to it
#   slurm_set LINE     one more line of slurm.conf, from now on
#   slurm_down         ends its jobs and itself
# The node has more CPUs than the machine. Jobs of the partitions low (the default) and patient are queued again when one of high wants their place,
# at once or after 20 s of notice; those of safe are left alone.
slurm_cpus=32

slurm_possible() {
  [ "$(id -u)" = 0 ] || { echo 'it takes root' && return 1; }
  for tool in munged slurmctld slurmd sbatch; do
    command -v $tool >/dev/null || { echo "there is no $tool: launch/install-deps.sh full brings it" && return 1; }
  done
}

slurm_configure() { # NODE FIRST_PORT
  cat <<CONF
ClusterName=test
SlurmctldHost=$1(127.0.0.1)
SlurmctldPort=$2
SlurmdPort=$(($2 + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# A job that is queued again waits for as long as its old credential lives.
AuthInfo=socket=$slurm_dir/munge.sock,cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
TmpFS=$slurm_dir
SlurmdSpoolDir=$slurm_dir/spool
StateSaveLocation=$slurm_dir/state
SlurmctldLogFile=$slurm_dir/slurmctld.log
SlurmdLogFile=$slurm_dir/slurmd.log
SlurmctldPidFile=$slurm_dir/slurmctld.pid
SlurmdPidFile=$slurm_dir/slurmd.pid
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=$1 NodeAddr=127.0.0.1 CPUs=$slurm_cpus Sockets=1 CoresPerSocket=$slurm_cpus ThreadsPerCore=1 RealMemory=1000
PartitionName=low Nodes=$1 Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=patient Nodes=$1 PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=safe Nodes=$1 PriorityTier=1 PreemptMode=OFF
PartitionName=high Nodes=$1 PriorityTier=10 PreemptMode=OFF
CONF
}

slurm_free_port() { # of two in a row
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null || (exec 3<>/dev/tcp/127.0.0.1/$((port + 1))) 2>/dev/null || break
  done
  echo $port
}

slurm_up() { # DIR
  slurm_dir=$1
  mkdir -p "$slurm_dir/state" "$slurm_dir/spool" "$slurm_dir/munge" || return 1
  chmod 755 "$slurm_dir"
  export SLURM_CONF=$slurm_dir/slurm.conf
  slurm_configure "$(hostname -s)" "$(slurm_free_port)" >"$SLURM_CONF"
  (umask 077 && head -c 128 /dev/urandom >"$slurm_dir/munge/key")
  munged --force --socket="$slurm_dir/munge.sock" --key-file="$slurm_dir/munge/key" --pid-file="$slurm_dir/munge/pid" \
    --log-file="$slurm_dir/munge/log" --seed-file="$slurm_dir/munge/seed" || return 1
  slurmctld -c && slurmd || return 1
  for _ in $(seq 100); do
    [ "$(sinfo -h -p low -o %T 2>/dev/null)" = idle ] && return
    sleep 0.1
  done
  tail -n 5 "$slurm_dir"/slurm*.log
  return 1
}

slurm_set() { echo "$1" >>"$SLURM_CONF" && scontrol reconfigure; }

slurm_down() {
  local file
  # Again and again, since a job that is on its way back into the queue is not cancelled yet.
  for _ in $(seq 150); do
    scancel --user=root 2>/dev/null
    [ -z "$(squeue -h 2>/dev/null)" ] && break
    sleep 0.2
  done
  for file in slurmd.pid slurmctld.pid munge/pid; do [ -s "$slurm_dir/$file" ] && kill "$(cat "$slurm_dir/$file")"; done
  for file in slurmd.pid slurmctld.pid munge/pid; do
    for _ in $(seq 100); do
      [ -e "$slurm_dir/$file" ] || break
      sleep 0.1
    done
  done
}
