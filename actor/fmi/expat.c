#include "actor/fmi/expat.h"

#include "actor/fmi/library.h"
#include "common/base/file.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char FILE_NAME[] = "modelDescription.xml";
enum { CHUNK = 1 << 15 };

struct xml {
  struct expat_functions f;
  void *library, *parser, *data;
  void (*begin)(void *data, const char *element, const char **attributes);
  void (*end)(void *data, const char *element);
  const char *name;
  struct error own;
};

static enum status load(struct xml *xml) {
  struct expat_functions *f = &xml->f;
  const struct library_function functions[] = {{"XML_ParserCreate", &f->create, false},
                                               {"XML_ParserFree", &f->free, false},
                                               {"XML_SetUserData", &f->set_user_data, false},
                                               {"XML_SetElementHandler", &f->set_elements, false},
                                               {"XML_SetStartDoctypeDeclHandler", &f->set_doctype, false},
                                               {"XML_Parse", &f->parse, false},
                                               {"XML_StopParser", &f->stop, false},
                                               {"XML_GetErrorCode", &f->error_code, false},
                                               {"XML_ErrorString", &f->error_string, false},
                                               {"XML_GetCurrentLineNumber", &f->line, false}};
  xml->library = library_open_system(EXPAT_LIBRARY, functions, sizeof functions / sizeof *functions, &xml->own);
  return xml->own.status;
}

void xml_fail(struct xml *xml, enum status status, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  error_set(&xml->own, status, "%s: %s:%lu: %s", xml->name, FILE_NAME, xml->f.line(xml->parser), text);
  xml->f.stop(xml->parser, 0);
}

// After a failure Expat may still report the end of an empty element.
static void on_begin(void *data, const char *element, const char **attributes) {
  struct xml *xml = data;
  if (xml->own.status == STATUS_OK) xml->begin(xml->data, element, attributes);
}
static void on_end(void *data, const char *element) {
  struct xml *xml = data;
  if (xml->own.status == STATUS_OK) xml->end(xml->data, element);
}
static void on_doctype(void *data, const char *name, const char *system_id, const char *public_id, int internal) {
  (void)name, (void)system_id, (void)public_id, (void)internal;
  xml_fail(data, STATUS_FORMAT, "a document type, which FMI does not use, is refused");
}

static enum status parse(struct xml *xml, FILE *file) {
  char chunk[CHUNK];
  for (int is_final = 0; !is_final;) {
    const size_t size = fread(chunk, 1, sizeof chunk, file);
    if (ferror(file)) return error_set(&xml->own, STATUS_IO, "%s: %s: %s", xml->name, FILE_NAME, strerror(errno));
    is_final = size < sizeof chunk;
    if (xml->f.parse(xml->parser, chunk, (int)size, is_final)) continue;
    const char *reason = xml->f.error_string(xml->f.error_code(xml->parser));
    return error_set(&xml->own, STATUS_FORMAT, "%s: %s:%lu: it is broken XML: %s", xml->name, FILE_NAME,
                     xml->f.line(xml->parser), reason ? reason : "no reason is known");
  }
  return xml->own.status;
}

static enum status open_and_parse(struct xml *xml, const char *directory) {
  char path[FILE_PATH];
  enum status status = file_join(path, directory, FILE_NAME, &xml->own);
  if (status != STATUS_OK) return status;
  if (!file_allows(path, 0) && errno == ENOENT)
    return error_set(&xml->own, STATUS_FORMAT, "%s: it has no %s, so it is no FMU", xml->name, FILE_NAME);
  FILE *file = file_read_plain(path, &xml->own);
  if (!file) return xml->own.status;
  status = load(xml);
  if (status == STATUS_OK) {
    xml->parser = xml->f.create(NULL);
    if (!xml->parser) status = error_set(&xml->own, STATUS_MEMORY, "%s: not enough memory to read it", xml->name);
  }
  if (status == STATUS_OK) {
    xml->f.set_user_data(xml->parser, xml);
    xml->f.set_elements(xml->parser, on_begin, on_end);
    xml->f.set_doctype(xml->parser, on_doctype);
    status = parse(xml, file);
  }
  fclose(file);
  return status;
}

enum status xml_read(struct xml **out, const char *name, const char *directory,
                     void (*begin)(void *data, const char *element, const char **attributes),
                     void (*end)(void *data, const char *element), void *data, struct error *error) {
  struct xml xml = {.name = name, .begin = begin, .end = end, .data = data};
  *out = &xml;
  const enum status status = open_and_parse(&xml, directory);
  *out = NULL;
  if (xml.parser) xml.f.free(xml.parser);
  if (xml.library) dlclose(xml.library);
  return status == STATUS_OK ? STATUS_OK : error_set(error, xml.own.status, "%s", xml.own.text);
}

const char *xml_attribute(const char **attributes, const char *name) {
  for (; *attributes; attributes += 2)
    if (strcmp(attributes[0], name) == 0) return attributes[1];
  return NULL;
}
