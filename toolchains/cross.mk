# Cross-compiling, for every target: libraries from the sysroot that toolchains/setup.sh <triple> makes.
# The C library comes with the cross compiler; the sysroot's own (no headers) is what the emulator runs with.
ifneq ($(IS_CLANG),)
ARCH_FLAGS += --target=$(CROSS)
endif
ifneq ($(SYSROOT),)
ifeq ($(wildcard $(SYSROOT)/usr/include),)
$(if $(filter-out clean help check deps print-%,$(or $(MAKECMDGOALS),all)), \
    $(error no sysroot for $(CROSS): run toolchains/setup.sh $(CROSS)))
endif
PKG := PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS)/pkgconfig PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) pkg-config
SYSROOT_CFLAGS := -isystem $(SYSROOT)/usr/include
SYSROOT_LDFLAGS := -L$(SYSROOT)/usr/lib/$(CROSS) -Wl,-rpath-link,$(SYSROOT)/usr/lib/$(CROSS):$(SYSROOT)/lib/$(CROSS)
endif
# `make print-RUN CROSS=... CPU=...` says how to run a program of this build. A CPU is always named: qemu's own default
# is "max".
CPU ?= $(firstword $(CPUS))
RUN := env $(if $(SYSROOT),QEMU_LD_PREFIX=$(SYSROOT)) QEMU_CPU=$(CPU) $(EMULATOR)
