#include "launch/cli/pager.h"

#include "launch/cli/signals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// -F: what fits on the screen needs no pager. -R: escape sequences pass. -X: the text stays on the screen.
static const char *const DEFAULT_PAGER = "if command -v less >/dev/null; then exec less -FRX; else exec cat; fi";

struct pager pager_begin(void) {
  struct pager pager = {.out = stdout};
  const char *terminal = getenv("TERM"), *wanted = getenv("PAGER");
  struct winsize size;
  if (!isatty(STDOUT_FILENO) || !terminal || strcmp(terminal, "dumb") == 0) return pager;

  pager.terminal = true;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) pager.columns = size.ws_col;
  signals_ignore_broken_pipes();
  FILE *pipe = popen(wanted && *wanted ? wanted : DEFAULT_PAGER, "w");
  if (pipe) pager.out = pipe;
  return pager;
}

void pager_end(struct pager *pager) {
  if (pager->out != stdout) pclose(pager->out);
  pager->out = NULL;
}
