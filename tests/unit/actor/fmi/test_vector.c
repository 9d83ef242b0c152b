// Numbers of every type of FMI as doubles, with a slave that keeps what it is given.
#include "actor/fmi/slave_impl.h"
#include "actor/fmi/vector.h"
#include "tests/support/unit.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

static uint8_t kept[FMI_NUMBERS][64];
static size_t calls;

static int keep(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, const void *values,
                size_t values_count) {
  (void)references, (void)count;
  memcpy(kept[type], values, values_count * fmi_type_size(type, slave->description->version));
  calls++;
  return FMI_OK;
}
static int give(struct slave *slave, enum fmi_type type, const uint32_t *references, size_t count, void *values,
                size_t values_count) {
  CU_ASSERT_EQUAL(references[0], 100 + (uint32_t)type);
  CU_ASSERT_EQUAL(count, type == FMI_FLOAT64 ? 2u : 1u);
  memcpy(values, kept[type], values_count * fmi_type_size(type, slave->description->version));
  calls++;
  return FMI_OK;
}
static const struct slave_version version = {.set = keep, .get = give};

static void test_types(void) {
  static const double limit[FMI_NUMBERS][2] = {{-1e300, 1e300},
                                               {-0x1p100, 0x1p100},
                                               {-128, 127},
                                               {0, 255},
                                               {-32768, 32767},
                                               {0, 65535},
                                               {-0x1p31, 0x1p31 - 1},
                                               {0, 0x1p32 - 1},
                                               {-0x1p63, 0x1p63 - 0x1p10},
                                               {0, 0x1p64 - 0x1p11},
                                               {0, 1}};
  for (int fmi = 2; fmi <= 3; fmi++) {
    const struct description description = {.version = fmi};
    struct slave slave = {.version = &version, .description = &description};
    struct fmi_variable variables[FMI_NUMBERS + 1];
    const struct fmi_variable *list[FMI_NUMBERS + 1];
    double in[FMI_NUMBERS + 3], out[FMI_NUMBERS + 3];
    struct fmi_vector vector;
    struct error error = {0};
    // One of each type, in falling order, then an array of three: they lie together with the first FLOAT64.
    for (int i = 0; i <= FMI_NUMBERS; i++) {
      const int type = i < FMI_NUMBERS ? FMI_NUMBERS - 1 - i : FMI_FLOAT64;
      variables[i] = (struct fmi_variable){
          .type = (enum fmi_type)type, .reference = 100 + (uint32_t)type, .count = i < FMI_NUMBERS ? 1 : 3};
      list[i] = &variables[i];
    }
    UNIT_STATUS_FATAL(fmi_vector_init(&vector, list, FMI_NUMBERS + 1, fmi, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL_FATAL(vector.size, FMI_NUMBERS + 3);
    for (int side = 0; side < 2; side++) {
      for (size_t i = 0; i < vector.size; i++)
        in[i] = i < FMI_NUMBERS ? limit[FMI_NUMBERS - 1 - i][side] : 0.1 * (double)i;
      calls = 0;
      UNIT_STATUS(fmi_vector_set(&vector, &slave, in, &error), STATUS_OK, &error);
      UNIT_STATUS(fmi_vector_get(&vector, &slave, out, &error), STATUS_OK, &error);
      CU_ASSERT_EQUAL(calls, 2 * FMI_NUMBERS); // one for each type
      for (size_t i = 0; i < vector.size; i++) CU_ASSERT_EQUAL(out[i], in[i]);
      for (size_t i = 0; i < FMI_NUMBERS - 2; i++) in[i] = side ? 1e30 : -1e30; // beyond every integer
      UNIT_STATUS(fmi_vector_set(&vector, &slave, in, &error), STATUS_OK, &error);
      UNIT_STATUS(fmi_vector_get(&vector, &slave, out, &error), STATUS_OK, &error);
      for (size_t i = 0; i < FMI_NUMBERS - 2; i++) CU_ASSERT_EQUAL(out[i], limit[FMI_NUMBERS - 1 - i][side]);
    }
    for (size_t i = 0; i < vector.size; i++) in[i] = i == 0 ? 0.5 : 2.5; // a Boolean is true, integers are rounded
    UNIT_STATUS(fmi_vector_set(&vector, &slave, in, &error), STATUS_OK, &error);
    UNIT_STATUS(fmi_vector_get(&vector, &slave, out, &error), STATUS_OK, &error);
    for (size_t i = 0; i < FMI_NUMBERS - 2; i++) CU_ASSERT_EQUAL(out[i], i == 0 ? 1 : 3);
    in[0] = 0.49, in[1] = NAN, in[4] = -0.6;
    UNIT_STATUS(fmi_vector_set(&vector, &slave, in, &error), STATUS_OK, &error);
    UNIT_STATUS(fmi_vector_get(&vector, &slave, out, &error), STATUS_OK, &error);
    CU_ASSERT_EQUAL(out[0], 0);
    CU_ASSERT_EQUAL(out[1], 0);
    CU_ASSERT_EQUAL(out[4], -1);
    fmi_vector_release(&vector);
  }
}

int main(void) {
  static const struct unit_case cases[] = {{"every type is read and written, within its range", test_types}};
  return unit_run("vector", cases, sizeof cases / sizeof *cases);
}
