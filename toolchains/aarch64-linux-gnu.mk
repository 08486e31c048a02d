# 64-bit ARM: Raspberry Pi 3, 4, 5 and up. Every file is for ARMv8.0; -mno-outline-atomics keeps LSE atomics out.
# The "+dotprod" alone is refused by gcc from an armv8-a base: the whole -march is needed.
SIMD := arm
ARCH_FLAGS := $(if $(filter -mcpu=%,$(CFLAGS)),,-march=armv8-a) -mno-outline-atomics
HARDENING := -mbranch-protection=standard
# gcc takes no -mcpu beside the -march of another architecture.
ISA_REPLACES := -mcpu=% -march=%
ISAS := neon dotprod i8mm
ISA_neon := -march=armv8-a
ISA_dotprod := -march=armv8.2-a+dotprod
ISA_i8mm := -march=armv8.2-a+dotprod+i8mm
ifneq ($(CROSS),)
SYSROOT := .sysroot/arm64
EMULATOR := qemu-aarch64-static
# Pi 3 and Zero 2; Pi 4; Pi 5; everything but SVE (what i8mm needs; qemu 7.2 is wrong about SME).
CPUS := cortex-a53 cortex-a72 cortex-a76 max,sve=off
include toolchains/cross.mk
endif
