# corsac: the program. `make help` lists the targets.
#   make FLAVOUR=debug          build/debug/ instead of build/release/ (release debug asan ubsan tsan coverage)
#   make V=1                    show the commands            make WERROR=1   warnings are errors
#   make check-unit TESTS=adam  only that test               make CC=clang   another compiler
# A target below build/ names its flavour itself: make build/debug/unit/learner/sac/test_adam

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -rR --no-print-directory -j$(shell nproc 2>/dev/null || echo 2)
endif
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.DEFAULT_GOAL := all
SHELL := /bin/sh

BUILD := build
named_flavours := $(sort $(foreach goal,$(filter $(BUILD)/%,$(MAKECMDGOALS)),$(firstword $(subst /, ,$(goal:$(BUILD)/%=%)))))
FLAVOUR ?= $(or $(filter-out include lib share fuzz,$(named_flavours)),release)
B := $(BUILD)/$(FLAVOUR)
ifneq ($(words $(FLAVOUR)) $(filter-out release debug asan ubsan tsan coverage,$(FLAVOUR)),1 )
$(error FLAVOUR=$(FLAVOUR) is not one of release, debug, asan, ubsan, tsan, coverage)
endif
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V))$(findstring s,$(firstword -$(MAKEFLAGS))),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# --- the compiler and the libraries ---------------------------------------------------------------
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
# $(call pkg,--cflags,name other-name): the flags of the first package that exists, or nothing.
pkg = $(shell for p in $(2); do pkg-config $(1) $$p 2>/dev/null && exit; done)
isystem = $(patsubst -I%,-isystem %,$(1))

MPI_CFLAGS := $(or $(call pkg,--cflags,ompi-c ompi),$(shell mpicc --showme:compile 2>/dev/null))
MPI_LIBS   := $(or $(call pkg,--libs,ompi-c ompi),$(shell mpicc --showme:link 2>/dev/null),-lmpi)
HDF5_LIBS  := $(or $(call pkg,--libs,hdf5 hdf5-serial),-lhdf5)
YAML_LIBS  := $(or $(call pkg,--libs,yaml-0.1),-lyaml)
ZLIB_LIBS  := $(or $(call pkg,--libs,zlib),-lz)
LIB_CFLAGS := $(call isystem,$(MPI_CFLAGS) $(call pkg,--cflags,hdf5 hdf5-serial) $(call pkg,--cflags,openblas) \
  $(call pkg,--cflags,yaml-0.1) $(call pkg,--cflags,jansson) $(call pkg,--cflags,zlib) $(call pkg,--cflags,libprotobuf-c))
LIBS := $(MPI_LIBS) $(HDF5_LIBS) $(or $(call pkg,--libs,openblas),-lopenblas) $(YAML_LIBS) \
  $(or $(call pkg,--libs,jansson),-ljansson) $(ZLIB_LIBS) $(or $(call pkg,--libs,libprotobuf-c),-lprotobuf-c) -ldl -lm -lpthread
VERSION := $(shell sed -n 's/^\#define CORSAC_VERSION "\(.*\)"/\1/p' common/base/version.h)

# assert stays on in every flavour. CORSAC_CHECKS asserts the invariants of state machines each turn.
FLAGS_release  := -O3
FLAGS_debug    := -O0 -DCORSAC_CHECKS
FLAGS_asan     := -O1 -DCORSAC_CHECKS -fno-omit-frame-pointer -fsanitize=address -rdynamic
FLAGS_ubsan    := -O1 -DCORSAC_CHECKS -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
FLAGS_tsan     := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_coverage := -O0 -fprofile-arcs -ftest-coverage

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(filter 1,$(WERROR)),-Werror)
# -ffp-contract=off: the compiler makes no fused multiply-add, which one processor has and another has not.
ARITHMETIC := -ffp-contract=off -fno-math-errno -fno-trapping-math
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. -isystem $(B)/gen $(LIB_CFLAGS) $(WARNINGS) -g -pthread \
  $(ARITHMETIC) $(FLAGS_$(FLAVOUR)) $(KERNEL_FLAGS) $(CFLAGS)
LINK    = $(CC) -pthread $(FLAGS_$(FLAVOUR)) $(CFLAGS) $(LDFLAGS)

# --- the sources ----------------------------------------------------------------------------------
SOURCES := $(wildcard $(foreach room,common learner actor launch,$(room)/*.c $(room)/*/*.c))
# The functions of guest_exits.c take the place of the C library's, in the program only.
MAIN := launch/main.c launch/mpi/guest_exits.c
# Text files in the program: launch/cli/embed.sh makes a table in C of each kind.
PRESETS  := $(wildcard launch/presets/*.yaml)
RECIPES  := $(wildcard launch/recipes/*.yaml)
CLUSTER  := $(wildcard launch/cluster/*.sh)
MANUAL   := $(wildcard launch/manual/*.md)
EXAMPLES := $(wildcard launch/examples/*/*)
BEGINNINGS := $(filter launch/examples/plugin/% launch/examples/exec/%.py,$(EXAMPLES)) # of `corsac new-env`
EMBEDDED := presets recipes cluster examples manual
# Messages of others' formats: protoc-c makes "learner/run/tensorboard.pb-c.h" of tensorboard.proto.
PROTOS := $(wildcard learner/*/*.proto launch/*/*.proto)

LIB_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(MAIN),$(SOURCES))) $(EMBEDDED:%=$(B)/obj/gen/%.o) \
  $(PROTOS:%.proto=$(B)/obj/gen/%.pb-c.o)

# --- targets people type --------------------------------------------------------------------------
.PHONY: all help deps demo format clean

all: $(B)/corsac libraries ## Build the program, build/release/corsac, and the libraries, build/lib

help: ## Show this list
	@sed -n 's/^\([a-z][a-z0-9 -]*\):.*## \(.*\)/  make \1|\2/p' $(filter %Makefile %.mk,$(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'
	@sed -n '2,5s/^# \{0,1\}//p' Makefile

deps: ## Install what the build and the tests need (Debian, Ubuntu), or say what is missing
	$(Q)launch/install-deps.sh core tests

demo: ## Install what is missing, build, train Pendulum-v1 on 4 ranks, evaluate the result
	$(Q)launch/install-deps.sh core
	$(Q)$(MAKE) all
	$(Q)CORSAC=$(B)/corsac launch/train/demo.sh $(BUILD)/demo

format: ## Let clang-format rewrite the sources
	$(Q)tests/support/check_format.sh --fix

clean: ## Remove build/
	$(Q)rm -rf $(BUILD)

include launch/library/library.mk # libcorsac_sim, libcorsac_policy, their headers and Python files
include launch/install.mk         # install, uninstall, dist
include tests/tests.mk            # check, check-*, bench, fuzz, soak, coverage

# --- how the program is built ---------------------------------------------------------------------
# This file changes only when the compiler's command line does, and every object depends on it.
.PHONY: FORCE
FORCE:
$(B)/flags: built_with = $(COMPILE) $(LINK) $(LIBS)
$(BUILD)/lib/flags: built_with = $(LIBRARY_COMPILE) $(LIBRARY_LINK) $(POLICY_LIBS)
$(B)/flags $(BUILD)/lib/flags: FORCE
	@command -v $(firstword $(CC)) >/dev/null && test -n '$(MPI_CFLAGS)' || \
	  { echo "corsac: the compiler or Open MPI is missing: 'make deps' installs what is needed" >&2; exit 1; }
	@mkdir -p $(@D); printf '%s\n' '$(built_with)' | cmp -s - $@ || printf '%s\n' '$(built_with)' >$@

# A tile's sums stay in registers from -O2 on, without counters in its loops; else it is 100 times slower.
$(B)/obj/common/nn/tiles%.o: private KERNEL_FLAGS = $(if $(filter -O0 -O1,$(FLAGS_$(FLAVOUR))),-O2 -fno-profile-arcs -fno-test-coverage)
# --version --verbose shows them.
$(B)/obj/launch/cli/version.o: private KERNEL_FLAGS = -DCORSAC_FLAGS='"$(strip -std=c11 $(FLAGS_$(FLAVOUR)) $(ARITHMETIC) $(CFLAGS))"'
$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

$(B)/gen/presets.c: launch/cli/embed.sh $(PRESETS) $(wildcard launch/presets)
$(B)/gen/recipes.c: launch/cli/embed.sh $(RECIPES) $(wildcard launch/recipes)
$(B)/gen/cluster.c: launch/cli/embed.sh $(CLUSTER) $(wildcard launch/cluster)
$(B)/gen/examples.c: launch/cli/embed.sh $(BEGINNINGS) $(wildcard launch/examples/*)
$(B)/gen/manual.c: launch/cli/embed.sh $(MANUAL) $(wildcard launch/manual)
$(B)/gen/%.c:
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)launch/cli/embed.sh $* $(filter %.yaml %.sh %.c %.cpp %.f90 %.py %.md,$(filter-out launch/cli/embed.sh,$^)) >$@

$(PROTOS:%.proto=$(B)/gen/%.pb-c.c): $(B)/gen/%.pb-c.c: %.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	@command -v protoc-c >/dev/null || { echo "corsac: protoc-c is missing: 'make deps' installs what is needed" >&2; exit 1; }
	$(Q)protoc-c --c_out=$(B)/gen $<
$(PROTOS:%.proto=$(B)/gen/%.pb-c.h): %.h: %.c ;
$(PROTOS:%.proto=$(B)/obj/gen/%.pb-c.o): private KERNEL_FLAGS := -w
$(PROTOS:%.proto=$(B)/obj/%.o) $(B)/obj/launch/policy/export_onnx.o: $(PROTOS:%.proto=$(B)/gen/%.pb-c.h)

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Wno-overlength-strings -MMD -MP -c $< -o $@

$(B)/libcorsac.a: $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# Objects that are opened later see the names of guest_exits.list.
$(B)/corsac: $(MAIN:%.c=$(B)/obj/%.o) $(MPI_OBJECTS) $(B)/libcorsac.a launch/mpi/guest_exits.list
	$(call say,LINK,$@)
	$(Q)$(LINK) -Wl,--dynamic-list=launch/mpi/guest_exits.list $(filter-out %.list,$^) $(LIBS) -o $@

-include $(shell find $(B) $(BUILD)/lib -name '*.d' 2>/dev/null)
