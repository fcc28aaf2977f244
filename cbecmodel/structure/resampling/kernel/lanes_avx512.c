/* Eight samples side by side. */
#include "model.h"
#ifdef CBEC_X86
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,fma")
#endif
#define LANES 8
#define NAME(x) x##_avx512
#include "lanes.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#else
typedef int cbec_not_x86_avx512;
#endif
