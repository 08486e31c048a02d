# 32-bit ARM, hard float: Raspberry Pi 2 and up with a 32-bit system. Every file is for ARMv7-A without NEON; Raspberry
# Pi OS's own compiler would aim at ARMv6. Clang's default FPU for ARMv7 is NEON, hence the explicit one.
SIMD := arm
ARCH_FLAGS := -march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard
ISAS := neon dotprod i8mm
ISA_neon := -mfpu=neon
# The FPU that goes with a newer -march, by the name that each compiler knows.
NEON_V8 := $(if $(IS_CLANG),-mfpu=neon-fp-armv8,-mfpu=auto)
ISA_dotprod := -march=armv8.2-a+dotprod $(NEON_V8)
ISA_i8mm := -march=armv8.2-a+dotprod+i8mm $(NEON_V8)
ifneq ($(CROSS),)
SYSROOT := .sysroot/armhf
EMULATOR := qemu-arm-static
CPUS := cortex-a7
include toolchains/cross.mk
endif
