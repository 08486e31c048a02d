# The libraries: jansson, utf8proc and xxhash are needed; oneDNN and libxsmm, for products of floats, are used only when
# asked for (WITH_ONEDNN=1, WITH_LIBXSMM=1). pkg-config is asked first; where it or a .pc file is missing, the compiler is
# asked for the header.
PKG_CONFIG ?= pkg-config
LIB_CFLAGS := $(SYSROOT_CFLAGS)
LIB_LDFLAGS := $(SYSROOT_LDFLAGS)
LIB_DEFINES :=
LIBS :=
LIBS_NO_PC := -lm -pthread $(if $(filter 0,$(CONVERT)),,-ldl)
TEST_LIBS := -lcmocka

# $(call has,header): "yes" when the compiler finds it.
has = $(shell echo '$(hash)include <$1>' | \
    $(CC) $(ARCH_FLAGS) $(LIB_CFLAGS) $(CFLAGS) $(CPPFLAGS) -x c -E -o /dev/null - 2>/dev/null && echo yes)
# $(call use,pc name,-l name): flags from pkg-config, else the bare library. $(call need,pc name,name): or it is missing.
pc = $(shell $(PKG_ENV) $(PKG_CONFIG) $(if $(STATIC),--static) $1 2>/dev/null)
use = $(eval LIB_CFLAGS += $(call pc,--cflags $1))$(eval LIBS += $(or $(call pc,--libs $1),$2))
need = $(call use,$1,-l$2)$(if $(call has,$2.h),,lib$2-dev)

ifeq ($(LIBLESS),)
ifneq ($(COMPILES),)
ifeq ($(shell command -v $(firstword $(CC)) 2>/dev/null),)
$(error no compiler $(firstword $(CC)); $(if $(CROSS),`toolchains/setup.sh $(CROSS)` installs that of $(CROSS),`make deps` installs gcc))
endif
MISSING := $(strip $(call need,jansson,jansson) $(call need,libutf8proc,utf8proc) $(call need,libxxhash,xxhash))
ifneq ($(MISSING),)
$(error missing: $(MISSING). `make deps` installs it$(if $(CROSS), ; for CROSS: toolchains/setup.sh $(CROSS)))
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
