/* Two samples side by side: the baseline of x86-64 and of ARM. */
#define LANES 2
#define NAME(x) x##_base
#include "lanes.h"
