# x86-64. Every file is for the baseline (SSE2); a kernel file's suffix names its ISA.
SIMD := x86
HARDENING := -fcf-protection
ISAS := sse41 avx2 avxvnni avx512bw avx512vnni amx
ISA_sse41 := -msse4.1
ISA_avx2 := -mavx2 -mfma
ISA_avxvnni := $(ISA_avx2) -mavxvnni
ISA_avx512bw := -mavx512f -mavx512bw -mavx512vl -mavx512dq
ISA_avx512vnni := $(ISA_avx512bw) -mavx512vnni
ISA_amx := $(ISA_avx512vnni) -mamx-tile -mamx-int8
