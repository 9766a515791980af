/* SPDX-License-Identifier: MIT */
#define ___iprt_types_h
#define ___VBox_types_h
#include "after-guarded.h"
