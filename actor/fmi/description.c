#include "actor/fmi/description.h"

#include "actor/fmi/expat.h"
#include "common/base/memory.h"
#include "common/base/suggest.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A type that variables may refer to for their bounds.
struct declared_type {
  char *name;
  double low, high;
};

struct reader {
  struct description *description;
  struct xml *xml;
  struct declared_type *types;
  size_t types_count, types_capacity, capacity;
  bool in_variables, in_types, has_root, has_co_simulation, has_model_exchange;
  struct fmi_variable *open; // the variable whose element is open
};

static const struct {
  const char *name;
  enum fmi_type type;
  unsigned char size;
} types[] = {
    {"Real", FMI_FLOAT64, 8},    {"Integer", FMI_INT32, 4}, {"Float64", FMI_FLOAT64, 8}, {"Float32", FMI_FLOAT32, 4},
    {"Int8", FMI_INT8, 1},       {"UInt8", FMI_UINT8, 1},   {"Int16", FMI_INT16, 2},     {"UInt16", FMI_UINT16, 2},
    {"Int32", FMI_INT32, 4},     {"UInt32", FMI_UINT32, 4}, {"Int64", FMI_INT64, 8},     {"UInt64", FMI_UINT64, 8},
    {"Boolean", FMI_BOOLEAN, 1}, {"String", FMI_STRING, 0}, {"Binary", FMI_OTHER, 0},    {"Clock", FMI_OTHER, 0}};
enum { TYPES = sizeof types / sizeof *types };

size_t fmi_type_size(enum fmi_type type, int version) {
  if (type == FMI_BOOLEAN) return version == 2 ? sizeof(int) : sizeof(bool);
  for (size_t i = 0; i < TYPES; i++)
    if (types[i].type == type) return types[i].size;
  return 0;
}

bool fmi_type_is_float(enum fmi_type type) { return type == FMI_FLOAT64 || type == FMI_FLOAT32; }

static double number(const char *text) {
  if (!text) return NAN;
  if (strcmp(text, "true") == 0) return 1;
  if (strcmp(text, "false") == 0) return 0;
  char *end;
  const double value = strtod(text, &end);
  return end == text ? NAN : value;
}

// Whether `name` is a type's element, with `suffix` behind the type ("Float64Type" in TypeDefinitions).
static bool type_of(const struct reader *reader, const char *name, const char *suffix, enum fmi_type *type) {
  for (size_t i = 0; i < TYPES; i++) {
    const size_t length = strlen(types[i].name);
    if (strncmp(name, types[i].name, length) != 0 || strcmp(name + length, suffix) != 0) continue;
    *type = types[i].type;
    return true;
  }
  *type = reader->description->version == 2 ? FMI_INT32 : FMI_INT64;
  return strncmp(name, "Enumeration", 11) == 0 && strcmp(name + 11, suffix) == 0;
}

// --- the elements ---

static char *copy(struct reader *reader, const char *text) {
  char *made = strdup(text ? text : "");
  if (!made) xml_fail(reader->xml, STATUS_MEMORY, "not enough memory for it");
  return made;
}

static void read_root(struct reader *reader, const char *element, const char **attributes) {
  struct description *description = reader->description;
  const char *version = xml_attribute(attributes, "fmiVersion");
  reader->has_root = true;
  if (strcmp(element, "fmiModelDescription") != 0) {
    xml_fail(reader->xml, STATUS_FORMAT, "it begins with <%.40s>, not with <fmiModelDescription>", element);
    return;
  }
  description->version = version && version[0] == '2' ? 2 : version && version[0] == '3' ? 3 : 0;
  if (description->version == 0 || version[1] != '.') {
    xml_fail(reader->xml, STATUS_MISMATCH, "it is of FMI version %.20s; 2.0 and 3.0 can be used",
             version ? version : "\"\"");
    return;
  }
  const char *token = xml_attribute(attributes, description->version == 2 ? "guid" : "instantiationToken");
  description->token = copy(reader, token);
  description->model_name = copy(reader, xml_attribute(attributes, "modelName"));
}

static bool is_true(const char *text) { return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0); }

static void read_co_simulation(struct reader *reader, const char **attributes) {
  struct description *description = reader->description;
  const bool two = description->version == 2;
  const char *identifier = xml_attribute(attributes, "modelIdentifier");
  if (reader->has_co_simulation) return;
  if (!identifier || !*identifier || strchr(identifier, '/')) {
    xml_fail(reader->xml, STATUS_FORMAT, "<CoSimulation> has no valid modelIdentifier");
    return;
  }
  reader->has_co_simulation = true;
  description->identifier = copy(reader, identifier);
  description->needs_tool = is_true(xml_attribute(attributes, "needsExecutionTool"));
  description->one_per_process = is_true(xml_attribute(attributes, "canBeInstantiatedOnlyOncePerProcess"));
  description->can_save = is_true(xml_attribute(attributes, two ? "canGetAndSetFMUstate" : "canGetAndSetFMUState")) &&
                          is_true(xml_attribute(attributes, two ? "canSerializeFMUstate" : "canSerializeFMUState"));
}

static void read_experiment(struct reader *reader, const char **attributes) {
  struct description *description = reader->description;
  description->start_time = number(xml_attribute(attributes, "startTime"));
  description->stop_time = number(xml_attribute(attributes, "stopTime"));
  description->tolerance = number(xml_attribute(attributes, "tolerance"));
  description->step_size = number(xml_attribute(attributes, "stepSize"));
}

// Makes room for one more at the end of an array, and clears it.
static void *grow(struct reader *reader, void **array, size_t *count, size_t *capacity, size_t size) {
  if (*count == *capacity) {
    const size_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = realloc(*array, wanted * size);
    if (!larger) {
      xml_fail(reader->xml, STATUS_MEMORY, "not enough memory for it");
      return NULL;
    }
    *array = larger;
    *capacity = wanted;
  }
  void *last = (char *)*array + (*count)++ * size;
  memset(last, 0, size);
  return last;
}

// FMI 2: <SimpleType name><Real min max/>; FMI 3: <Float64Type name min max/>.
static void read_type(struct reader *reader, const char *element, const char **attributes) {
  enum fmi_type type;
  const bool two = reader->description->version == 2;
  if (two ? strcmp(element, "SimpleType") == 0 : type_of(reader, element, "Type", &type)) {
    void *array = reader->types;
    struct declared_type *made =
        grow(reader, &array, &reader->types_count, &reader->types_capacity, sizeof *reader->types);
    reader->types = array;
    if (!made) return;
    *made = (struct declared_type){copy(reader, xml_attribute(attributes, "name")), NAN, NAN};
  } else if (!two || reader->types_count == 0 || !type_of(reader, element, "", &type)) {
    return;
  }
  struct declared_type *last = &reader->types[reader->types_count - 1];
  last->low = number(xml_attribute(attributes, "min"));
  last->high = number(xml_attribute(attributes, "max"));
}

static enum fmi_causality causality_of(const char *text) {
  static const char *const names[] = {"local", "input", "output", "parameter", "independent"};
  for (int i = 0; text && i < 5; i++)
    if (strcmp(text, names[i]) == 0) return (enum fmi_causality)i;
  return text && strcmp(text, "structuralParameter") == 0 ? FMI_PARAMETER : FMI_LOCAL;
}

static void begin_variable(struct reader *reader, const char **attributes) {
  struct description *description = reader->description;
  const char *name = xml_attribute(attributes, "name"), *reference = xml_attribute(attributes, "valueReference");
  const char *variability = xml_attribute(attributes, "variability");
  if (!name || !reference) {
    xml_fail(reader->xml, STATUS_FORMAT, "a variable has no %s", name ? "valueReference" : "name");
    return;
  }
  void *array = description->variables;
  struct fmi_variable *made = grow(reader, &array, &description->count, &reader->capacity, sizeof *made);
  description->variables = array;
  if (!made) return;
  *made = (struct fmi_variable){.name = copy(reader, name),
                                .text = copy(reader, xml_attribute(attributes, "description")),
                                .reference = (uint32_t)strtoul(reference, NULL, 10),
                                .count = 1,
                                .type = FMI_OTHER,
                                .causality = causality_of(xml_attribute(attributes, "causality")),
                                .constant = variability && strcmp(variability, "constant") == 0,
                                .low = NAN,
                                .high = NAN,
                                .start = NAN};
  reader->open = made;
}

// The attributes that stand on the type's element: in FMI 2 inside of <ScalarVariable>, in FMI 3 the variable's own.
static void read_values(struct reader *reader, enum fmi_type type, const char **attributes) {
  struct fmi_variable *variable = reader->open;
  const char *declared = xml_attribute(attributes, "declaredType");
  variable->type = type;
  variable->low = number(xml_attribute(attributes, "min"));
  variable->high = number(xml_attribute(attributes, "max"));
  variable->start = number(xml_attribute(attributes, "start"));
  for (size_t i = 0; declared && i < reader->types_count; i++) {
    const struct declared_type *known = &reader->types[i];
    if (strcmp(known->name, declared) != 0) continue;
    if (isnan(variable->low)) variable->low = known->low;
    if (isnan(variable->high)) variable->high = known->high;
  }
}

// The start value of the structural parameter that gives a dimension; 0: it is not known by now.
static unsigned long size_of_parameter(const struct reader *reader, const char **attributes) {
  const char *reference = xml_attribute(attributes, "valueReference");
  const struct description *description = reader->description;
  for (size_t i = 0; reference && i < description->count; i++)
    if (description->variables[i].reference == strtoul(reference, NULL, 10) && description->variables[i].start >= 0)
      return description->variables[i].start < 65536 ? (unsigned long)description->variables[i].start : 0;
  return 0;
}

static void read_variable(struct reader *reader, const char *element, const char **attributes) {
  enum fmi_type type;
  if (reader->open && strcmp(element, "Dimension") == 0) {
    const char *size = xml_attribute(attributes, "start");
    const unsigned long count = size ? strtoul(size, NULL, 10) : size_of_parameter(reader, attributes);
    const uint64_t all = (uint64_t)reader->open->count * (count < 65536 ? count : 0);
    reader->open->count = all < 65536 ? (uint32_t)all : 0;
  } else if (reader->description->version == 2) {
    if (strcmp(element, "ScalarVariable") == 0)
      begin_variable(reader, attributes);
    else if (reader->open && type_of(reader, element, "", &type))
      read_values(reader, type, attributes);
  } else if (type_of(reader, element, "", &type)) {
    begin_variable(reader, attributes);
    if (reader->open) read_values(reader, type, attributes);
  }
}

static void begin(void *data, const char *element, const char **attributes) {
  struct reader *reader = data;
  if (!reader->has_root)
    read_root(reader, element, attributes);
  else if (reader->in_types)
    read_type(reader, element, attributes);
  else if (reader->in_variables)
    read_variable(reader, element, attributes);
  else if (strcmp(element, "TypeDefinitions") == 0)
    reader->in_types = true;
  else if (strcmp(element, "ModelVariables") == 0)
    reader->in_variables = true;
  else if (strcmp(element, "CoSimulation") == 0)
    read_co_simulation(reader, attributes);
  else if (strcmp(element, "ModelExchange") == 0)
    reader->has_model_exchange = true;
  else if (strcmp(element, "DefaultExperiment") == 0)
    read_experiment(reader, attributes);
}

static void end(void *data, const char *element) {
  struct reader *reader = data;
  enum fmi_type type;
  if (strcmp(element, "TypeDefinitions") == 0) reader->in_types = false;
  if (strcmp(element, "ModelVariables") == 0) reader->in_variables = false;
  if (reader->description->version == 2 ? strcmp(element, "ScalarVariable") == 0 : type_of(reader, element, "", &type))
    reader->open = NULL;
}

// --- the whole ---

enum status description_read(struct description *description, const char *name, const char *directory,
                             struct error *error) {
  struct reader reader = {.description = description};
  *description = (struct description){.start_time = NAN, .stop_time = NAN, .tolerance = NAN, .step_size = NAN};
  enum status status = xml_read(&reader.xml, name, directory, begin, end, &reader, error);
  for (size_t i = 0; i < reader.types_count; i++) free(reader.types[i].name);
  free(reader.types);
  if (status != STATUS_OK) return status;
  if (reader.has_co_simulation) return STATUS_OK;
  return error_set(error, STATUS_MISMATCH, "%s: it has no co-simulation%s; export it as FMI 2 or 3 co-simulation", name,
                   reader.has_model_exchange ? ", only model exchange, which comes without a solver" : "");
}

void description_release(struct description *description) {
  for (size_t i = 0; i < description->count; i++) {
    free(description->variables[i].name);
    free(description->variables[i].text);
  }
  free(description->variables);
  free(description->model_name);
  free(description->identifier);
  free(description->token);
  *description = (struct description){0};
}

const struct fmi_variable *description_find(const struct description *description, const char *name) {
  for (size_t i = 0; i < description->count; i++)
    if (strcmp(description->variables[i].name, name) == 0) return &description->variables[i];
  return NULL;
}

const char *description_suggest(const struct description *description, const char *name) {
  struct suggestion suggestion = {.word = name};
  for (size_t i = 0; i < description->count; i++) suggest_try(&suggestion, description->variables[i].name, 0);
  return suggestion.name;
}
