# The libraries: jansson, utf8proc and xxhash are needed; cpuinfo is used when it is there (WITH_CPUINFO=0
# refuses it); oneDNN and libxsmm, for products of floats, only when asked for (WITH_ONEDNN=1, WITH_LIBXSMM=1).
# pkg-config is asked first; where it or a .pc file is missing, the compiler is asked for the header.
WITH_CPUINFO ?= auto
ifneq ($(STATIC)$(LIBLESS),)
WITH_CPUINFO := 0
endif
LIB_CFLAGS := $(SYSROOT_CFLAGS)
LIB_LDFLAGS := $(SYSROOT_LDFLAGS)
LIB_DEFINES :=
LIB_REQUIRES :=
LIBS :=
LIBS_NO_PC := -lm -pthread $(if $(filter 0,$(CONVERT)),,-ldl)
TEST_LIBS := -lcmocka

# $(call has,header): "yes" when the compiler finds it.
has = $(shell echo '\#include <$1>' | \
    $(CC) $(ARCH_FLAGS) $(LIB_CFLAGS) $(CFLAGS) $(CPPFLAGS) -x c -E -o /dev/null - 2>/dev/null && echo yes)
# $(call use,pc name,-l name): flags from pkg-config, else the bare library.
pc_cflags = $(shell $(PKG) --cflags $1 2>/dev/null)
pc_libs = $(or $(shell $(PKG) --libs $1 2>/dev/null),$2)
use = $(eval LIB_CFLAGS += $(call pc_cflags,$1))$(eval LIBS += $(call pc_libs,$1,$2))$(eval LIB_REQUIRES += $1)

NEEDS_LIBS := $(filter-out clean help deps demo check fuzz uninstall print-%,$(or $(MAKECMDGOALS),all))
ifeq ($(LIBLESS),)
ifneq ($(NEEDS_LIBS),)
MISSING := $(strip $(foreach h,jansson utf8proc xxhash,$(if $(call has,$h.h),,lib$h-dev)))
ifneq ($(MISSING),)
$(error missing: $(MISSING). `make deps` installs it$(if $(CROSS), ; for CROSS: toolchains/setup.sh $(CROSS)))
endif
endif
$(call use,jansson,-ljansson)
$(call use,libutf8proc,-lutf8proc)
$(call use,libxxhash,-lxxhash)
ifneq ($(WITH_CPUINFO),0)
ifneq ($(call has,cpuinfo.h),)
$(call use,libcpuinfo,-lcpuinfo)
LIB_DEFINES += -DTERN_WITH_CPUINFO
endif
endif
ifeq ($(WITH_ONEDNN),1)
ifeq ($(call has,dnnl.h),)
$(error WITH_ONEDNN=1: no dnnl.h; install libdnnl-dev)
endif
LIB_DEFINES += -DTERN_WITH_onednn
LIBS_NO_PC := -ldnnl -lgomp $(LIBS_NO_PC)
endif
ifeq ($(WITH_LIBXSMM),1)
ifeq ($(call has,libxsmm.h),)
$(error WITH_LIBXSMM=1: no libxsmm.h; install libxsmm-dev)
endif
LIB_DEFINES += -DTERN_WITH_libxsmm
LIBS_NO_PC := -lxsmm -lxsmmnoblas $(LIBS_NO_PC) -ldl
endif
endif
LIBS += $(LIBS_NO_PC)
