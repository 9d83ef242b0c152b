# Tests, checks and benchmarks. tests/README.md tells what each kind is for.
.PHONY: tests check check-built check-full check-unit check-mpi check-simulation simulate simulate-mutations simulate-scale check-e2e check-layers check-headers check-format \
  check-asan check-ubsan check-tsan check-valgrind check-clang check-cpus check-arm64 check-openmpi5 \
  coverage bench bench-compare bench-plots fuzz soak

# --- what there is --------------------------------------------------------------------------------
TEST_LIBS := $(or $(call pkg,--libs,cunit),-lcunit)
# These also compile with double: against PyTorch's float64 and central differences.
DOUBLE_TESTS   := batch_norm categorical linalg mlp mlp_pass squashed_gaussian normalizer adam critic sac sac_bits sac_divergence sac_recipes gradient_clip
DOUBLE_SOURCES := $(filter-out common/nn/tiles%,$(filter common/nn/% learner/sac/%,$(SOURCES)))
DOUBLE_OBJECTS := $(DOUBLE_SOURCES:%.c=$(B)/double/%.o)

SUPPORT_OBJECTS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/support/*.c))
# For everything that runs MPI under the address sanitizer.
MPI_OBJECTS := $(if $(filter asan,$(FLAVOUR)),$(B)/obj/tests/support/asan/keep_modules.o)
UNIT_SOURCES := $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/%.c=$(B)/%) \
  $(foreach t,$(DOUBLE_TESTS),$(patsubst tests/%.c,$(B)/%_double,$(filter %/test_$(t).c %/test_$(t)_%.c,$(UNIT_SOURCES))))
MPI_TESTS  := $(patsubst tests/mpi/%.c,$(B)/mpi/%,$(wildcard tests/mpi/test_*.c))
# The longest begin, so that no processor waits for one at the end.
E2E_FIRST  := $(addprefix tests/e2e/,waits.sh resume.sh files.sh bits.sh disk.sh unstarted.sh bad_input.sh gym.sh once.sh)
E2E_TESTS  := $(E2E_FIRST) $(filter-out $(E2E_FIRST) tests/e2e/lib%.sh,$(wildcard tests/e2e/*.sh))
# Each of these has the machine alone: hosts in namespaces of their own, a Slurm.
E2E_ALONE  := $(addprefix tests/e2e/,hosts.sh slurm.sh)
BENCHES    := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
PLUGINS    := $(patsubst tests/support/plugins/%.c,$(B)/plugins/%.so,$(wildcard tests/support/plugins/*.c))
SIMULATORS := $(patsubst tests/support/simulators/%.c,$(B)/simulators/%,$(wildcard tests/support/simulators/*.c))
FMUS       := $(B)/fmus/spring2.fmu $(B)/fmus/spring3.fmu

# TESTS="adam sac" keeps of each kind the tests of these names.
select = $(if $(TESTS),$(foreach t,$(TESTS),$(filter %/test_$(t) %/test_$(t)_double %/$(t) %/$(t).sh,$(1)) \
  $(foreach p,$(1),$(if $(findstring /test_$(t)_np,$(p)),$(p)))),$(1))

# --- how tests run --------------------------------------------------------------------------------
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
# Two more than there are processors, since most tests wait now and then.
TEST_JOBS ?= $(shell expr $$(nproc) + 2)
RUN_TESTS = tests/support/run_tests.sh -r $(B)/results -s $(TIME_SCALE)

# --- check ----------------------------------------------------------------------------------------
tests: $(UNIT_TESTS) $(MPI_TESTS) $(B)/simulation/simulate $(B)/simulation/scale $(PLUGINS) $(SIMULATORS) $(FMUS) ## Build the tests

# A sub-make, since the libraries are looked up when a Makefile is read.
check: ## Install what is missing, build, run every check and test that a commit must pass
	$(Q)launch/install-deps.sh core tests
	$(Q)$(MAKE) check-built

# The parts run one after another. Within a part tests run side by side (TEST_JOBS=4).
CHECKS := check-layers check-headers check-format check-unit check-mpi check-simulation check-e2e
check-built: all tests
	@rm -f $(B)/results; failed=0; for part in $(CHECKS); do $(MAKE) $$part || failed=1; done; \
	tests/support/run_tests.sh -r $(B)/results -t && exit $$failed

check-full: ## check, then the long tests, the sanitizers, clang, other processors and the coverage
	$(Q)launch/install-deps.sh core tests full coverage
	$(Q)CHECK_FULL=1 $(MAKE) check-built
	$(Q)for part in check-asan check-ubsan check-tsan check-valgrind check-clang check-cpus check-arm64 check-openmpi5 fuzz coverage; do $(MAKE) $$part || exit 1; done
	$(Q)$(MAKE) simulate SEEDS=20000

check-unit: $(call select,$(UNIT_TESTS)) $(COMMA) $(PLUGINS) $(SIMULATORS) $(FMUS) $(SHARED) ## Run tests/unit
	$(Q)$(RUN_TESTS) -j $(TEST_JOBS) unit $(call select,$(UNIT_TESTS))

check-simulation: $(B)/simulation/simulate ## Run tests/simulation: 200 worlds
	$(Q)$(RUN_TESTS) simulation $<

check-mpi: $(call select,$(MPI_TESTS)) $(B)/corsac $(PLUGINS) $(SIMULATORS) ## Run tests/mpi
	$(Q)$(RUN_TESTS) -j $(TEST_JOBS) mpi $(call select,$(MPI_TESTS))

check-e2e: all $(COMMA) $(PLUGINS) $(SIMULATORS) $(FMUS) $(B)/unit/actor/envs/test_mujoco $(B)/unit/actor/envs/test_gym ## Run tests/e2e (CHECK_FULL=1: the long ones too)
	$(Q)PYTHON=$$(for p in $(PYTHON) python3 /usr/bin/python3; do $$p -c 'import h5py' 2>/dev/null && echo $$p && break; done); \
	  export PYTHON; $(RUN_TESTS) -j $(TEST_JOBS) -a '$(E2E_ALONE)' e2e $(call select,$(E2E_TESTS))

check-layers: ## Who may include whom, and the top level of the repository
	@tests/support/check_layers.sh --table
	$(Q)$(RUN_TESTS) script tests/support/check_layers.sh

check-headers: $(B)/flags ## Every header compiles alone
	$(Q)COMPILE='$(COMPILE)' $(RUN_TESTS) script tests/support/check_headers.sh

check-format: ## The sources are as clang-format leaves them
	$(Q)$(RUN_TESTS) script tests/support/check_format.sh

check-asan check-ubsan: check-%: ## Unit and MPI tests under the address or the undefined-behaviour sanitizer
	$(Q)$(MAKE) FLAVOUR=$* check-unit && $(MAKE) FLAVOUR=$* check-mpi && $(MAKE) FLAVOUR=$* check-simulation

check-tsan: ## The tests of threads under the thread sanitizer
	$(Q)$(MAKE) FLAVOUR=tsan TESTS="log log_file thread_team sac sac_bits sac_recipes shared_weights checkpoint_writer checkpoint_history checkpoint_schedule errands libcorsac_policy" check-unit

check-valgrind: ## The arithmetic, codec and HDF5's driver under valgrind: what is used before it is set, or after it is freed
	$(Q)WRAP='valgrind -q --error-exitcode=9' $(MAKE) FLAVOUR=debug TIME_SCALE=20 check-unit \
	  TESTS="$(or $(TESTS),$(DOUBLE_TESTS) random replay n_step codec message h5_output)"

check-clang: ## Build everything with clang, warnings are errors
	$(Q)$(MAKE) BUILD=$(BUILD)/clang CC=clang WERROR=1 all tests

# One world with SEED=, else a search.
simulate: $(B)/simulation/simulate ## Search simulated clusters: SEEDS=200 FROM=1, HOURS=1; SEED=1 [WITHOUT=0,1] [ACTORS=2]: one, with its events
	$(Q)$< $(if $(SEED),--seed $(SEED) $(WITHOUT:%=--without %) $(ACTORS:%=--actors %),$(SEEDS:%=--seeds %) $(FROM:%=--from %) $(HOURS:%=--hours %))

simulate-mutations: ## Does the search find each of the faults of tests/simulation/mutations.txt?
	+$(Q)tests/simulation/mutations.sh

simulate-scale: $(B)/simulation/scale ## What 100 to 10,000 actors cost the learner
	$(Q)$<

# --- beyond check ---------------------------------------------------------------------------------
# From the corpus on; NEW=DIR keeps what it finds.
FUZZ_SOURCES := tests/support/codec_fuzz.c tests/support/codec_samples.c common/wire/message.c $(wildcard common/wire/codec*.c) \
  common/nn/history.c common/base/memory.c common/base/printable.c common/base/status.c
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
ARM64_TESTS := tiles linalg mlp mlp_pass batch_norm normalizer policy frozen_policy squashed_gaussian adam categorical critic gradient_clip \
  learning_rate sac sac_recipes random logarithm
export EMULATOR := qemu-aarch64 -L /usr/aarch64-linux-gnu
export ARM64_DIR := $(ARM64)/release
ARM64_MAKE = $(MAKE) FLAVOUR=release BUILD=$(ARM64) CC=aarch64-linux-gnu-gcc CFLAGS='-idirafter /usr/include -fno-builtin-fmax' \
  LIBS='-ldl -lm -lpthread' MPI_LIBS= TEST_LIBS='$$(B)/obj/tests/cpus/arm64.o' WRAP='$(EMULATOR)' TIME_SCALE=10
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

# --- how tests are built ---------------------------------------------------------------------------
$(B)/double/%.o: %.c $(B)/flags
	$(call say,CC,$< (double))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -DCORSAC_REAL_DOUBLE -MMD -MP -c $< -o $@

# Tests of what uses a message of others' formats include the header that protoc-c makes.
$(foreach p,$(PROTOS:.proto=),$(B)/obj/tests/unit/$(dir $(p))test_$(notdir $(p)).o) $(B)/obj/tests/unit/launch/policy/test_export_onnx.o: \
  $(PROTOS:%.proto=$(B)/gen/%.pb-c.h)

$(B)/libsupport.a: $(SUPPORT_OBJECTS)
	$(Q)rm -f $@ && ar rcs $@ $^

TEST_ARCHIVES := $(B)/libsupport.a $(B)/libcorsac.a
define link_test
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(TEST_LIBS) $(LIBS) -o $@
endef
$(B)/unit/%_double: $(B)/double/tests/unit/%.o $(DOUBLE_OBJECTS) $(TEST_ARCHIVES)
	$(link_test)
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(TEST_ARCHIVES)
	$(link_test)
$(B)/mpi/%: $(B)/obj/tests/mpi/%.o $(MPI_OBJECTS) $(TEST_ARCHIVES)
	$(link_test)
$(B)/cpus/%: $(B)/obj/tests/cpus/%.o $(TEST_ARCHIVES)
	$(link_test)
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(TEST_ARCHIVES)
	$(link_test)

$(COMMA):
	$(call say,LOCALE,$(@D))
	@mkdir -p $(BUILD)/locales
	$(Q)localedef -i de_DE -f UTF-8 ./$(@D) || { echo "corsac: localedef or its sources are missing: 'make deps' installs what is needed" >&2; exit 1; }

$(B)/plugins/%.so: tests/support/plugins/%.c $(API) $(B)/flags
	$(call say,PLUGIN,$@)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -I$(BUILD)/include -fPIC -shared -MMD -MP -MF $(B)/plugins/$*.d $< -o $@ -lm $(if $(filter %_mpi,$*),$(MPI_LIBS))

$(B)/simulators/%: tests/support/simulators/%.c $(API) $(SIM).a $(B)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -I. -I$(BUILD)/include $(WARNINGS) -O1 -MMD -MP -MF $(B)/simulators/$*.d $< $(SIM).a -lm -o $@

# An FMU is a zip file of a description and of binaries for each platform, whose names differ between FMI 2 and 3.
FMU_PLATFORM_2 := $(if $(filter x86_64,$(shell uname -m)),linux64,$(shell uname -m)-linux)
FMU_PLATFORM_3 := $(shell uname -m)-linux
$(B)/fmus/spring%.fmu: tests/support/fmus/spring.c tests/support/fmus/spring%.xml $(B)/flags
	$(call say,FMU,$@)
	@rm -rf $(@:.fmu=) $@ && mkdir -p $(@:.fmu=)/binaries/$(FMU_PLATFORM_$*) $(@:.fmu=)/resources
	$(Q)$(COMPILE) -DFMI_VERSION=$* -fPIC -shared -fvisibility=hidden $< -o $(@:.fmu=)/binaries/$(FMU_PLATFORM_$*)/spring.so
	$(Q)cp tests/support/fmus/spring$*.xml $(@:.fmu=)/modelDescription.xml && echo spring >$(@:.fmu=)/resources/name.txt
	$(Q)cd $(@:.fmu=) && python3 -m zipfile -c ../$(@F) modelDescription.xml binaries resources

# The functions that tests/simulation/seams.h names are called instead of those of these names.
SEAMS := clock_gettime time nanosleep backoff_wait backoff_reset pthread_create pthread_join pthread_detach pthread_setname_np \
  pthread_cond_signal pthread_cond_wait pthread_cond_timedwait getpid gethostname process_pid_namespace process_namespace \
  process_boot process_start process_has_ended environment_kind_open write pwrite fsync rename held_file_open held_file_close \
  log_write log_open_file learner_create learner_turn checkpoint_writer_take actor_turn learner_drain actor_table_keep_in_touch \
  actor_table_grant learner_publish sac_update
SIMULATION := $(patsubst %.c,$(B)/obj/%.o,$(filter-out tests/simulation/simulate.c tests/simulation/scale.c,$(wildcard tests/simulation/*.c)))
$(B)/simulation/%: $(B)/obj/tests/simulation/%.o $(SIMULATION) $(B)/libcorsac.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) $(SEAMS:%=-Wl,--wrap=%) $^ $(LIBS) -o $@
