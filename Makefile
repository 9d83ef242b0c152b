# corsac: one Makefile for everything. `make help` lists the targets.
#   make FLAVOUR=debug          build/debug/ instead of build/release/ (release debug asan ubsan tsan coverage)
#   make V=1                    show the commands            make WERROR=1   warnings are errors
#   make check-unit TESTS=adam  only that test               make CC=clang   another compiler
# A target below build/ names its flavour itself: make build/debug/unit/test_adam

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -rR --no-print-directory -j$(shell nproc 2>/dev/null || echo 2)
endif
.DELETE_ON_ERROR:
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

# --- the compiler and the libraries -------------------------------------------------------------------------------------
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
# $(call pkg,--cflags,name other-name): the flags of the first of these packages that exists, or nothing
pkg = $(shell for p in $(2); do pkg-config $(1) $$p 2>/dev/null && exit; done)
isystem = $(patsubst -I%,-isystem %,$(1))

MPI_CFLAGS := $(or $(call pkg,--cflags,ompi-c ompi),$(shell mpicc --showme:compile 2>/dev/null))
MPI_LIBS   := $(or $(call pkg,--libs,ompi-c ompi),$(shell mpicc --showme:link 2>/dev/null),-lmpi)
LIB_CFLAGS := $(call isystem,$(MPI_CFLAGS) $(call pkg,--cflags,hdf5 hdf5-serial) $(call pkg,--cflags,openblas) \
  $(call pkg,--cflags,yaml-0.1) $(call pkg,--cflags,jansson) $(call pkg,--cflags,zlib) $(call pkg,--cflags,libprotobuf-c))
LIBS := $(MPI_LIBS) $(or $(call pkg,--libs,hdf5 hdf5-serial),-lhdf5) $(or $(call pkg,--libs,openblas),-lopenblas) \
  $(or $(call pkg,--libs,yaml-0.1),-lyaml) $(or $(call pkg,--libs,jansson),-ljansson) \
  $(or $(call pkg,--libs,zlib),-lz) $(or $(call pkg,--libs,libprotobuf-c),-lprotobuf-c) -ldl -lm -lpthread
VERSION := $(shell sed -n 's/^\#define CORSAC_VERSION "\(.*\)"/\1/p' common/base/version.h)
# What a policy that acts elsewhere needs (libcorsac_policy).
POLICY_LIBS := $(or $(call pkg,--libs,hdf5 hdf5-serial),-lhdf5) $(or $(call pkg,--libs,yaml-0.1),-lyaml) $(or $(call pkg,--libs,zlib),-lz) -lm
TEST_LIBS := $(or $(call pkg,--libs,cunit),-lcunit)

# assert stays on in every flavour: it guards against programmers' errors outside of hot loops.
FLAGS_release  := -O3
FLAGS_debug    := -O0
FLAGS_asan     := -O1 -fno-omit-frame-pointer -fsanitize=address -rdynamic
FLAGS_ubsan    := -O1 -fno-omit-frame-pointer -fsanitize=undefined -fno-sanitize-recover=all
FLAGS_tsan     := -O1 -fno-omit-frame-pointer -fsanitize=thread
FLAGS_coverage := -O0 -fprofile-arcs -ftest-coverage

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(if $(filter 1,$(WERROR)),-Werror)
# -ffp-contract=off: no product and sum becomes a fused multiply-add where one processor has it and another does not.
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. -isystem $(B)/gen $(LIB_CFLAGS) $(WARNINGS) -g -pthread -ffp-contract=off -fno-math-errno -fno-trapping-math $(FLAGS_$(FLAVOUR)) $(KERNEL_FLAGS) $(CFLAGS)
LINK    = $(CC) -pthread $(FLAGS_$(FLAVOUR)) $(CFLAGS) $(LDFLAGS)

# --- the sources --------------------------------------------------------------------------------------------------------
SOURCES := $(wildcard $(foreach room,common learner actor launch,$(room)/*.c $(room)/*/*.c))
PRESETS := $(wildcard launch/presets/*.yaml)
CLUSTER := $(wildcard launch/cluster/*.sh)
EXAMPLES := $(wildcard launch/examples/*/*)
# What `corsac new-env` begins from.
BEGINNINGS := $(filter launch/examples/plugin/% %.py,$(EXAMPLES))
PROTOS := $(wildcard learner/*/*.proto launch/*.proto launch/*/*.proto)
EMBEDDED := presets cluster examples
# Messages of others' formats: protoc-c makes <file>.pb-c.h and .c of them, included as "learner/<file>.pb-c.h".
MAIN := launch/main.c launch/mpi/guest_exits.c
LIB_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(filter-out $(MAIN),$(SOURCES))) $(EMBEDDED:%=$(B)/obj/gen/%.o) \
  $(PROTOS:%.proto=$(B)/obj/gen/%.pb-c.o)

# These also compile with double: against PyTorch's float64 and central differences.
DOUBLE_TESTS   := linalg mlp squashed_gaussian normalizer adam critic sac
DOUBLE_SOURCES := $(filter-out common/nn/tiles%,$(filter common/nn/% learner/sac/%,$(SOURCES)))
DOUBLE_OBJECTS := $(patsubst %.c,$(B)/double/%.o,$(DOUBLE_SOURCES))

SUPPORT_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/support/*.c))
# For everything that runs MPI under the address sanitizer.
MPI_OBJECTS := $(if $(filter asan,$(FLAVOUR)),$(B)/obj/tests/support/asan/keep_modules.o)
UNIT_SOURCES := $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/%.c=$(B)/%) \
  $(foreach t,$(DOUBLE_TESTS),$(patsubst tests/%.c,$(B)/%_double,$(filter %/test_$(t).c,$(UNIT_SOURCES))))
MPI_TESTS  := $(patsubst tests/mpi/%.c,$(B)/mpi/%,$(wildcard tests/mpi/test_*.c))
E2E_TESTS  := $(filter-out tests/e2e/lib%.sh,$(wildcard tests/e2e/*.sh))
BENCHES    := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
PLUGINS    := $(patsubst tests/support/plugins/%.c,$(B)/plugins/%.so,$(wildcard tests/support/plugins/*.c))
API := $(patsubst common/env/%,$(BUILD)/include/corsac/%,$(wildcard common/env/env.h common/env/*.f90)) \
  $(patsubst common/sim/%,$(BUILD)/include/corsac/%,$(wildcard common/sim/sim.h common/sim/*.hpp common/sim/*.f90)) \
  $(patsubst launch/library/%,$(BUILD)/include/corsac/%,$(wildcard launch/library/policy.h launch/library/*.f90))
# What a simulator of somebody else's links: no flavour, no sanitizer.
SIM := $(BUILD)/lib/libcorsac_sim
POLICY := $(BUILD)/lib/libcorsac_policy
# Python files lie where they are installed to.
PYTHON_FILES := $(wildcard common/sim/*.py launch/policy/*.py)
SHARED := $(addprefix $(BUILD)/share/corsac/python/,$(notdir $(PYTHON_FILES)))

# Simulators: those with a fault, and the examples that the compilers at hand can build.
SIMULATORS := $(patsubst tests/support/simulators/%.c,$(B)/simulators/%,$(wildcard tests/support/simulators/*.c))

# TESTS="adam sac" keeps of each kind the tests of these names.
select = $(if $(TESTS),$(foreach t,$(TESTS),$(filter %/test_$(t) %/test_$(t)_double %/$(t) %/$(t).sh,$(1)) \
  $(foreach p,$(1),$(if $(findstring /test_$(t)_np,$(p)),$(p)))),$(1))

# --- how tests run ------------------------------------------------------------------------------------------------------
MPIRUN ?= mpirun --bind-to none --oversubscribe
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
# The scripts read and print numbers, and sort.
export LC_ALL := C
export MPIRUN
export BUILD_DIR := $(B)
export CORSAC := $(CURDIR)/$(B)/corsac
# A locale with a decimal comma, de_DE.UTF-8; a test sets LOCPATH to this directory itself.
export TEST_LOCALES := $(CURDIR)/$(BUILD)/locales
COMMA := $(BUILD)/locales/de_DE.UTF-8/LC_NUMERIC
TIME_SCALE := $(if $(filter asan ubsan tsan coverage,$(FLAVOUR)),4,1)
suppressions := $(CURDIR)/tests/support
export ASAN_OPTIONS  ?= detect_stack_use_after_return=1:fast_unwind_on_malloc=0
export LSAN_OPTIONS  ?= suppressions=$(suppressions)/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS  ?= suppressions=$(suppressions)/tsan.supp:halt_on_error=1
RUN_TESTS = tests/support/run_tests.sh -r $(B)/results -s $(TIME_SCALE)

# --- targets people type ------------------------------------------------------------------------------------------------
.PHONY: all tests help deps demo check check-built check-full check-unit check-mpi check-e2e check-layers \
  check-headers check-format check-asan check-ubsan check-tsan check-valgrind check-clang check-cpus check-arm64 coverage bench bench-compare bench-plots format fuzz soak check-openmpi5 install uninstall dist clean

all: $(B)/corsac $(API) $(SIM).a $(SIM).so $(POLICY).a $(POLICY).so $(SHARED) ## Build the program: build/release/corsac
tests: $(UNIT_TESTS) $(MPI_TESTS) $(PLUGINS) $(SIMULATORS) ## Build the tests

help: ## Show this list
	@sed -n 's/^\([a-z][a-z0-9 -]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-22s %s\n", $$1, $$2 }'
	@sed -n '2,5s/^# \{0,1\}//p' $(MAKEFILE_LIST)

deps: ## Install what the build and the tests need (Debian, Ubuntu), or say what is missing
	$(Q)launch/install-deps.sh core tests

demo: ## Install what is missing, build, train Pendulum-v1 on 4 ranks, evaluate the result
	$(Q)launch/install-deps.sh core
	$(Q)$(MAKE) all
	$(Q)CORSAC=$(B)/corsac launch/train/demo.sh $(BUILD)/demo

# A sub-make, since the libraries are looked up when a Makefile is read.
check: ## Install what is missing, build, run every check and test that a commit must pass
	$(Q)launch/install-deps.sh core tests
	$(Q)$(MAKE) check-built

# The parts run one after another: tests are parallel inside.
CHECKS := check-layers check-headers check-format check-unit check-mpi check-e2e
check-built: all tests
	@rm -f $(B)/results; failed=0; for part in $(CHECKS); do $(MAKE) $$part || failed=1; done; \
	tests/support/run_tests.sh -r $(B)/results -t && exit $$failed

check-full: ## check, then the long tests, the sanitizers, clang, other processors and the coverage
	$(Q)launch/install-deps.sh core tests full coverage
	$(Q)CHECK_FULL=1 $(MAKE) check-built
	$(Q)for part in check-asan check-ubsan check-tsan check-valgrind check-clang check-cpus check-arm64 check-openmpi5 fuzz coverage; do $(MAKE) $$part || exit 1; done

check-unit: $(call select,$(UNIT_TESTS)) $(COMMA) $(PLUGINS) $(SIMULATORS) $(SHARED) ## Run tests/unit
	$(Q)$(RUN_TESTS) unit $(call select,$(UNIT_TESTS))

check-mpi: $(call select,$(MPI_TESTS)) $(B)/corsac $(PLUGINS) $(SIMULATORS) ## Run tests/mpi
	$(Q)$(RUN_TESTS) mpi $(call select,$(MPI_TESTS))

check-e2e: all $(COMMA) $(PLUGINS) $(SIMULATORS) $(B)/unit/actor/envs/test_mujoco $(B)/unit/actor/envs/test_gym ## Run tests/e2e (CHECK_FULL=1: the long ones too)
	$(Q)PYTHON=$$(for p in $(PYTHON) python3 /usr/bin/python3; do $$p -c 'import h5py' 2>/dev/null && echo $$p && break; done); \
	  export PYTHON; $(RUN_TESTS) e2e $(call select,$(E2E_TESTS))

check-layers: ## Who may include whom, and the top level of the repository
	$(Q)$(RUN_TESTS) script tests/support/check_layers.sh

check-headers: $(B)/flags ## Every header compiles alone
	$(Q)COMPILE='$(COMPILE)' $(RUN_TESTS) script tests/support/check_headers.sh

check-format: ## The sources are as clang-format leaves them
	$(Q)$(RUN_TESTS) script tests/support/check_format.sh

format: ## Let clang-format rewrite the sources
	$(Q)tests/support/check_format.sh --fix

check-asan check-ubsan: check-%: ## Unit and MPI tests under the address or the undefined-behaviour sanitizer
	$(Q)$(MAKE) FLAVOUR=$* check-unit && $(MAKE) FLAVOUR=$* check-mpi

check-tsan: ## The tests of threads under the thread sanitizer
	$(Q)$(MAKE) FLAVOUR=tsan TESTS="team sac board checkpoint_writer saving libcorsac_policy" check-unit

check-valgrind: ## The arithmetic, codec and HDF5's driver under valgrind: what is used before it is set, or after it is freed
	$(Q)WRAP='valgrind -q --error-exitcode=9' $(MAKE) FLAVOUR=debug TIME_SCALE=20 check-unit \
	  TESTS="$(or $(TESTS),$(DOUBLE_TESTS) random replay n_step codec message checkpoint_output)"

check-clang: ## Build everything with clang, warnings are errors
	$(Q)$(MAKE) BUILD=$(BUILD)/clang CC=clang WERROR=1 all tests

# From the corpus on; NEW=DIR keeps what it finds.
FUZZ_SOURCES := tests/support/codec_fuzz.c tests/support/codec_samples.c common/wire/codec.c common/wire/codec_bulk.c common/wire/message.c \
  common/base/memory.c common/base/printable.c common/base/status.c
FUZZ_SECONDS ?= 60
$(BUILD)/fuzz/codec: $(FUZZ_SOURCES) $(wildcard common/wire/*.h common/base/*.h tests/support/codec*.h)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)clang -std=c11 -D_GNU_SOURCE -I. -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(FUZZ_SOURCES) -lm -o $@
fuzz: ## Look for bytes that break the codec, for FUZZ_SECONDS=60 (clang, libFuzzer)
	$(Q)launch/install-deps.sh full
	$(Q)$(MAKE) $(BUILD)/fuzz/codec
	$(Q)mkdir -p $(or $(NEW),$(BUILD)/fuzz/new) && cd $(BUILD)/fuzz && ./codec -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -verbosity=0 -print_final_stats=1 \
	  $(abspath $(or $(NEW),$(BUILD)/fuzz/new)) $(CURDIR)/tests/data/codec_corpus

check-openmpi5: ## The MPI tests, and those of jobs that lose somebody, with Open MPI 5 (PyPI's wheel)
	$(Q)launch/install-deps.sh core tests
	+$(Q)tests/support/openmpi5.sh $(BUILD)/openmpi5

soak: all $(PLUGINS) ## A job over three hosts with a fault every few seconds, for SOAK_SECONDS=600 (root)
	$(Q)launch/install-deps.sh core tests
	$(Q)tests/support/soak.sh $(or $(SOAK_SECONDS),600)

check-cpus: all $(PLUGINS) $(SIMULATORS) $(B)/cpus/fingerprints ## The same bits on older x86-64 processors, which qemu plays
	$(Q)launch/install-deps.sh full
	$(Q)$(RUN_TESTS) cpus tests/cpus/x86_64.sh

# Everything compiles for arm64; the arithmetic runs, with stand-ins for the libraries (tests/cpus/arm64.c). gcc 12 for arm64 fails to make
# vectors of the tests' loops over fmax, hence -fno-builtin-fmax.
ARM64 := $(BUILD)/arm64
ARM64_TESTS := tiles linalg mlp normalizer policy frozen_policy squashed_gaussian adam critic sac random logarithm
export EMULATOR := qemu-aarch64 -L /usr/aarch64-linux-gnu
export ARM64_DIR := $(ARM64)/release
ARM64_MAKE = $(MAKE) FLAVOUR=release BUILD=$(ARM64) CC=aarch64-linux-gnu-gcc CFLAGS='-idirafter /usr/include -fno-builtin-fmax' \
  LIBS='-ldl -lm -lpthread' TEST_LIBS='$$(B)/obj/tests/cpus/arm64.o' WRAP='$(EMULATOR)' TIME_SCALE=10
check-arm64: $(B)/cpus/fingerprints ## The arithmetic on arm64, which qemu plays: its tests, and the same bits as here
	$(Q)launch/install-deps.sh full
	+$(Q)$(ARM64_MAKE) $(ARM64_DIR)/obj/tests/cpus/arm64.o && $(ARM64_MAKE) $(ARM64_DIR)/cpus/fingerprints && \
	  $(ARM64_MAKE) check-unit TESTS='$(or $(TESTS),$(ARM64_TESTS))' && $(RUN_TESTS) cpus tests/cpus/arm64.sh

coverage: ## Line coverage of common, learner and actor; fails under 85 %
	$(Q)launch/install-deps.sh core tests coverage
	$(Q)find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null; for part in check-unit check-mpi check-e2e; do \
	  $(MAKE) FLAVOUR=coverage $$part || exit 1; done
	@# The float build's objects only: gcovr cannot merge a function that stands on two lines, as in adam.c.
	$(Q)gcovr $(BUILD)/coverage/obj --root . --object-directory $(BUILD)/coverage --filter 'common/' --filter 'learner/' --filter 'actor/' \
	  --gcov-ignore-parse-errors --sort-percentage --print-summary --fail-under-line 85

bench: all $(BENCHES) ## Measure; nothing here passes or fails
	$(Q)for b in $(call select,$(BENCHES)); do echo "== $${b##*/}"; $$b || exit 1; done

# In build/release whatever FLAVOUR says. RESULTS=1 renews tests/bench/RESULTS.md and its pictures; ARGUMENTS='--quick --only
# Pendulum' goes to the script that measures.
bench-compare: ## Measure corsac beside PyTorch, Stable-Baselines3 and SBX (20 minutes; downloads GBs)
	$(Q)launch/install-deps.sh core bench
	$(Q)$(MAKE) FLAVOUR=release all $(BUILD)/release/plugins/linear.so
	$(Q)BUILD=$(BUILD) CORSAC=$(BUILD)/release/corsac tests/bench/compare.sh $(if $(RESULTS),--results) $(ARGUMENTS)

bench-plots: ## Measure updates/s by shape, steps/s and receive rate by actors, and draw them (3 minutes)
	$(Q)launch/install-deps.sh core bench
	$(Q)$(MAKE) FLAVOUR=release all $(BUILD)/release/plugins/linear.so
	$(Q)BUILD=$(BUILD) CORSAC=$(BUILD)/release/corsac tests/bench/sweep.sh $(ARGUMENTS)
	$(Q)BUILD=$(BUILD) tests/bench/plot.sh $(if $(RESULTS),--results)

# Everything is put together below $(B)/stage, which is then copied; what was copied is listed, for uninstall.
PREFIX ?= /usr/local
install: private prefix := $(B)/stage
install: all ## Install below PREFIX=/usr/local (and DESTDIR)
	$(Q)rm -rf $(prefix)
	$(Q)install -d $(prefix)/bin $(prefix)/include/corsac $(prefix)/share/corsac/presets
	$(Q)install -m 755 $(B)/corsac $(prefix)/bin/corsac
	$(Q)install -m 644 $(API) $(prefix)/include/corsac
	$(Q)install -d $(prefix)/lib && install -m 644 $(SIM).a $(POLICY).a $(prefix)/lib && install -m 755 $(SIM).so $(POLICY).so $(prefix)/lib
	$(Q)install -d $(prefix)/lib/pkgconfig && sed -e 's|@VERSION@|$(VERSION)|; s|@LIBS@|$(POLICY_LIBS)|' launch/library/corsac-policy.pc.in >$(prefix)/lib/pkgconfig/corsac-policy.pc
	$(Q)$(if $(SHARED),install -d $(prefix)/share/corsac/python && install -m 644 $(SHARED) $(prefix)/share/corsac/python)
	$(Q)$(if $(PRESETS),install -m 644 $(PRESETS) $(prefix)/share/corsac/presets)
	$(Q)install -d $(prefix)/share/corsac/cluster && install -m 755 $(CLUSTER) $(prefix)/share/corsac/cluster
	$(Q)for e in $(EXAMPLES:launch/%=%); do install -D -m 644 launch/$$e $(prefix)/share/corsac/$$e || exit 1; done
	$(Q)install -d $(prefix)/share/man/man1 $(prefix)/share/bash-completion/completions
	$(Q)$(B)/corsac help --man >$(prefix)/share/man/man1/corsac.1 && for name in $$($(B)/corsac help --commands); do \
	  $(B)/corsac help --man $$name >$(prefix)/share/man/man1/corsac-$$name.1 || exit 1; done
	$(Q)$(B)/corsac help --completion >$(prefix)/share/bash-completion/completions/corsac
	$(Q)launch/site/install.sh $(prefix) '$(DESTDIR)$(PREFIX)'

uninstall: ## Remove what install put there
	$(Q)launch/site/install.sh --remove '$(DESTDIR)$(PREFIX)'

# Of a clone what git knows, as it stands; of what was unpacked from such an archive everything but what was built.
DIST := corsac-$(VERSION)
dist: ## Make build/corsac-VERSION.tar.gz, which builds by itself
	$(Q)mkdir -p $(BUILD) && { git ls-files -z 2>/dev/null || true; } >$(BUILD)/dist.list
	$(Q)[ -s $(BUILD)/dist.list ] || find . \( -path ./$(BUILD) -o -path ./runs \) -prune -o -type f -printf '%P\0' >$(BUILD)/dist.list
	$(Q)tar -czf $(BUILD)/$(DIST).tar.gz --null -T $(BUILD)/dist.list --transform 's,^,$(DIST)/,' --sort=name --owner=0 --group=0 --numeric-owner
	@echo $(BUILD)/$(DIST).tar.gz

clean: ## Remove build/
	$(Q)rm -rf $(BUILD)

# --- how things are built -----------------------------------------------------------------------------------------------
# Change only when the command line of the compiler does; everything depends on one of them.
.PHONY: FORCE
FORCE:
$(B)/flags: built_with = $(COMPILE) $(LINK) $(LIBS)
$(BUILD)/lib/flags: built_with = $(SIM_COMPILE) $(POLICY_COMPILE) $(LIB_LINK) $(POLICY_LIBS)
$(B)/flags $(BUILD)/lib/flags: FORCE
	@command -v $(firstword $(CC)) >/dev/null && test -n '$(MPI_CFLAGS)' || \
	  { echo "corsac: the compiler or Open MPI is missing: 'make deps' installs what is needed" >&2; exit 1; }
	@mkdir -p $(@D); printf '%s\n' '$(built_with)' | cmp -s - $@ || printf '%s\n' '$(built_with)' >$@

# Below -O2, or with a counter in each loop, the sums of a tile do not stay in registers, and it is a hundred times slower.
$(B)/obj/common/nn/tiles%.o: private KERNEL_FLAGS = $(if $(filter -O0 -O1,$(FLAGS_$(FLAVOUR))),-O2 -fno-profile-arcs -fno-test-coverage)
# What --version --verbose says of the build.
$(B)/obj/launch/cli/version.o: private KERNEL_FLAGS = -DCORSAC_FLAGS='"$(strip -std=c11 $(FLAGS_$(FLAVOUR)) -ffp-contract=off -fno-math-errno -fno-trapping-math $(CFLAGS))"'
$(B)/obj/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

$(B)/double/%.o: %.c $(B)/flags
	$(call say,CC,$< (double))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -DCORSAC_REAL_DOUBLE -MMD -MP -c $< -o $@

$(B)/gen/presets.c: launch/cli/embed.sh $(PRESETS) $(wildcard launch/presets)
$(B)/gen/cluster.c: launch/cli/embed.sh $(CLUSTER) $(wildcard launch/cluster)
$(B)/gen/examples.c: launch/cli/embed.sh $(BEGINNINGS) $(wildcard launch/examples/*)
$(B)/gen/%.c:
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)launch/cli/embed.sh $* $(filter %.yaml %.sh %.c %.cpp %.f90 %.py,$(filter-out launch/cli/embed.sh,$^)) >$@

$(PROTOS:%.proto=$(B)/gen/%.pb-c.c): $(B)/gen/%.pb-c.c: %.proto
	$(call say,PROTO,$<)
	@mkdir -p $(@D)
	@command -v protoc-c >/dev/null || { echo "corsac: protoc-c is missing: 'make deps' installs what is needed" >&2; exit 1; }
	$(Q)protoc-c --c_out=$(B)/gen $<
$(PROTOS:%.proto=$(B)/gen/%.pb-c.h): %.h: %.c ;
$(PROTOS:%.proto=$(B)/obj/gen/%.pb-c.o): KERNEL_FLAGS := -w
$(PROTOS:%.proto=$(B)/obj/%.o) $(foreach p,$(PROTOS:.proto=),$(B)/obj/tests/unit/$(dir $(p))test_$(notdir $(p)).o): $(PROTOS:%.proto=$(B)/gen/%.pb-c.h)
$(B)/obj/launch/policy/export_onnx.o $(B)/obj/tests/unit/launch/policy/test_export_onnx.o: $(B)/gen/launch/policy/onnx.pb-c.h

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Wno-overlength-strings -MMD -MP -c $< -o $@

$(B)/libcorsac.a: $(LIB_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/libsupport.a: $(SUPPORT_OBJECTS)
	$(Q)rm -f $@ && ar rcs $@ $^

# The names of launch/mpi/guest_exits.list are seen by what is opened later.
$(B)/corsac: $(MAIN:%.c=$(B)/obj/%.o) $(MPI_OBJECTS) $(B)/libcorsac.a launch/mpi/guest_exits.list
	$(call say,LINK,$@)
	$(Q)$(LINK) -Wl,--dynamic-list=launch/mpi/guest_exits.list $(filter-out %.list,$^) $(LIBS) -o $@

TEST_ARCHIVES := $(B)/libsupport.a $(B)/libcorsac.a

$(B)/unit/%_double: $(B)/double/tests/unit/%.o $(DOUBLE_OBJECTS) $(TEST_ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(TEST_ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@

$(B)/mpi/%: $(B)/obj/tests/mpi/%.o $(MPI_OBJECTS) $(TEST_ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@

$(B)/cpus/%: $(B)/obj/tests/cpus/%.o $(TEST_ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@

$(COMMA):
	$(call say,LOCALE,$(@D))
	@mkdir -p $(BUILD)/locales
	$(Q)localedef -i de_DE -f UTF-8 ./$(@D) || { echo "corsac: localedef or its sources are missing: 'make deps' installs what is needed" >&2; exit 1; }

$(B)/bench/%: $(B)/obj/tests/bench/%.o $(TEST_ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@

# As plugins outside of the repository see it: <corsac/env.h>.
$(BUILD)/include/corsac/%: common/env/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/include/corsac/%: common/sim/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/include/corsac/%: launch/library/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/share/corsac/python/%: launch/policy/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/share/corsac/python/%: common/sim/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

OBJCOPY := $(if $(filter %-gcc,$(CC)),$(CC:gcc=objcopy),objcopy)
SIM_OBJECTS := $(patsubst %.c,$(BUILD)/lib/obj/sim/%.o,$(wildcard common/env/*.c common/sim/*.c) common/base/c_locale.c)
SIM_COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) -g -O2 -fPIC $(CFLAGS)
LIB_LINK = $(CC) -shared $(CFLAGS) $(LDFLAGS)
$(BUILD)/lib/obj/sim/%.o: %.c $(BUILD)/lib/flags
	$(call say,CC,$< (libcorsac_sim))
	@mkdir -p $(@D)
	$(Q)$(SIM_COMPILE) -MMD -MP -c $< -o $@
# One object that shows nothing but corsac_sim_*: a simulator may have a channel_wait of its own.
$(SIM).a: $(SIM_OBJECTS)
	$(call say,AR,$@)
	$(Q)$(CC) -nostdlib -r $^ -o $@.o && $(OBJCOPY) -w --keep-global-symbol='corsac_sim_*' $@.o && rm -f $@ && ar rcs $@ $@.o && rm -f $@.o
$(SIM).so: $(SIM_OBJECTS) common/sim/libcorsac_sim.map
	$(call say,LINK,$@)
	$(Q)$(LIB_LINK) -Wl,-soname,libcorsac_sim.so -Wl,--version-script=common/sim/libcorsac_sim.map $(SIM_OBJECTS) -ldl -lm -o $@

# What acts and what reads; neither Open MPI nor OpenBLAS is in it. The flags are those of the program, so are the bits.
POLICY_OBJECTS := $(patsubst %,$(BUILD)/lib/obj/policy/%.o,launch/library/libcorsac_policy $(addprefix common/base/,c_locale file held_file memory printable random status suggest) \
  $(addprefix common/config/,options options_yaml) $(patsubst %.c,%,$(wildcard common/nn/tiles*.c)) common/wire/message \
  $(addprefix common/nn/,frozen_policy normalizer policy_layers policy_weights squashed_gaussian) \
  $(patsubst %.c,%,$(wildcard learner/storage/*.c)))
POLICY_COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(LIB_CFLAGS) $(WARNINGS) -g -O3 -fPIC -pthread -ffp-contract=off -fno-math-errno -fno-trapping-math $(CFLAGS)
$(BUILD)/lib/obj/policy/%.o: %.c $(BUILD)/lib/flags
	$(call say,CC,$< (libcorsac_policy))
	@mkdir -p $(@D)
	$(Q)$(POLICY_COMPILE) -MMD -MP -c $< -o $@
$(POLICY).a: $(POLICY_OBJECTS)
	$(call say,AR,$@)
	$(Q)$(CC) -nostdlib -r $^ -o $@.o && $(OBJCOPY) -w --keep-global-symbol='corsac_policy_*' $@.o && rm -f $@ && ar rcs $@ $@.o && rm -f $@.o
$(POLICY).so: $(POLICY_OBJECTS) launch/library/libcorsac_policy.map
	$(call say,LINK,$@)
	$(Q)$(LIB_LINK) -Wl,-soname,libcorsac_policy.so -Wl,--no-undefined -Wl,--version-script=launch/library/libcorsac_policy.map $(POLICY_OBJECTS) $(POLICY_LIBS) -o $@

$(B)/plugins/%.so: tests/support/plugins/%.c $(API) $(B)/flags
	$(call say,PLUGIN,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -I$(BUILD)/include -fPIC -shared -MMD -MP -MF $(B)/plugins/$*.d $< -o $@ -lm

$(B)/simulators/%: tests/support/simulators/%.c $(API) $(SIM).a $(B)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/include $(WARNINGS) -O1 -MMD -MP -MF $(B)/simulators/$*.d $< $(SIM).a -lm -o $@

.SECONDARY:
-include $(shell find $(B) $(BUILD)/lib -name '*.d' 2>/dev/null)
