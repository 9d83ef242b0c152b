// Libraries that are opened at run time, and that their functions are what their headers say, where those are
// installed.
#include "actor/fmi/archive.h"
#include "actor/fmi/expat.h"
#include "actor/fmi/expression.h"
#include "actor/fmi/library.h"
#include "tests/support/unit.h"
#include <dlfcn.h>
#include <stdint.h>
#include <sys/types.h>

// Each pointer takes the header's function with no more than a change of an opaque pointer's type, so that arguments
// are as many and as wide.
#if __has_include(<expat.h>)
#include <expat.h>
_Static_assert(_Generic(&XML_ParserCreate, XML_Parser (*)(const XML_Char *) : 1, default : 0), "XML_ParserCreate");
_Static_assert(_Generic(&XML_Parse, enum XML_Status (*)(XML_Parser, const char *, int, int) : 1, default : 0),
               "XML_Parse");
_Static_assert(_Generic(&XML_StopParser, enum XML_Status (*)(XML_Parser, XML_Bool) : 1, default : 0), "XML_StopParser");
_Static_assert(_Generic(&XML_SetElementHandler,
                        void (*)(XML_Parser, XML_StartElementHandler, XML_EndElementHandler) : 1, default : 0),
               "XML_SetElementHandler");
_Static_assert(_Generic((XML_StartElementHandler)0, void (*)(void *, const char *, const char **) : 1, default : 0),
               "XML_StartElementHandler");
_Static_assert(_Generic((XML_StartDoctypeDeclHandler)0,
                        void (*)(void *, const char *, const char *, const char *, int) : 1, default : 0),
               "XML_StartDoctypeDeclHandler");
_Static_assert(_Generic(&XML_GetCurrentLineNumber, XML_Size (*)(XML_Parser) : 1, default : 0),
               "XML_GetCurrentLineNumber");
_Static_assert(sizeof(XML_Size) == sizeof(unsigned long) && sizeof(XML_Bool) == 1, "XML_Size, XML_Bool");
#endif
#if __has_include(<archive.h>)
#include <archive.h>
#include <archive_entry.h>
_Static_assert(_Generic(&archive_read_open_filename, int (*)(struct archive *, const char *, size_t) : 1, default : 0),
               "archive_read_open_filename");
_Static_assert(_Generic(&archive_read_next_header, int (*)(struct archive *, struct archive_entry **) : 1, default : 0),
               "archive_read_next_header");
_Static_assert(_Generic(&archive_read_data, la_ssize_t (*)(struct archive *, void *, size_t) : 1, default : 0),
               "archive_read_data");
_Static_assert(_Generic(&archive_entry_pathname, const char *(*)(struct archive_entry *) : 1, default : 0),
               "archive_entry_pathname");
_Static_assert(_Generic(&archive_entry_filetype, mode_t (*)(struct archive_entry *) : 1, default : 0),
               "archive_entry_filetype");
_Static_assert(sizeof(la_ssize_t) == sizeof(long) && sizeof(mode_t) == sizeof(unsigned), "la_ssize_t, mode_t");
_Static_assert(ARCHIVE_EOF == 1 && ARCHIVE_OK == 0 && ARCHIVE_WARN == -20, "results");
#endif
#if __has_include(<muParserDLL.h>)
#include <muParserDLL.h>
_Static_assert(_Generic(&mupCreate, muParserHandle_t (*)(int) : 1, default : 0), "mupCreate");
_Static_assert(_Generic(&mupEval, double (*)(muParserHandle_t) : 1, default : 0), "mupEval");
_Static_assert(_Generic(&mupSetExpr, void (*)(muParserHandle_t, const char *) : 1, default : 0), "mupSetExpr");
_Static_assert(_Generic(&mupSetVarFactory, void (*)(muParserHandle_t, muFacFun_t, void *) : 1, default : 0),
               "mupSetVarFactory");
_Static_assert(_Generic((muFacFun_t)0, double *(*)(const char *, void *) : 1, default : 0), "muFacFun_t");
_Static_assert(_Generic(&mupError, int (*)(muParserHandle_t) : 1, default : 0), "mupError");
_Static_assert(_Generic((muErrorHandler_t)0, void (*)(void *) : 1, default : 0), "muErrorHandler_t");
#endif

static void test_missing(void) {
  struct error error = {0};
  int (*function)(void);
  const struct library_function functions[] = {{"getpid", &function, false}};
  CU_ASSERT_PTR_NULL(library_open_system("libno_such.so.7", functions, 1, &error));
  CU_ASSERT_EQUAL(error.status, STATUS_IO);
  CU_ASSERT(error_says(&error, "FMUs need libno_such.so.7: launch/install-deps.sh fmi installs it"));
}

static void test_functions(void) {
  struct error error = {0};
  int (*there)(void) = NULL, (*absent)(void) = NULL;
  struct library_function functions[] = {{"getpid", &there, false}, {"no_such_function", &absent, true}};
  void *library = library_open("libc.so.6", functions, 2, &error);
  CU_ASSERT_PTR_NOT_NULL_FATAL(library);
  CU_ASSERT(there() > 0);
  CU_ASSERT_PTR_NULL(absent);
  dlclose(library);
  functions[1].optional = false;
  CU_ASSERT_PTR_NULL(library_open("libc.so.6", functions, 2, &error));
  CU_ASSERT(error_says(&error, "libc.so.6 has no function no_such_function"));
}

int main(void) {
  static const struct unit_case cases[] = {{"a library that is missing has a remedy", test_missing},
                                           {"functions are found, or named where they are missing", test_functions}};
  return unit_run("library", cases, sizeof cases / sizeof *cases);
}
