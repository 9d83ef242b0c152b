// Reads an XML file with Expat, which is opened at run time.
#ifndef CORSAC_ACTOR_FMI_EXPAT_H
#define CORSAC_ACTOR_FMI_EXPAT_H

#include "common/base/status.h"

// What Expat exports, as far as it is used. parser is XML_Parser.
struct expat_functions {
  void *(*create)(const char *encoding);
  void (*free)(void *parser);
  void (*set_user_data)(void *parser, void *data);
  void (*set_elements)(void *parser, void (*begin)(void *data, const char *element, const char **attributes),
                       void (*end)(void *data, const char *element));
  void (*set_doctype)(void *parser, void (*begin)(void *data, const char *name, const char *system_id,
                                                  const char *public_id, int has_internal_subset));
  int (*parse)(void *parser, const char *text, int length, int is_final);
  int (*stop)(void *parser, unsigned char resumable);
  int (*error_code)(void *parser);
  const char *(*error_string)(int code);
  unsigned long (*line)(void *parser);
};
#define EXPAT_LIBRARY "libexpat.so.1"

struct xml;

// Reads DIRECTORY/modelDescription.xml of the FMU `name`. begin and end are called for each element. *xml is valid
// while it reads, for xml_fail. STATUS_FORMAT: it is missing or broken; the message has the line. A file with a
// document type is refused, since that can define entities without end.
enum status xml_read(struct xml **xml, const char *name, const char *directory,
                     void (*begin)(void *data, const char *element, const char **attributes),
                     void (*end)(void *data, const char *element), void *data, struct error *error);

// Ends the reading with this error, which gets the line.
void xml_fail(struct xml *xml, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

// The value of an attribute, or NULL. attributes: name, value, ..., NULL.
const char *xml_attribute(const char **attributes, const char *name);

#endif
