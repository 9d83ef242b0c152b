// Compiles an element-wise loop once for each vector unit; the loader picks one (gcc's target_clones). The bits are the
// same on each: sums are kept in a fixed number of parts, and products and sums are not contracted (-ffp-contract=off).
#ifndef CORSAC_COMMON_BASE_VECTORIZE_H
#define CORSAC_COMMON_BASE_VECTORIZE_H

// The loader picks before a sanitizer's run time has started, so sanitized builds have one version.
#if defined __x86_64__ && defined __linux__ && defined __GNUC__ && !defined __clang__ && defined __OPTIMIZE__ &&       \
    !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define VECTORIZE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORIZE
#endif

#endif
