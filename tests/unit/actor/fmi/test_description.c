// modelDescription.xml: what is taken from it, and what is refused. tests/e2e/fmi.sh has whole FMUs.
#include "actor/fmi/description.h"
#include "actor/fmi/expat.h"
#include "tests/support/unit.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static enum status read_text(struct description *description, const char *text, struct error *error) {
  char *dir = unit_tmpdir();
  unit_write_file(unit_in(dir, "modelDescription.xml"), text, strlen(text));
  const enum status status = description_read(description, "a.fmu", dir, error);
  unit_tmpdir_remove(dir);
  return status;
}

static const char head2[] = "<fmiModelDescription fmiVersion='2.0' modelName='m' guid='g'>"
                            "<CoSimulation modelIdentifier='id' canGetAndSetFMUstate='true' canSerializeFMUstate='1'/>";
static const char head3[] =
    "<fmiModelDescription fmiVersion='3.0-beta' modelName='m' instantiationToken='g'>"
    "<CoSimulation modelIdentifier='id' canBeInstantiatedOnlyOncePerProcess='true' canGetAndSetFMUState='true'/>";

static void test_fmi2(void) {
  struct description d;
  struct error error = {0};
  char text[4096];
  snprintf(
      text, sizeof text,
      "%s<TypeDefinitions><SimpleType name='T'><Real min='-3' max='4'/></SimpleType><SimpleType name='E'><Enumeration "
      "min='1' max='3'><Item name='a' value='1'/></Enumeration></SimpleType></TypeDefinitions>"
      "<DefaultExperiment stopTime='5' stepSize='0.25'/><ModelVariables>"
      "<ScalarVariable name='a &lt; b' valueReference='4294967295' causality='input' description='d'>"
      "<Real declaredType='T' max='2' start='1.5'/></ScalarVariable>"
      "<ScalarVariable name='e' valueReference='1' causality='output'><Enumeration declaredType='E'/></ScalarVariable>"
      "<ScalarVariable name='b' valueReference='2'><Boolean start='true'/></ScalarVariable>"
      "<ScalarVariable name='s' valueReference='3' variability='constant'><String/></ScalarVariable>"
      "</ModelVariables></fmiModelDescription>",
      head2);
  UNIT_STATUS_FATAL(read_text(&d, text, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(d.version, 2);
  CU_ASSERT_STRING_EQUAL(d.identifier, "id");
  CU_ASSERT_STRING_EQUAL(d.token, "g");
  CU_ASSERT_TRUE(d.can_save);
  CU_ASSERT_FALSE(d.one_per_process);
  CU_ASSERT_EQUAL(d.step_size, 0.25);
  CU_ASSERT_EQUAL(d.stop_time, 5);
  CU_ASSERT_TRUE(isnan(d.start_time));
  CU_ASSERT_EQUAL_FATAL(d.count, 4);
  const struct fmi_variable *v = description_find(&d, "a < b");
  CU_ASSERT_PTR_EQUAL_FATAL(v, &d.variables[0]);
  CU_ASSERT_EQUAL(v->reference, UINT32_MAX);
  CU_ASSERT_EQUAL(v->causality, FMI_INPUT);
  CU_ASSERT_EQUAL(v->low, -3); // of its type
  CU_ASSERT_EQUAL(v->high, 2); // its own
  CU_ASSERT_EQUAL(v->start, 1.5);
  CU_ASSERT_STRING_EQUAL(v->text, "d");
  CU_ASSERT_EQUAL(d.variables[1].type, FMI_INT32);
  CU_ASSERT_EQUAL(d.variables[1].high, 3);
  CU_ASSERT_EQUAL(d.variables[2].type, FMI_BOOLEAN);
  CU_ASSERT_EQUAL(d.variables[2].start, 1);
  CU_ASSERT_EQUAL(d.variables[3].type, FMI_STRING);
  CU_ASSERT_TRUE(d.variables[3].constant);
  CU_ASSERT_STRING_EQUAL(description_suggest(&d, "a < c"), "a < b");
  description_release(&d);
}

static void test_fmi3(void) {
  struct description d;
  struct error error = {0};
  char text[4096];
  snprintf(
      text, sizeof text,
      "%s<TypeDefinitions><Float32Type name='T' min='0' max='8'/></TypeDefinitions><ModelVariables>"
      "<Float32 name='a' valueReference='1' causality='input' declaredType='T'><Dimension start='2'/><Dimension "
      "start='3'/></Float32><UInt8 name='u' valueReference='2'/><Float64 name='n' valueReference='3'><Dimension "
      "valueReference='2'/></Float64><Enumeration name='e' valueReference='4' declaredType='T'/><Clock name='c' "
      "valueReference='5'/><UInt64 name='size' causality='structuralParameter' valueReference='9' start='4'/><Float64 "
      "name='k' valueReference='6'><Dimension valueReference='9'/></Float64></ModelVariables></fmiModelDescription>",
      head3);
  UNIT_STATUS_FATAL(read_text(&d, text, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(d.version, 3);
  CU_ASSERT_TRUE(d.one_per_process);
  CU_ASSERT_FALSE(d.can_save); // it cannot be serialised
  CU_ASSERT_EQUAL_FATAL(d.count, 7);
  CU_ASSERT_EQUAL(d.variables[0].type, FMI_FLOAT32);
  CU_ASSERT_EQUAL(d.variables[0].count, 6);
  CU_ASSERT_EQUAL(d.variables[0].high, 8);
  CU_ASSERT_EQUAL(d.variables[1].type, FMI_UINT8);
  CU_ASSERT_EQUAL(d.variables[1].count, 1);
  CU_ASSERT_EQUAL(d.variables[2].count, 0); // its size follows from a variable that says none
  CU_ASSERT_EQUAL(d.variables[3].type, FMI_INT64);
  CU_ASSERT_EQUAL(d.variables[4].type, FMI_OTHER);
  CU_ASSERT_EQUAL(d.variables[6].count, 4);
  description_release(&d);
}

static void test_refused(void) {
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"", "a.fmu: modelDescription.xml:1: it is broken XML"},
      {"<a/>", "it begins with <a>"},
      {"<fmiModelDescription/>", "it is of FMI version \"\"; 2.0 and 3.0 can be used"},
      {"<fmiModelDescription fmiVersion='1.0'/>", "it is of FMI version 1.0"},
      {"<fmiModelDescription fmiVersion='20'/>", "it is of FMI version 20"},
      {"<fmiModelDescription fmiVersion='2.0'/>", "a.fmu: it has no co-simulation; export it"},
      {"<fmiModelDescription fmiVersion='2.0'><CoSimulation/></fmiModelDescription>", "no valid modelIdentifier"},
      {"<fmiModelDescription fmiVersion='2.0'><CoSimulation modelIdentifier='../x'/></fmiModelDescription>",
       "no valid modelIdentifier"},
      {"<fmiModelDescription fmiVersion='3.0'>\n<ModelVariables>\n<Int8 "
       "name='i'/></ModelVariables></fmiModelDescription>",
       "modelDescription.xml:3: a variable has no valueReference"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct description d;
    struct error error = {0};
    CU_ASSERT_NOT_EQUAL(read_text(&d, cases[i].text, &error), STATUS_OK);
    CU_ASSERT(error_says(&error, cases[i].why));
    description_release(&d);
  }
}

// A description that grows beyond one chunk of the reader, and beyond the first block of variables.
static void test_many(void) {
  enum { MANY = 5000, SIZE = MANY * 110 + 500 };
  static char text[SIZE];
  struct description d;
  struct error error = {0};
  size_t used = (size_t)snprintf(text, sizeof text, "%s<ModelVariables>", head2);
  for (int i = 0; i < MANY; i++)
    used += (size_t)snprintf(text + used, SIZE - used,
                             "<ScalarVariable name='v%d' valueReference='%d'><Real start='%d'/></ScalarVariable>\n", i,
                             i, i);
  snprintf(text + used, SIZE - used, "</ModelVariables></fmiModelDescription>");
  UNIT_STATUS_FATAL(read_text(&d, text, &error), STATUS_OK, &error);
  CU_ASSERT_EQUAL(d.count, MANY);
  CU_ASSERT_EQUAL(description_find(&d, "v4999")->start, 4999);
  CU_ASSERT_PTR_NULL(description_find(&d, "v5000"));
  description_release(&d);
}

static void test_absent(void) {
  struct description d;
  struct error error = {0};
  UNIT_STATUS(read_text(&d, head2, &error), STATUS_IO, &error);
  CU_ASSERT_TRUE(error_says(&error, EXPAT_LIBRARY));
}

int main(void) {
  static const struct unit_case absent[] = {{"without the library the message says what is missing", test_absent}};
  static const struct unit_case cases[] = {{"variables, types and abilities of FMI 2", test_fmi2},
                                           {"variables, arrays and abilities of FMI 3", test_fmi3},
                                           {"what is no description is refused with its line", test_refused},
                                           {"thousands of variables are read", test_many}};
  if (dlopen(EXPAT_LIBRARY, RTLD_NOW)) return unit_run("description", cases, sizeof cases / sizeof *cases);
  printf("skipped: descriptions of FMUs, because %s is not installed\n", EXPAT_LIBRARY);
  return unit_run("description", absent, sizeof absent / sizeof *absent);
}
