/* num/simd.h -- for num/ and stat/: one function compiled for wider registers too.
 *
 * QLAB_SIMD in front of a function makes the compiler build it twice and the loader choose by the
 * processor.  The bits are the same: the loops it is used on work element by element, nothing is
 * summed in another order, and -ffp-contract=off forbids FMA.  Elsewhere it means nothing.
 */
#ifndef QLAB_NUM_SIMD_H
#define QLAB_NUM_SIMD_H

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) &&   \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define QLAB_SIMD __attribute__((target_clones("avx2", "default")))
#else
#define QLAB_SIMD
#endif

/* The loop below it reads only what is at or ahead of the element it writes. */
#if defined(__clang__)
#define QLAB_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define QLAB_INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
