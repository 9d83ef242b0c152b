#include "actor/fmi/expression.h"

#include "actor/fmi/library.h"
#include "common/base/memory.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 200 };

struct expression {
  struct muparser_functions f;
  void *library, *parser;
  const double *variable; // the value, where there is no parser
  double *(*find)(const char *name, void *who);
  void *who;
  char unknown[NAME_SIZE]; // the first name that find does not know
  double nothing;          // stands for such a name
};

static enum status load(struct expression *expression, struct error *error) {
  struct muparser_functions *f = &expression->f;
  const struct library_function functions[] = {{"mupCreate", &f->create, false},
                                               {"mupRelease", &f->release, false},
                                               {"mupSetExpr", &f->set_expression, false},
                                               {"mupSetVarFactory", &f->set_factory, false},
                                               {"mupEval", &f->eval, false},
                                               {"mupDefineNameChars", &f->name_characters, false},
                                               {"mupError", &f->error, false},
                                               {"mupGetErrorMsg", &f->error_message, false},
                                               {"mupSetErrorHandler", &f->set_error_handler, false}};
  expression->library = library_open_system(MUPARSER_LIBRARY, functions, sizeof functions / sizeof *functions, error);
  if (!expression->library) return error_prefix(error, "an expression is more than a variable's name");
  expression->parser = f->create(MUPARSER_DOUBLE);
  return expression->parser ? STATUS_OK : error_set(error, STATUS_MEMORY, "not enough memory for an expression");
}

static double *find_variable(const char *name, void *who) {
  struct expression *expression = who;
  double *found = expression->find(name, expression->who);
  if (found) return found;
  if (!*expression->unknown) snprintf(expression->unknown, sizeof expression->unknown, "%s", name);
  return &expression->nothing;
}

// Without a handler muParser prints an error. It is asked for below.
static void ignore_error(void *parser) { (void)parser; }

static enum status compile(struct expression *expression, const char *text, struct error *error) {
  const struct muparser_functions *f = &expression->f;
  f->set_error_handler(expression->parser, ignore_error);
  f->name_characters(expression->parser, "0123456789_.[]abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
  f->set_factory(expression->parser, find_variable, expression);
  f->set_expression(expression->parser, text);
  f->eval(expression->parser); // finds the names
  if (*expression->unknown)
    return error_set(error, STATUS_USAGE, "no variable is called \"%s\" in \"%.200s\"", expression->unknown, text);
  if (!f->error(expression->parser)) return STATUS_OK;
  const char *reason = f->error_message(expression->parser);
  return error_set(error, STATUS_USAGE, "\"%.200s\" is no valid expression: %s", text, reason ? reason : "");
}

struct expression *expression_create(const char *text, double *(*find)(const char *name, void *who), void *who,
                                     struct error *error) {
  struct expression *expression = memory_alloc(1, sizeof *expression, "an expression", error);
  if (!expression) return NULL;
  expression->find = find;
  expression->who = who;
  expression->variable = find(text, who);
  if (expression->variable) return expression;
  if (load(expression, error) == STATUS_OK && compile(expression, text, error) == STATUS_OK) return expression;
  expression_destroy(expression);
  return NULL;
}

void expression_destroy(struct expression *expression) {
  if (!expression) return;
  if (expression->parser) expression->f.release(expression->parser);
  if (expression->library) dlclose(expression->library);
  memory_free(expression);
}

double expression_value(const struct expression *expression) {
  if (expression->variable) return *expression->variable;
  const double value = expression->f.eval(expression->parser);
  return expression->f.error(expression->parser) ? NAN : value;
}
