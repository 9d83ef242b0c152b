#!/usr/bin/env bash
# fmi:MODEL.fmu[:TASK.yaml]: the manual's commands and task, training, exact resumes, crashes, and a
# message for each way in which an FMU or a task can be wrong. The FMUs are tests/support/fmus/spring.c,
# of FMI 2 and of FMI 3. Skipped where libarchive, Expat or muParser is not installed.
. "$(dirname "$0")/lib.sh"

fmus=$root/$BUILD_DIR/fmus
task=$root/tests/support/fmus/spring.yaml
runs=0
mkdir "$tmp/unpacked" && export TMPDIR=$tmp/unpacked
if "$CORSAC" check-env "fmi:$fmus/spring2.fmu:$task" --episodes 1 2>&1 | grep -q 'install-deps.sh fmi'; then
  skip 'FMUs, because libarchive, Expat or muParser is not installed: launch/install-deps.sh fmi'
  pass
  finish
fi

# --- the manual -----------------------------------------------------------------------------------
mkdir "$tmp/work" && cp "$fmus/spring2.fmu" "$tmp/work" && block yaml step_size: >"$tmp/work/manual.yaml"
block sh fmi: | grep -v '^make' | sed -E 's/ +#.*//; s/^(.* train .*)$/\1 --run-dir first/; s/5000/1500/' >"$tmp/commands"
check 'the manual has four commands' [ "$(wc -l <"$tmp/commands")" = 4 ]
sed -i "s|^launch/|$root/launch/|; s|^corsac|$CORSAC|" "$tmp/commands"
expect_status "the manual's commands" 0 bash -ec "cd $tmp/work; $(cat "$tmp/commands")"
expect_status "the manual's task" 0 "$CORSAC" check-env "fmi:$tmp/work/spring2.fmu:$tmp/work/manual.yaml"
check 'keeps every rule' grep -q ': 0 errors, 0 warnings' "$out"
cd "$tmp/work" || exit 1
bad 'a task that is there stays' 2 'spring2.yaml: File exists; nothing was changed' "$CORSAC" new-env --lang fmu spring2.fmu
cp "$fmus/spring3.fmu" . && expect_status 'new-env, FMI 3' 0 "$CORSAC" new-env --lang fmu spring3.fmu
expect_status 'makes a task that works' 0 "$CORSAC" check-env fmi:spring3.fmu:spring3.yaml --episodes 2
cd "$root" || exit 1

# --- training -------------------------------------------------------------------------------------
quick="$small --replay-capacity 1000 --sync"
for version in 2 3; do
  run_dir=$tmp/whole$version part=$tmp/part$version
  train "FMI $version" $quick --env "fmi:$fmus/spring$version.fmu:$task" --run-dir "$run_dir"
  train "FMI $version, stopped in an episode" $quick --env "fmi:$fmus/spring$version.fmu:$task" --env-steps 100 --run-dir "$part"
  expect_status "FMI $version, resumed" 0 "$CORSAC" train --resume "$part" --env-steps 300
  check "FMI $version: a resume is exact" cmp -s <(column "$run_dir/metrics.csv" critic_loss | tail -n 1) <(column "$part/metrics.csv" critic_loss | tail -n 1)
done
check 'FMI 2 and 3 give the same bits' cmp -s <(column "$tmp/whole2/metrics.csv" critic_loss) <(column "$tmp/whole3/metrics.csv" critic_loss)
check 'info has a column' above "$(column "$tmp/whole2/metrics.csv" info_stiffness | tail -n 1)" 1.9
{ cat "$task" && echo 'isolate: false'; } >"$tmp/inside.yaml"
train 'in the process of the actor' $quick --env "fmi:$fmus/spring2.fmu:$tmp/inside.yaml" --run-dir "$tmp/inside"
check 'gives the same bits' cmp -s <(column "$tmp/whole2/metrics.csv" critic_loss) <(column "$tmp/inside/metrics.csv" critic_loss)
expect_status 'evaluates' 0 "$CORSAC" eval "$tmp/whole2" --episodes 3 --json
check 'episodes' json_is "$out" episodes 3
expect_status 'two ranks' 0 $MPIRUN -n 3 "$CORSAC" train $quick --envs 2 --env "fmi:$fmus/spring2.fmu:$task" --run-dir "$tmp/ranks"

# A crash costs the episode; the third one in a row ends the job.
printf 'step_size: 0.1\nstart: {fault: 3}\n' >"$tmp/crash.yaml"
expect_status 'an FMU that crashes' 1 "$CORSAC" train $quick --env "fmi:$fmus/spring2.fmu:$tmp/crash.yaml" --env-max-failures 2 --run-dir "$tmp/crash"
check 'has its signal in the message' grep -q 'killed by signal 6\|SIGABRT\|Aborted' "$err"
check 'nothing stays unpacked' [ -z "$(ls "$TMPDIR")" ]
mkdir "$TMPDIR/corsac-fmu-old" "$TMPDIR/corsac-fmu-new" && touch "$TMPDIR/corsac-fmu-old/x" && touch -d '2 hours ago' "$TMPDIR/corsac-fmu-old"
expect_status 'check-env' 0 "$CORSAC" check-env "fmi:$fmus/spring2.fmu" --episodes 1
check 'what a killed process left is removed, what is new stays' [ "$(ls "$TMPDIR")" = corsac-fmu-new ]

# --- what is wrong with an FMU --------------------------------------------------------------------
xml=$fmus/spring2/modelDescription.xml binary=$(cd "$fmus/spring2" && ls binaries/*/spring.so)
# fmu NAME WHAT: makes $tmp/NAME.fmu with the Python of WHAT; z is the new zip file, xml and so the parts of a good one
fmu() {
  python3 - "$tmp/$1.fmu" "$xml" "$fmus/spring2/$binary" "$binary" "$2" <<'END'
import sys, warnings, zipfile
warnings.simplefilter("ignore")
path, xml, so, name, what = sys.argv[1:]
xml, so = open(xml).read(), open(so, "rb").read()
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
    exec(what)
END
}
# wrong NAME REGEX PYTHON
wrong() {
  fmu bad "$3"
  bad "$1" '[12]' "$2" "$CORSAC" train --env "fmi:$tmp/bad.fmu" --env-steps 100 --env-max-failures 1 --run-dir "$tmp/$((++runs))"
}
good='z.writestr("modelDescription.xml", xml); z.writestr(name, so)'
changed() { echo "z.writestr('modelDescription.xml', xml.replace('$1', '$2')); z.writestr(name, so)"; }
fmu bad "$good" && expect_status 'the parts of a good one' 0 "$CORSAC" check-env "fmi:$tmp/bad.fmu" --episodes 1
# One instance in a process: the evaluations use that of the training.
fmu alone 'z.writestr("modelDescription.xml", xml.replace("{spring-token}", "{spring-alone}").replace("<CoSimulation", "<CoSimulation canBeInstantiatedOnlyOncePerProcess=\"true\"")); z.writestr(name, so)'
train 'an FMU that may exist once' $quick --env "fmi:$tmp/alone.fmu:$tmp/inside.yaml" --run-dir "$tmp/alone"
check 'gives the same bits' cmp -s <(column "$tmp/inside/metrics.csv" critic_loss) <(column "$tmp/alone/metrics.csv" critic_loss)
wrong 'another platform' 'it has no binaries/[a-z0-9_-]+/spring.so, which this machine needs; the platforms in its binaries: win64$' 'z.writestr("modelDescription.xml", xml); z.writestr("binaries/win64/spring.dll", so)'
wrong 'no binary at all' 'the platforms in its binaries: none$' 'z.writestr("modelDescription.xml", xml)'
wrong 'a binary that is none' 'cannot be loaded: .*spring.so' 'z.writestr("modelDescription.xml", xml); z.writestr(name, "text")'
wrong 'no description' 'it has no modelDescription.xml, so it is no FMU' 'z.writestr(name, so)'
wrong 'broken XML' 'modelDescription.xml:[0-9]+: it is broken XML: mismatched tag' "$(changed '</ModelVariables>' '')"
wrong 'XML that is cut' 'modelDescription.xml:[0-9]+: it is broken XML' 'z.writestr("modelDescription.xml", xml[:900]); z.writestr(name, so)'
wrong 'entities' 'a document type, which FMI does not use, is refused' "$(changed '<fmiModelDescription' '<!DOCTYPE x [<!ENTITY a "b">]><fmiModelDescription')"
wrong 'another root' 'it begins with <html>' 'z.writestr("modelDescription.xml", "<html/>")'
wrong 'FMI 1' 'it is of FMI version 1.0; 2.0 and 3.0 can be used' "$(changed 'fmiVersion="2.0"' 'fmiVersion="1.0"')"
wrong 'model exchange only' 'it has no co-simulation, only model exchange, which comes without a solver' "$(changed CoSimulation ModelExchange)"
wrong 'no reward' 'there is no reward: the FMU has no output named reward' "$(changed 'name="reward"' 'name="profit"')"
wrong 'no bounds' 'the FMU has no min and max of "force", so the task file gives its bounds' "$(changed 'declaredType="Force"' '')"
wrong 'no inputs' 'actions: there are none' "$(changed '"input"' '"local"')"
wrong 'another token' 'fmi2Instantiate made no instance: a wrong guid, type or resource' "$(changed '{spring-token}' '{other}')"
wrong 'a path that climbs out' 'the path "../../evil" in it leads out of the archive' "$good"'; z.writestr("../../evil", "x")'
check 'and writes nothing there' [ ! -e "$tmp/evil" ]
wrong 'an absolute path' 'the path "/tmp/evil" in it leads out' "$good"'; z.writestr("/tmp/evil", "x")'
wrong 'a link' '"resources/link" in it is neither a file nor a directory' "$good"'; i = zipfile.ZipInfo("resources/link"); i.create_system = 3; i.external_attr = 0o120777 << 16; z.writestr(i, "/etc")'
wrong 'a file twice' '"modelDescription.xml" is twice in it' "$good; $good"
wrong 'a zip bomb' 'it unpacks to more than [0-9]+ bytes from [0-9]+; as a zip bomb it is refused' "$good"'; z.writestr("resources/zeros", bytes(100 << 20))'
echo 'no zip' >"$tmp/text.fmu"
bad 'no zip file' '[12]' 'text.fmu: it (is no|cannot be read as a) zip file' "$CORSAC" train --env "fmi:$tmp/text.fmu" --run-dir "$tmp/$((++runs))"
head -c 6000 "$fmus/spring2.fmu" >"$tmp/cut.fmu"
bad 'a zip file that is cut' '[12]' 'cut.fmu: it (is|cannot)' "$CORSAC" train --env "fmi:$tmp/cut.fmu" --run-dir "$tmp/$((++runs))"
bad 'no such file' '[12]' 'no.fmu: No such file' "$CORSAC" train --env fmi:no.fmu --run-dir "$tmp/$((++runs))"
bad 'no file named' 2 'names no FMU: fmi:MODEL.fmu' "$CORSAC" train --env fmi: --run-dir "$tmp/$((++runs))"
bad 'groups of ranks' 2 'ranks_per_env 2: exec:, gym:, pettingzoo:, fmi: and --isolate run' $MPIRUN -n 3 "$CORSAC" train --env "fmi:$fmus/spring2.fmu" --ranks-per-env 2 --run-dir "$tmp/$((++runs))"

# Without a library: an empty file takes its place.
mkdir "$tmp/lib" && : >"$tmp/lib/libmuparser.so.2"
bad 'no muParser' '[12]' 'reward: an expression is more than a variable.s name: FMUs need libmuparser.so.2: launch/install-deps.sh fmi' env LD_LIBRARY_PATH="$tmp/lib" "$CORSAC" train --env "fmi:$fmus/spring2.fmu:$task" --run-dir "$tmp/$((++runs))"
expect_status 'envs' 0 env LD_LIBRARY_PATH="$tmp/lib" "$CORSAC" envs
check 'says so, too' grep -q '^fmi:MODEL.fmu.* not available: .*install-deps.sh fmi' "$out"
expect_status 'a reward of one name needs none' 0 env LD_LIBRARY_PATH="$tmp/lib" "$CORSAC" check-env "fmi:$fmus/spring2.fmu" --episodes 1
: >"$tmp/lib/libexpat.so.1"
bad 'no Expat' '[12]' 'FMUs need libexpat.so.1: launch/install-deps.sh fmi' env LD_LIBRARY_PATH="$tmp/lib" "$CORSAC" train --env "fmi:$fmus/spring2.fmu" --run-dir "$tmp/$((++runs))"
: >"$tmp/lib/libarchive.so.13"
bad 'no libarchive' '[12]' 'FMUs need libarchive.so.13: launch/install-deps.sh fmi' env LD_LIBRARY_PATH="$tmp/lib" "$CORSAC" train --env "fmi:$fmus/spring2.fmu" --run-dir "$tmp/$((++runs))"

# --- what is wrong with a task --------------------------------------------------------------------
# wrong_task NAME REGEX TEXT
wrong_task() {
  printf '%b\n' "$3" >"$tmp/bad.yaml"
  bad "$1" 2 "bad.yaml$2" "$CORSAC" train --env "fmi:$fmus/spring2.fmu:$tmp/bad.yaml" --run-dir "$tmp/$((++runs))"
}
wrong_task 'a variable that is not there' ':1: observations: the FMU has no variable "forc"; did you mean force\?' 'observations: [forc]'
wrong_task 'a variable of an expression' ':2: reward: no variable is called "y" in "x \+ y"' 'step_size: 1\nreward: x + y'
wrong_task 'no expression' ':1: reward: "x \+" is no valid expression' 'reward: "x +"'
wrong_task 'a text' ':1: observations: "label" is no number in the FMU' 'observations: [label]'
wrong_task 'a constant' ': start: "g" is constant in the FMU' 'start: {g: 1}'
wrong_task 'a key' ':1: a task has no "rewards"; did you mean reward\?' 'rewards: x'
wrong_task 'a key twice' ':2: reward: is given twice, first in line 1' 'reward: x\nreward: x'
wrong_task 'a range' ':1: vary: mass: two numbers, \[low, high\] with low < high' 'vary: {mass: [2, 1]}'
wrong_task 'a step' ': step_size: 0 has to be > 0' 'step_size: 0'
wrong_task 'a stop' ': stop_time: from 0 to 0.01 there are 0 steps' 'stop_time: 0.01'
wrong_task 'no YAML' ':2: this is not YAML' 'a: [1'
wrong_task 'an output as action' ': actions: "x" is no input of the FMU' 'actions: {x: [0, 1]}'
bad 'no task file' '[12]' ': no.yaml: cannot be opened: No such file' "$CORSAC" train --env "fmi:$fmus/spring2.fmu:no.yaml" --run-dir "$tmp/$((++runs))"
check 'nothing stays unpacked of these' [ "$(ls "$TMPDIR")" = corsac-fmu-new ]
finish
