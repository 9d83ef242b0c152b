# What users' own programs compile and link against: libcorsac_sim, libcorsac_policy, headers, Python files.
# None of it depends on the flavour. Neither library needs Open MPI or OpenBLAS.
SIM    := $(BUILD)/lib/libcorsac_sim
POLICY := $(BUILD)/lib/libcorsac_policy
POLICY_LIBS := $(HDF5_LIBS) $(YAML_LIBS) $(ZLIB_LIBS) -lm

# Headers lie in build/include/corsac as after `make install`; plugins include <corsac/env.h>.
API_FILES := common/env/env.h $(wildcard common/env/*.f90) common/sim/sim.h common/sim/sim.hpp $(wildcard common/sim/*.f90) \
  launch/library/policy.h $(wildcard launch/library/*.f90)
API := $(addprefix $(BUILD)/include/corsac/,$(notdir $(API_FILES)))
PYTHON_FILES := $(wildcard common/sim/*.py launch/policy/*.py)
SHARED := $(addprefix $(BUILD)/share/corsac/python/,$(notdir $(PYTHON_FILES)))

.PHONY: libraries
libraries: $(API) $(SHARED) $(SIM).a $(SIM).so $(POLICY).a $(POLICY).so

$(BUILD)/include/corsac/% $(BUILD)/share/corsac/python/%:
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(foreach f,$(API_FILES),$(eval $(BUILD)/include/corsac/$(notdir $(f)): $(f)))
$(foreach f,$(PYTHON_FILES),$(eval $(BUILD)/share/corsac/python/$(notdir $(f)): $(f)))

# The flags are those of the program, and so are the bits.
LIBRARY_COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(LIB_CFLAGS) $(WARNINGS) -g -O3 -fPIC -pthread $(ARITHMETIC) $(CFLAGS)
LIBRARY_LINK = $(CC) -shared $(CFLAGS) $(LDFLAGS)
$(BUILD)/lib/obj/%.o: %.c $(BUILD)/lib/flags
	$(call say,CC,$< (libraries))
	@mkdir -p $(@D)
	$(Q)$(LIBRARY_COMPILE) -MMD -MP -c $< -o $@

# The linker takes of these rooms what a library needs; `--no-undefined` finds what lies elsewhere.
LIBRARY_ROOMS := common/base common/config common/env common/nn learner/storage
LIBRARY_SOURCES := $(wildcard $(LIBRARY_ROOMS:%=%/*.c)) common/wire/message.c
$(BUILD)/lib/obj/rooms.a: $(LIBRARY_SOURCES:%.c=$(BUILD)/lib/obj/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

$(SIM).a $(SIM).so: $(patsubst %.c,$(BUILD)/lib/obj/%.o,$(wildcard common/sim/*.c)) $(BUILD)/lib/obj/rooms.a
$(POLICY).a $(POLICY).so: $(BUILD)/lib/obj/launch/library/libcorsac_policy.o $(BUILD)/lib/obj/rooms.a
$(SIM).so: common/sim/libcorsac_sim.map
$(SIM).so: private LIBS = -ldl -lm
$(POLICY).so: launch/library/libcorsac_policy.map
$(POLICY).so: private LIBS = $(POLICY_LIBS)

# One object that shows nothing but corsac_*: a simulator may have a channel_wait of its own.
OBJCOPY := $(if $(filter %-gcc,$(CC)),$(CC:gcc=objcopy),objcopy)
$(SIM).a $(POLICY).a: $(BUILD)/lib/lib%.a:
	$(call say,AR,$@)
	$(Q)$(CC) -nostdlib -r $^ -o $@.o && $(OBJCOPY) -w --keep-global-symbol='$*_*' $@.o && rm -f $@ && ar rcs $@ $@.o && rm -f $@.o
$(SIM).so $(POLICY).so: $(BUILD)/lib/lib%.so:
	$(call say,LINK,$@)
	$(Q)$(LIBRARY_LINK) -Wl,-soname,$(@F) -Wl,--no-undefined -Wl,--version-script=$(filter %.map,$^) $(filter-out %.map,$^) $(LIBS) -o $@
