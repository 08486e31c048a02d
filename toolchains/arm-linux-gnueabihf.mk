# 32-bit ARM, hard float: Raspberry Pi 2 and up with a 32-bit system. Every file is for ARMv7-A without NEON; Raspberry
# Pi OS's own compiler would aim at ARMv6. Clang's default FPU for ARMv7 is NEON, hence the explicit one.
SIMD := arm
ARCH_FLAGS := $(if $(filter -mcpu=%,$(CFLAGS)),,-march=armv7-a) -mfpu=vfpv3-d16 -mfloat-abi=hard
# A 32-bit system on a CPU with dotprod takes the NEON kernels.
ISAS := neon
ISA_neon := -march=armv7-a -mfpu=neon
# gcc takes no -mcpu beside the -march of another architecture.
ISA_REPLACES := -mcpu=% -march=%
ifneq ($(CROSS),)
SYSROOT := .sysroot/armhf
EMULATOR := qemu-arm-static
CPUS := cortex-a7
include toolchains/cross.mk
endif
