/* SPDX-License-Identifier: MIT */
/* A program that has included VirtualBox's own types, of a version with new include guards. */
#define IPRT_INCLUDED_types_h
#define VBOX_INCLUDED_types_h
#include "after-guarded.h"
