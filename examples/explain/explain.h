/* SPDX-License-Identifier: MIT */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <rawpci/context.h>
#include <rawpci/explain.h>

/* A line for each device of the host. 0, or a negative errno value. */
int print_table(struct rawpci *ctx, const struct rawpci_explain_options *options);

#endif
