#include "launch/policy/recording.h"

#include "actor/envs/mujoco.h"
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/streams.h"
#include "common/config/environment_form.h"
#include "launch/policy/output_file.h"
#include "learner/storage/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char VARIABLE[] = "CORSAC_FRAMES"; // corsac_gym.py finds the pipe there
static const double SILENT_SECONDS = 30;        // then a line says that ffmpeg is waited for
static const double ENCODING_SECONDS = 600;     // how long ffmpeg may take after the last picture

// Finds ffmpeg in PATH.
static bool find_ffmpeg(char *program, size_t size) {
  const char *at = getenv("PATH");
  while (at && *at) {
    const size_t length = strcspn(at, ":");
    const int needed = snprintf(program, size, "%.*s/ffmpeg", (int)length, at);
    if (length > 0 && (size_t)needed < size && access(program, X_OK) == 0) return true;
    at += length + (at[length] == ':');
  }
  return false;
}

enum status recording_check(const char *path, struct error *error) {
  char program[FILE_PATH];
  const enum status status = output_file_check("--record", path, (const char *const[]){".mp4", ".gif"}, error);
  if (status != STATUS_OK || find_ffmpeg(program, sizeof program)) return status;
  return error_set(error, STATUS_IO,
                   "--record %s: there is no ffmpeg in PATH, which makes the film: launch/install-deps.sh record, or "
                   "the package ffmpeg of this system",
                   path);
}

// Chooses who draws the pictures, and the environment where Gymnasium does.
static enum status choose(struct recording *recording, struct config *config, struct error *error) {
  recording->drawing = drawing_find(config->env);
  if (recording->drawing || environment_form_of(config->env) == ENVIRONMENT_GYM) return STATUS_OK;
  if (!mujoco_task_find(config->env))
    return error_set(error, STATUS_USAGE,
                     "--record: %s has no pictures: Pendulum-v1, MountainCarContinuous-v0, the MuJoCo tasks and gym: "
                     "environments have",
                     config->env);
  char env[CONFIG_TEXT];
  snprintf(env, sizeof env, "gym:%.1000s", config->env);
  memcpy(config->env, env, sizeof env);
  fprintf(streams_error(), "corsac: recorded in Gymnasium's own environment, %s, whose episodes begin elsewhere\n",
          env);
  return STATUS_OK;
}

static enum status open_canvas(struct recording *recording, struct error *error) {
  struct canvas *canvas = &recording->canvas;
  *canvas = (struct canvas){recording->drawing->width, recording->drawing->height, NULL};
  canvas->rgb = memory_alloc((size_t)canvas->width * canvas->height, 3, "a picture", error);
  return canvas->rgb ? STATUS_OK : STATUS_MEMORY;
}

// Makes a named pipe for the environment's child process, and opens it first, so that the child need not wait.
static enum status open_pipe(struct recording *recording, struct error *error) {
  const char *tmp = getenv("TMPDIR");
  snprintf(recording->directory, sizeof recording->directory, "%.900s/corsac-record-XXXXXX",
           tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(recording->directory)) {
    recording->directory[0] = 0;
    return error_set(error, STATUS_IO, "--record: no directory can be made in $TMPDIR or /tmp: %s", strerror(errno));
  }
  snprintf(recording->pipe, sizeof recording->pipe, "%s/frames", recording->directory);
  if (mkfifo(recording->pipe, 0600) != 0 || setenv(VARIABLE, recording->pipe, 1) != 0 ||
      (recording->frames = open(recording->pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
    return error_set(error, STATUS_IO, "--record: %s: no pipe can be made: %s", recording->pipe, strerror(errno));
  return STATUS_OK;
}

enum status recording_open(struct recording *recording, const char *path, struct config *config, struct error *error) {
  *recording = (struct recording){.path = path, .frames = -1, .words = -1, .patience = config->env_timeout};
  const enum status good = atomic_file_check(path, error);
  if (good != STATUS_OK) return good;
  const int length = snprintf(recording->temporary, sizeof recording->temporary, "%s%s.partial",
                              path[0] == '-' ? "./" : "", path); // "./": or ffmpeg takes the name for an option
  if (length < 0 || (size_t)length >= sizeof recording->temporary)
    return error_set(error, STATUS_USAGE, "--record: the path is too long");
  enum status status = recording_check(path, error);
  if (status == STATUS_OK) status = choose(recording, config, error);
  if (status != STATUS_OK) return status;
  find_ffmpeg(recording->program, sizeof recording->program);
  return recording->drawing ? open_canvas(recording, error) : open_pipe(recording, error);
}

static void remove_pipe(struct recording *recording) {
  if (!recording->directory[0]) return;
  unlink(recording->pipe);
  rmdir(recording->directory);
  recording->directory[0] = 0;
}

// Reads the first line before the child's pictures: the frames per second.
static enum status read_rate(struct recording *recording, int *rate, struct error *error) {
  char text[16] = "";
  size_t length = 0;
  for (const double end = clock_now() + recording->patience; length + 1 < sizeof text;) {
    struct pollfd ready = {.fd = recording->frames, .events = POLLIN};
    const double left = end - clock_now();
    if (left <= 0) break;
    if (poll(&ready, 1, left > 1 ? 1000 : (int)(left * 1000) + 1) <= 0) continue;
    const ssize_t count = read(recording->frames, text + length, 1); // not further: ffmpeg reads the rest
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0 || text[length] == '\n') break;
    length++;
  }
  text[length] = 0;
  *rate = atoi(text);
  if (*rate >= 1 && *rate <= 1000) return STATUS_OK;
  return error_set(error, STATUS_FAILED, "--record: the environment gives no pictures (%s)",
                   length ? text : "its process said nothing of them");
}

// Starts ffmpeg, which reads its pictures from `input`.
static enum status start_ffmpeg(struct recording *recording, int input, int rate, struct error *error) {
  char frames_per_second[16];
  snprintf(frames_per_second, sizeof frames_per_second, "%d", rate);
  const bool gif = output_file_is(recording->path, ".gif");
  // A GIF gets a palette made of the film's own colours. An MP4 gets what every player takes, and even sides.
  const char *argv[] = {recording->program,
                        "-y",
                        "-loglevel",
                        "error",
                        "-f",
                        "image2pipe",
                        "-c:v",
                        "ppm",
                        "-framerate",
                        frames_per_second,
                        "-i",
                        "-",
                        "-vf",
                        gif ? "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"
                            : "pad=ceil(iw/2)*2:ceil(ih/2)*2",
                        "-f",
                        gif ? "gif" : "mp4",
                        "-c:v",
                        gif ? "gif" : "libx264",
                        "-pix_fmt",
                        gif ? "pal8" : "yuv420p",
                        recording->temporary,
                        NULL};
  recording->words = memfd_create("corsac-ffmpeg", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  int failed = recording->words < 0 ? errno : posix_spawn_file_actions_init(&actions);
  if (failed) return error_set(error, STATUS_IO, "--record: ffmpeg cannot be started: %s", strerror(failed));
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_adddup2(&actions, input, 0);
  posix_spawn_file_actions_adddup2(&actions, recording->words, 1);
  posix_spawn_file_actions_adddup2(&actions, recording->words, 2);
  failed = posix_spawn(&recording->ffmpeg, recording->program, &actions, &attributes, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed) recording->ffmpeg = 0;
  return failed
             ? error_set(error, STATUS_IO, "--record: %s cannot be started: %s", recording->program, strerror(failed))
             : STATUS_OK;
}

static enum status begin_drawn(struct recording *recording, struct error *error) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return error_set(error, STATUS_IO, "--record: no pipe can be made: %s", strerror(errno));
  const enum status status = start_ffmpeg(recording, ends[0], recording->drawing->frames_per_second, error);
  close(ends[0]);
  recording->frames = ends[1];
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  signal(SIGPIPE, SIG_IGN); // write fails instead where ffmpeg has ended
  return status;
}

enum status recording_begin(struct recording *recording, struct error *error) {
  if (recording->drawing) return begin_drawn(recording, error);
  int rate;
  enum status status = read_rate(recording, &rate, error);
  if (status != STATUS_OK) return status;
  fcntl(recording->frames, F_SETFL, 0); // so that ffmpeg waits for the next picture
  status = start_ffmpeg(recording, recording->frames, rate, error);
  close(recording->frames); // only ffmpeg reads it then, and the child notices where ffmpeg has gone
  recording->frames = -1;
  remove_pipe(recording); // both sides have opened it
  return status;
}

// Copies the last line that ffmpeg printed.
static void last_line(const struct recording *recording, char *text, size_t size) {
  const off_t end = lseek(recording->words, 0, SEEK_END), from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
  const ssize_t count = pread(recording->words, text, size - 1, from);
  text[count > 0 ? count : 0] = 0;
  for (char *newline = strrchr(text, '\n'); newline && !newline[1]; newline = strrchr(text, '\n')) *newline = 0;
  const char *line = strrchr(text, '\n');
  if (line) memmove(text, line + 1, strlen(line));
  if (!*text) snprintf(text, size, "it said nothing");
}

static enum status fail(const struct recording *recording, const char *what, struct error *error) {
  char text[400];
  last_line(recording, text, sizeof text);
  return error_set(error, STATUS_FAILED, "--record %s: ffmpeg %s: %s", recording->path, what, text);
}

static enum status put(struct recording *recording, const void *data, size_t size, struct error *error) {
  const double end = clock_now() + recording->patience;
  for (size_t done = 0; done < size;) {
    const ssize_t count = write(recording->frames, (const char *)data + done, size - done);
    if (count > 0) done += (size_t)count;
    if (count > 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return fail(recording, "takes no more pictures", error);
    if (clock_now() > end) return fail(recording, "does not take the pictures", error);
    poll(&(struct pollfd){.fd = recording->frames, .events = POLLOUT}, 1, 100);
  }
  return STATUS_OK;
}

static enum status put_frame(struct recording *recording, const float *obs, float action, struct error *error) {
  const struct canvas *canvas = &recording->canvas;
  char head[48];
  const int length = snprintf(head, sizeof head, "P6\n%u %u\n255\n", canvas->width, canvas->height);
  recording->drawing->draw(&recording->canvas, obs, action);
  const enum status status = put(recording, head, (size_t)length, error);
  return status == STATUS_OK ? put(recording, canvas->rgb, (size_t)canvas->width * canvas->height * 3, error) : status;
}

enum status recording_add(struct recording *recording, const struct evaluator_transition *made, struct error *error) {
  if (!recording->drawing) return STATUS_OK;
  enum status status = STATUS_OK;
  if (made->step == 0) status = put_frame(recording, made->obs, 0, error);
  return status == STATUS_OK ? put_frame(recording, made->next_obs, made->action[0], error) : status;
}

enum status recording_end(struct recording *recording, struct error *error) {
  int code = 0;
  pid_t ended = 0;
  if (recording->frames >= 0) close(recording->frames);
  recording->frames = -1;
  const double began = clock_now();
  for (bool said = false; ended == 0 && clock_now() < began + ENCODING_SECONDS;) {
    if (!said && clock_now() > began + SILENT_SECONDS) {
      said = true;
      fprintf(streams_error(), "corsac: waiting for ffmpeg to end the film\n");
    }
    ended = waitpid(recording->ffmpeg, &code, WNOHANG);
    if (ended == 0) poll(NULL, 0, 10);
  }
  if (ended == 0) return fail(recording, "does not end", error);
  recording->ffmpeg = 0;
  if (ended < 0 || !WIFEXITED(code) || WEXITSTATUS(code) != 0) return fail(recording, "failed", error);
  if (rename(recording->temporary, recording->path) != 0)
    return error_set(error, STATUS_IO, "%s: cannot be made of %s: %s", recording->path, recording->temporary,
                     strerror(errno));
  return STATUS_OK;
}

void recording_close(struct recording *recording) {
  if (recording->frames >= 0) close(recording->frames);
  if (recording->words >= 0) close(recording->words);
  if (recording->ffmpeg > 0) {
    kill(recording->ffmpeg, SIGKILL);
    while (waitpid(recording->ffmpeg, NULL, 0) < 0 && errno == EINTR) continue;
  }
  if (recording->temporary[0]) unlink(recording->temporary);
  if (recording->pipe[0]) unsetenv(VARIABLE);
  remove_pipe(recording);
  memory_free(recording->canvas.rgb);
}
