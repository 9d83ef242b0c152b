// A number that follows from variables: one of them, or an expression that muParser reads.
#ifndef CORSAC_ACTOR_FMI_EXPRESSION_H
#define CORSAC_ACTOR_FMI_EXPRESSION_H

#include "common/base/status.h"

// What muParser's C interface exports, as far as it is used. parser is muParserHandle_t.
struct muparser_functions {
  void *(*create)(int type); // MUPARSER_DOUBLE
  void (*release)(void *parser);
  void (*set_expression)(void *parser, const char *text);
  void (*set_factory)(void *parser, double *(*find)(const char *name, void *who), void *who);
  double (*eval)(void *parser);
  void (*name_characters)(void *parser, const char *characters);
  int (*error)(void *parser); // whether there was one; clears it
  const char *(*error_message)(void *parser);
  void (*set_error_handler)(void *parser, void (*handler)(void *parser));
};
#define MUPARSER_LIBRARY "libmuparser.so.2"
enum { MUPARSER_DOUBLE = 0 };

struct expression;

// find returns where the variable's value will stand, or NULL. Letters, digits and _.[] make a name. muParser is opened
// only where the text is more than a name. NULL: STATUS_USAGE, with the reason.
struct expression *expression_create(const char *text, double *(*find)(const char *name, void *who), void *who,
                                     struct error *error);
void expression_destroy(struct expression *expression);

// The value now; NAN where it has none.
double expression_value(const struct expression *expression);

#endif
