# 64-bit RISC-V (rv64gc): plain C. Debian 12 has none of the libraries for it, so cross-compiling builds
# runtime/base/, simd/ and tests/kernels only.
ifneq ($(CROSS),)
LIBLESS := 1
EMULATOR := qemu-riscv64-static
CPUS := rv64
RUN ?=
include toolchains/cross.mk
endif
