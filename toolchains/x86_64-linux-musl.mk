# x86-64 with musl in place of glibc: `make static CROSS=x86_64-linux-musl` makes a program that any x86-64 Linux runs.
# Debian has no libraries for it: toolchains/setup.sh compiles Debian's sources of them.
include toolchains/x86_64-linux-gnu.mk
ifneq ($(CROSS),)
SYSROOT := .sysroot/musl
SYSROOT_LIB := $(SYSROOT)/usr/lib
include toolchains/cross.mk
endif
