#!/usr/bin/env bash
# corsac eval --record: films, read back by ffprobe and frame by frame by ffmpeg.
. "$(dirname "$0")/lib.sh"

train 'a run' $small --run-dir "$tmp/run"
bad 'neither mp4 nor gif' 2 '--record .*: the name must end in .mp4 or .gif' "$CORSAC" eval "$tmp/run" --record "$tmp/film.avi"
bad 'no such directory' 1 'no file can be made in .*nowhere/' "$CORSAC" eval "$tmp/run" --record "$tmp/nowhere/a.mp4"
mkdir "$tmp/bin"
bad 'no ffmpeg' 1 'there is no ffmpeg in PATH, .*install-deps.sh record' env PATH="$tmp/bin" "$CORSAC" eval "$tmp/run" --record "$tmp/film.mp4"
printf '#!/bin/sh\necho "no such codec" >&2\nexit 1\n' >"$tmp/bin/ffmpeg" && chmod +x "$tmp/bin/ffmpeg"
bad 'an ffmpeg that fails' 1 "film.mp4: ffmpeg .*: no such codec" env PATH="$tmp/bin:$PATH" "$CORSAC" eval "$tmp/run" --record "$tmp/film.mp4"
check 'leaves no film' [ -z "$(ls "$tmp" | grep film)" ]
if ! command -v ffmpeg >/dev/null || ! command -v ffprobe >/dev/null; then
  skip 'films, because there is no ffmpeg here (install-deps.sh full)'
  finish
fi

# probe FILE: codec, width, height, frames
probe() { ffprobe -v error -count_frames -select_streams v:0 -show_entries stream=codec_name,width,height,nb_read_frames -of csv=p=0 "$1"; }
expect_status 'mp4' 0 "$CORSAC" eval "$tmp/run" --record "$tmp/film.mp4" --trace "$tmp/trace.csv" --json
check 'of one episode' json_is "$out" episodes 1
check 'a picture of the reset and of each step' [ "$(probe "$tmp/film.mp4")" = h264,400,400,201 ]
expect_status 'gif' 0 "$CORSAC" eval "$tmp/run" --record "$tmp/film.gif" --episodes 2
check 'of two episodes' [ "$(probe "$tmp/film.gif")" = gif,400,400,402 ]
check 'and nothing else is left' [ -z "$(ls "$tmp" | grep partial)" ]
if [ -n "$PYTHON" ]; then
  ffmpeg -v error -i "$tmp/film.mp4" -f rawvideo -pix_fmt rgb24 "$tmp/frames" </dev/null
  check 'the rod is where the observation says' $PYTHON - "$tmp" <<'END'
import csv, sys, numpy as np
frames = np.fromfile(f"{sys.argv[1]}/frames", np.uint8).reshape(-1, 400, 400, 3).astype(int)
with open(f"{sys.argv[1]}/trace.csv") as f:
    rows = list(csv.DictReader(f))
for i in range(0, 200, 7):
    red = (frames[i][..., 0] > 150) & (frames[i][..., 1] < 120)
    y, x = (axis.mean() for axis in np.nonzero(red))
    angle = np.arctan2(200 - x, 188 - y)  # from upright, to the left
    wanted = np.arctan2(float(rows[i]["obs_1"]), float(rows[i]["obs_0"]))
    assert abs((angle - wanted + np.pi) % (2 * np.pi) - np.pi) < 0.06, (i, angle, wanted)
END
fi
train 'a car' $small --env MountainCarContinuous-v0 --eval-every 0 --run-dir "$tmp/car"
expect_status 'is filmed' 0 "$CORSAC" eval "$tmp/car" --record "$tmp/car.mp4"
check 'to the end of its episode' [ "$(probe "$tmp/car.mp4")" = h264,600,440,1000 ]
train 'a plugin' $small --env "$plugins/linear.so" --eval-every 0 --run-dir "$tmp/plugin"
bad 'has no pictures' 2 '--record: .*linear.so has no pictures: Pendulum-v1' "$CORSAC" eval "$tmp/plugin" --record "$tmp/plugin.mp4"

# --- what Gymnasium draws -------------------------------------------------------------------------
export XDG_DATA_HOME=$root/${BUILD_DIR%/*}/data PYTHONPATH=$root/tests/support/python PYTHONDONTWRITEBYTECODE=1
unset GYM_DIR
wanted=
[ "$CHECK_FULL" = 1 ] && wanted='mujoco pygame'
if ! timeout 300 env PYTHON=python3 launch/install-gym.sh $wanted >"$tmp/install" 2>&1; then
  skip "films of gym:, because a virtual environment with Gymnasium cannot be made here: $(tail -n 1 "$tmp/install")"
  finish
fi
mkdir "$tmp/t" && export TMPDIR=$tmp/t
gym="$small --eval-every 0 --env-steps 80"
train 'gym:' $gym --env gym:corsac_test_envs:test/Film-v0 --run-dir "$tmp/gym"
expect_status 'is filmed' 0 "$CORSAC" eval "$tmp/gym" --record "$tmp/gym.mp4" --episodes 2
check 'with even sides, at its rate' [ "$(probe "$tmp/gym.mp4") $(ffprobe -v error -show_entries stream=r_frame_rate -of csv=p=0 "$tmp/gym.mp4")" = 'h264,32,22,22 12/1' ]
expect_status 'as gif too' 0 "$CORSAC" eval "$tmp/gym" --record "$tmp/gym.gif"
check 'as it is' [ "$(probe "$tmp/gym.gif")" = gif,31,21,11 ]
ffmpeg -v error -y -i "$tmp/gym.gif" -vsync 0 -f rawvideo -pix_fmt rgb24 "$tmp/frames" </dev/null
check 'frame by frame' [ "$(for i in 0 4 10; do od -An -tu1 -j$((i * 31 * 21 * 3)) -N3 "$tmp/frames"; done | tr -s ' \n' ' ')" = ' 0 100 200 40 100 200 100 100 200 ' ]
bad 'a film that tears' 1 'failed while it was recorded: .*the film has torn' "$CORSAC" eval "$tmp/gym" --env gym:corsac_test_envs:test/TornFilm-v0 \
  --record "$tmp/torn.mp4"
bad 'one without pictures' 1 'render_mode' "$CORSAC" eval "$tmp/gym" --env gym:corsac_test_envs:test/Box-v0 --record "$tmp/box.mp4"
check 'leave nothing behind' [ -z "$(ls -d "$tmp"/*partial "$tmp/t"/* 2>/dev/null)" ]
if [ "$CHECK_FULL" = 1 ]; then
  train 'a task of MuJoCo' $gym --env gym:Hopper-v5 --run-dir "$tmp/hopper"
  expect_status 'is filmed' 0 "$CORSAC" eval "$tmp/hopper" --env Hopper-v5 --record "$tmp/hopper.mp4"
  check 'says whose environment it is' grep -q "Gymnasium's own environment, gym:Hopper-v5" "$err"
  check 'in 480 x 480' [ "$(probe "$tmp/hopper.mp4" | cut -d, -f1-3)" = h264,480,480 ]
  expect_status "Gymnasium's pendulum" 0 "$CORSAC" eval "$tmp/run" --env gym:Pendulum-v1 --record "$tmp/pendulum.mp4"
  check 'with its own pictures' [ "$(probe "$tmp/pendulum.mp4")" = h264,500,500,201 ]
fi
finish
