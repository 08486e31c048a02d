/* Barriers for the compiler: empty assembly, which costs no instruction and which no optimiser sees through. A kernel
   writes a tile's loads, products and sums in an order that fits the registers; gcc 12 and clang 14 would load a whole
   tile ahead, copy sums or put additions off, and then spill. Which barrier a place needs was found by reading the
   instructions: pinned one by one, two vectors give other code than pinned as a pair. Results do not depend on any. */
#ifndef TERN_BARRIER_H
#define TERN_BARRIER_H

#if defined(__x86_64__)
#define TERN_IN_VECTOR_REGISTER "+v" /* "x" and, with AVX-512, the upper sixteen */
#else
#define TERN_IN_VECTOR_REGISTER "+w"
#endif

/* No load or store moves across this place. The AMX kernels need it to be right, too: compilers think that the tile
   instructions touch no memory. */
#define TERN_KEEP_ORDER() __asm__ volatile("" ::: "memory")

/* Vector x is complete and lies in a register here, so that its last addition is not put off, nor the sum copied; of a
   pair, both are complete at the same place. */
#define TERN_PIN(x) __asm__ volatile("" : TERN_IN_VECTOR_REGISTER(x))
#define TERN_PIN_PAIR(x, y) __asm__ volatile("" : TERN_IN_VECTOR_REGISTER(x), TERN_IN_VECTOR_REGISTER(y))

/* The same for a pointer or an integer, and loads keep their side: an increment then becomes part of the load before
   it, where gcc would take the increments of an unrolled loop together and compute every address by itself. */
#define TERN_PIN_SCALAR(x) __asm__ volatile("" : "+r"(x)::"memory")

/* Hides how a pointer came about, so that its parts are added up once and not in every address. */
#define TERN_HIDE_SCALAR(x) __asm__("" : "+r"(x))

/* Hides from clang that two vectors are broadcasts: it would take their upper halves apart before smull2. */
#ifdef __clang__
#define TERN_HIDE_PAIR(x, y) __asm__("" : TERN_IN_VECTOR_REGISTER(x), TERN_IN_VECTOR_REGISTER(y))
#else
#define TERN_HIDE_PAIR(x, y) (void)0
#endif

#endif
