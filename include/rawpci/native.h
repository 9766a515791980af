/* SPDX-License-Identifier: MIT */
/**
 * @file native.h
 * The whole native API in one include.
 *
 * Not in it: the functions of the ABI (<rawpci/abi.h>), the contract of a backend
 * (<rawpci/backend.h>) and the controls of the pretend devices (<rawpci/fake.h>).
 */
#ifndef RAWPCI_NATIVE_H
#define RAWPCI_NATIVE_H

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/enumerate.h>
#include <rawpci/explain.h>
#include <rawpci/handover.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/recover.h>
#include <rawpci/region.h>

#endif
