/* SPDX-License-Identifier: MIT */
/* A program that has included VirtualBox's own types, of a version with old include guards. */
#define ___iprt_types_h
#define ___VBox_types_h
#include "after-guarded.h"
