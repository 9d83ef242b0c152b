#include "common/config/environment_form.h"

#include <string.h>

enum environment_form environment_form_of(const char *env) {
  static const struct {
    const char *begin;
    enum environment_form form;
  } forms[] = {{"exec:", ENVIRONMENT_EXEC},
               {"gym:", ENVIRONMENT_GYM},
               {"pettingzoo:", ENVIRONMENT_PETTINGZOO},
               {"fmi:", ENVIRONMENT_FMI}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (strncmp(env, forms[i].begin, strlen(forms[i].begin)) == 0) return forms[i].form;
  const size_t name = strcspn(env, ":");
  const bool path = memchr(env, '/', name) || (name > 3 && strncmp(env + name - 3, ".so", 3) == 0);
  return path ? ENVIRONMENT_PLUGIN : ENVIRONMENT_BUILT_IN;
}

bool environment_form_is_python(enum environment_form form) {
  return form == ENVIRONMENT_GYM || form == ENVIRONMENT_PETTINGZOO;
}

bool environment_form_is_remote(enum environment_form form) {
  return form == ENVIRONMENT_EXEC || environment_form_is_python(form);
}
