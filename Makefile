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
TRIPLE := $(shell $(CC) -dumpmachine | sed -e 's/^x86_64-.*/x86_64-linux-gnu/' -e 's/^aarch64-.*/aarch64-linux-gnu/' \
    -e 's/^arm.*eabihf$$/arm-linux-gnueabihf/' -e 's/^riscv64-.*/riscv64-linux-gnu/')
endif
ifeq ($(origin CC),default)
CC := $(if $(CROSS),$(CROSS)-gcc,$(shell command -v gcc >/dev/null 2>&1 && echo gcc || echo cc))
endif
ifeq ($(origin AR),default)
AR := $(if $(CROSS),$(CROSS)-ar,ar)
endif
IS_CLANG := $(findstring clang,$(notdir $(CC)))
comma := ,
# CONVERT=0 leaves conversion (quant/) out: what is built runs models and makes none.
RUN_ONLY := $(filter 0,$(CONVERT))
SUFFIX := $(if $(IS_CLANG),-clang)$(if $(RUN_ONLY),-run)$(if $(STATIC),-static)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
SUFFIX += $(if $(filter 1,$(WITH_ONEDNN)),-onednn)$(if $(filter 1,$(WITH_LIBXSMM)),-libxsmm)$(if $(FUZZER),-fuzzer)
BUILD ?= build/$(TRIPLE)$(subst $() ,,$(SUFFIX))

# ---- Flags ---------------------------------------------------------------------------------------------------------

# From the toolchain: SIMD (folder of kernels), ARCH_FLAGS (every file), ISAS and ISA_<name> (by a kernel file's
# suffix), PKG (how to ask for libraries), RUN (emulator), LIBLESS (no third-party libraries exist for this target).
ISAS :=
RUN :=
PKG ?= pkg-config
-include toolchains/$(TRIPLE).mk
include toolchains/libs.mk

# Contraction would make a*b+c round differently from CPU to CPU.
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wconversion $(if $(filter 1,$(WERROR)),-Werror)
FLAGS := -std=c11 $(WARNINGS) $(ARCH_FLAGS) -ffp-contract=off -fno-math-errno -fPIC -fvisibility=hidden -pthread
FLAGS += -ffile-prefix-map=$(CURDIR)=.
FLAGS += $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
FLAGS += $(if $(FUZZER),-fsanitize=fuzzer-no-link)
# 64-bit file offsets, also where long has 32 bits: else stat and readdir fail on large file systems.
DEFINES := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(LIB_DEFINES) $(if $(STATIC)$(LIBLESS),-DTERN_STATIC)
INCLUDES := -I. $(LIB_CFLAGS)
LINK_FLAGS := $(ARCH_FLAGS) -pthread -Wl,--as-needed $(if $(STATIC),-static)
LINK_FLAGS += $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LIB_LDFLAGS)

# An ISA whose flags this compiler refuses: its files are left out and TERN_NO_<ISA> hides its rows.
NO_ISAS := $(shell for isa in $(foreach i,$(ISAS),'$i $(ISA_$i)'); do set -- $$isa; name=$$1; shift; \
    $(CC) $(ARCH_FLAGS) "$$@" -x c -S -o /dev/null /dev/null 2>/dev/null || echo $$name; done)
DEFINES += $(addprefix -DTERN_NO_,$(NO_ISAS))
isa_of = $(lastword $(subst _, ,$(basename $(notdir $1))))
isa_flags = $(if $(filter simd/$(SIMD)/%,$1),$(ISA_$(call isa_of,$1)))

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
FUZZ_SRCS := $(wildcard tests/fuzz/*.c)

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

.PHONY: all lib cli tests static install uninstall demo demo-run check fuzz bench-peers bench-shared bench-cold bench-onednn bench-sparse bench-formats bench-sparsity count-arm deps clean help print-% FORCE
all: lib cli
lib: $(STATIC_LIB) $(SHARED_LIB)
cli: $(CLI)
tests: $(TESTS)

# Objects depend on this file, which changes only when the command that builds them does.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS) $(CFLAGS) $(CPPFLAGS) $(DEFINES) $(INCLUDES) $(LINK_FLAGS) $(LDFLAGS) $(LIBS)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC   $<)
	$(Q)$(CC) $(FLAGS) $(call isa_flags,$<) $(CFLAGS) $(DEFINES) $(INCLUDES) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(STATIC_LIB): $(call obj,$(LIB_SRCS))
	$(call say,AR   $@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# libtern.so.N is the library itself; the name without a number is for the linker.
$(BUILD)/$(SONAME): $(call obj,$(LIB_SRCS))
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -Wl,--exclude-libs,ALL -o $@ $^ $(LIBS)
	$(Q)ln -sf $(SONAME) $(BUILD)/libtern.so

$(BUILD)/tern: $(call obj,$(CLI_SRCS)) $(STATIC_LIB)
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# A test may ask for more in its first lines: /* LDFLAGS: -Wl,--wrap=malloc */ or /* SOURCES: tests/other.c */.
asks = $(shell sed -n '1,5s|^/\* $1: *\(.*\) \*/$$|\1|p' $2)
.SECONDEXPANSION:
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $$(call obj,$$(call asks,SOURCES,tests/$$*.c)) \
    $(BUILD)/tests/libhelp.a $(STATIC_LIB)
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(call asks,LDFLAGS,tests/$*.c) $(TEST_LIBS) $(LIBS) -ldl

$(BUILD)/tests/libhelp.a: $(call obj,$(HELP_SRCS)) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/tests/kernels: $(call obj,$(BENCH_SRCS)) $(STATIC_LIB)
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) $(if $(LIBLESS),-static) -o $@ $^ $(LIBS)

# Debian has no static cpuinfo: this build does without it (the library looks for itself).
static:
	+$(MAKE) --no-print-directory STATIC=1 cli

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(LIB_SRCS) $(CLI_SRCS) $(TEST_SRCS) $(BENCH_SRCS) $(DRIVER_SRCS) \
    $(HELP_SRCS) $(FUZZ_SRCS))

# ---- Installing ----------------------------------------------------------------------------------------------------

MAN := $(wildcard tools/tern.1)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)
	install -m 755 $(BUILD)/tern $(DESTDIR)$(PREFIX)/bin/tern
	install -m 644 $(BUILD)/$(SONAME) $(BUILD)/libtern.a $(DESTDIR)$(LIBDIR)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libtern.so
	install -m 644 runtime/base/tern.h $(DESTDIR)$(INCLUDEDIR)/tern.h
	$(if $(RUN_ONLY),,sed 's|"runtime/base/tern.h"|"tern.h"|' quant/tern_convert.h > $(DESTDIR)$(INCLUDEDIR)/tern_convert.h)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@REQUIRES@|$(LIB_REQUIRES)|' -e 's|@LIBS@|$(LIBS_NO_PC)|' \
	    tern.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/tern.pc
	$(if $(DESTDIR),,ldconfig 2>/dev/null || true) # so that programs find the library at once
	$(if $(MAN),install -d $(DESTDIR)$(MANDIR)/man1 && install -m 644 $(MAN) $(DESTDIR)$(MANDIR)/man1/tern.1)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,$(SONAME) libtern.so libtern.a pkgconfig/tern.pc) \
	    $(DESTDIR)$(PREFIX)/bin/tern $(addprefix $(DESTDIR)$(INCLUDEDIR)/,tern.h tern_convert.h) \
	    $(DESTDIR)$(MANDIR)/man1/tern.1

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

fuzz:
	toolchains/install-deps.sh fuzz
	+$(MAKE) --no-print-directory CC=clang SANITIZE=address,undefined FUZZER=1 fuzz-run

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRCS))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(STATIC_LIB)
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# Inputs found stay in build/fuzz/<name>; tests/fuzz/<name>/, where there is one, is what it starts from.
.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	@for f in $(FUZZERS); do n=$$(basename $$f); mkdir -p build/fuzz/$$n; \
	    seeds=; [ ! -d tests/fuzz/$$n ] || seeds=tests/fuzz/$$n; \
	    dict=; [ ! -f tests/fuzz/$$n.dict ] || dict=-dict=tests/fuzz/$$n.dict; \
	    echo "fuzz $$n, $(FUZZ_SECONDS) s"; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=build/fuzz/$$n- $$dict \
	        build/fuzz/$$n $$seeds || exit 1; done

bench-peers: all
	tools/peers/run.sh $(BUILD)/tern

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

# Writes docs/sparsity.svg too.
bench-sparsity: all
	@tools/sparsity.py $(BUILD)/tern --checkpoint $(CHECKPOINT) --texts $(TEXTS) --sst2 $(SST2) --svg docs/sparsity.svg $(ARGS)

count-arm:
	toolchains/setup.sh aarch64-linux-gnu
	+$(MAKE) --no-print-directory CROSS=aarch64-linux-gnu lib
	+$(MAKE) --no-print-directory CROSS=aarch64-linux-gnu STATIC=1 cli
	"$${PYTHON-/usr/bin/python3}" tools/arm/count.py $(ARGS)

# ARGS="--seconds 1 --rounds 5 --texts short --busy one": tools/shared/bench_shared.c.
bench-shared: $(BUILD)/bench_shared
	$(BUILD)/bench_shared $(ARGS)
$(BUILD)/bench_shared: $(call obj,tools/shared/bench_shared.c tools/cli.c tools/host.c tools/seeded.c) $(STATIC_LIB)
	$(call say,LD   $@)
	$(Q)$(CC) $(LINK_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# ARGS="ISA ROWS...", and DNNL_MAX_CPU_ISA for the other side: tools/peers/README.md.
bench-onednn: $(STATIC_LIB)
	@echo '#include <dnnl.h>' | $(CC) -E -x c - >/dev/null 2>&1 || { echo 'install libdnnl-dev first'; exit 1; }
	$(Q)$(CC) $(FLAGS) $(CFLAGS) $(DEFINES) $(INCLUDES) -o $(BUILD)/onednn_gemm tools/peers/onednn_gemm.c $(STATIC_LIB) \
	    $(LIBS) -ldnnl
	OMP_NUM_THREADS=1 $(BUILD)/onednn_gemm $(ARGS)

# ARGS="ROWS ZEROS..."; a peer whose library is missing is left out.
HAVE_PEER = $(shell echo '\#include <$1>' | $(CC) -E -x c - >/dev/null 2>&1 && echo yes)
bench-sparse: PEERS := $(if $(call HAVE_PEER,libxsmm.h),libxsmm) $(if $(call HAVE_PEER,dnnl.h),onednn)
bench-sparse: $(STATIC_LIB)
	$(if $(filter libxsmm,$(PEERS)),,@echo 'without libxsmm: install libxsmm-dev')
	$(if $(filter onednn,$(PEERS)),,@echo 'without oneDNN: install libdnnl-dev')
	$(Q)$(CC) $(FLAGS) $(CFLAGS) $(DEFINES) $(INCLUDES) $(if $(filter libxsmm,$(PEERS)),-DWITH_LIBXSMM) \
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
	@echo 'make fuzz         FUZZ_SECONDS=60 for each of tests/fuzz'
	@echo 'make bench-peers  measure against other engines'
	@echo 'make bench-shared measure several processes and sessions side by side, and beside busy programs'
	@echo 'make bench-cold   from exec to the first answer, beside ONNX Runtime'
	@echo 'make bench-formats  bits, bytes, accuracy and time of every format: CHECKPOINT, TEXTS, SST2, STSB'
	@echo 'make bench-sparsity  accuracy over sparsity, every block shape: a table and docs/sparsity.svg'
	@echo 'make count-arm    executed instructions and llvm-mca cycles of the ARM builds (no times)'
	@echo 'make bench-onednn int8 GEMM beside that of oneDNN; ARGS="avx2 16 128"'
	@echo 'make bench-sparse block-sparse products beside libxsmm and oneDNN; ARGS="64 50 80 90" (rows, per cent of zeros)'
	@echo 'CROSS=aarch64-linux-gnu | arm-linux-gnueabihf | riscv64-linux-gnu (once before: toolchains/setup.sh <triple>)'
	@echo 'CC, CFLAGS, LDFLAGS, WERROR=1, SANITIZE=address,undefined or thread, V=1 (print commands),'
	@echo 'WITH_CPUINFO=0, WITH_ONEDNN=1, WITH_LIBXSMM=1 (float products of f32 models)'
