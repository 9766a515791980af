// SPDX-License-Identifier: MIT
#include "layout.h"
#include "values.h"
