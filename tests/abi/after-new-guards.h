/* SPDX-License-Identifier: MIT */
#define IPRT_INCLUDED_types_h
#define VBOX_INCLUDED_types_h
#include "after-guarded.h"
