// SPDX-License-Identifier: MIT
/* The layout checks of layout.h, in C++. */
#include "layout.h"
#include "values.h"
