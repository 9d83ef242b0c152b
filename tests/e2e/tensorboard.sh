#!/usr/bin/env bash
# TensorBoard's own reader finds every row of metrics.csv in the event files, once, also after a
# kill and a resume.
. "$(dirname "$0")/lib.sh"

run=$tmp/run
train 'a run' $small --run-dir "$run" --log-every 20
check 'one file' [ "$(ls "$run" | grep -c tfevents)" = 1 ]
# As after a kill, the run goes back to an older checkpoint, and the last record is cut.
newest=$(ls "$run"/events.out.tfevents.*)
truncate -s -7 "$newest"
rm "$run"/ckpt-3*.h5
train 'goes on' --resume "$run" --env-steps 400
check 'one file more' [ "$(ls "$run" | grep -c tfevents)" = 2 ]
check 'which sorts after it' [ "$(ls "$run"/events.out.tfevents.* | tail -n 1)" != "$newest" ]
train 'without' $small --run-dir "$tmp/none" --no-tensorboard
check 'no file' [ "$(ls "$tmp/none" | grep -c tfevents)" = 0 ]

# CHECK_FULL=1 makes a venv that stays. Without one only the unit tests check the format.
venv=$root/build/tensorboard-venv
if [ "$CHECK_FULL" = 1 ] && ! "$venv/bin/python" -c 'import tensorboard' 2>/dev/null; then
  python3 -m venv "$venv" && "$venv/bin/pip" -q install tensorboard >"$tmp/pip.log" 2>&1 || tail -n 3 "$tmp/pip.log"
fi
if "$venv/bin/python" -c 'import tensorboard' 2>/dev/null; then
  cat >"$tmp/read.py" <<'PYTHON'
import csv, struct, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

run = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
run.Reload()
tags = {tag.split("/")[1]: tag for tag in run.Tags()["scalars"]}
with open(sys.argv[1] + "/metrics.csv") as file:
    rows = list(csv.DictReader(file))
single = lambda x: struct.unpack("f", struct.pack("f", float(x)))[0]
numbers = 0
for column in rows[0]:
    if column == "env_steps":
        continue
    wanted = [(int(r["env_steps"]), single(r[column])) for r in rows if r[column] != ""]
    read = [(e.step, e.value) for e in run.Scalars(tags[column])] if wanted else []
    assert read == wanted, (column, read, wanted)
    numbers += len(read)
assert numbers > 100, numbers
start = plugin_data_pb2.HParamsPluginData.FromString(run.PluginTagToContent("hparams")["_hparams_/session_start_info"])
hparams = start.session_start_info.hparams
assert hparams["batch_size"].number_value == 16 and hparams["hidden"].string_value == "8,8" and not hparams["sync"].bool_value
assert b'    env: "Pendulum-v1"' in run.Tensors("config/text_summary")[0].tensor_proto.string_val[0]
print(numbers, "numbers")
PYTHON
  expect_status 'every number of every row, once' 0 "$venv/bin/python" "$tmp/read.py" "$run"
else
  skip "tensorboard: EventAccumulator, because build/tensorboard-venv is not there (CHECK_FULL=1 makes it)"
fi
finish
