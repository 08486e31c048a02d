# Cross-compiling, for every target: libraries from the sysroot that toolchains/setup.sh <triple> makes.
# The C library comes with the cross compiler; the sysroot's own (no headers) is what the emulator runs with.
ifneq ($(IS_CLANG),)
ARCH_FLAGS += --target=$(CROSS)
endif
# Who says where libraries are, as the cross builds of distributions do, needs no sysroot of ours.
ifneq ($(PKG_CONFIG)$(PKG_CONFIG_LIBDIR)$(PKG_CONFIG_SYSROOT_DIR),)
SYSROOT :=
endif
ifneq ($(SYSROOT),)
ifeq ($(wildcard $(SYSROOT)/usr/include),)
$(if $(COMPILES),$(error no sysroot for $(CROSS): run toolchains/setup.sh $(CROSS)))
endif
SYSROOT_LIB ?= $(SYSROOT)/usr/lib/$(CROSS)
PKG_ENV := PKG_CONFIG_LIBDIR=$(SYSROOT_LIB)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(SYSROOT)
SYSROOT_CFLAGS := -isystem $(SYSROOT)/usr/include
SYSROOT_LDFLAGS := -L$(SYSROOT_LIB) -Wl,-rpath-link,$(SYSROOT_LIB):$(SYSROOT)/lib/$(CROSS)
endif
# `make print-RUN CROSS=... CPU=...` says how to run a program of this build. A CPU is always named: qemu's own default
# is "max".
CPU ?= $(firstword $(CPUS))
RUN := $(if $(EMULATOR),env $(if $(SYSROOT),QEMU_LD_PREFIX=$(SYSROOT)) QEMU_CPU=$(CPU) $(EMULATOR))
