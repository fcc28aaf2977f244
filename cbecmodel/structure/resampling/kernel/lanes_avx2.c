/* Four samples side by side. */
#include "model.h"
#ifdef CBEC_X86
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define LANES 4
#define NAME(x) x##_avx2
#include "lanes.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#else
typedef int cbec_not_x86_avx2;
#endif
