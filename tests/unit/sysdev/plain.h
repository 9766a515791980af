/* SPDX-License-Identifier: MIT */
/* A directory tree with a device in it, and a context for the tree. No kernel is behind the files:
 * a read returns what was written. */
#ifndef RAWPCI_TESTS_SYSDEV_PLAIN_H
#define RAWPCI_TESTS_SYSDEV_PLAIN_H

#include <errno.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/region.h>

#include "harness.h"
#include "pci/pci.h"
#include "unit/os/tree.h"

#define BDF "0000:03:00.0"
#define DEVICE "bus/pci/devices/" BDF "/"

/* Where capabilities are in config space, and its size. */
enum { PM = 0x40, MSI = 0x48, MSIX = 0x60, EXPRESS = 0x70, AF = 0xb0, CONFIG_SIZE = 4096 };

static struct tree tree;
static struct rawpci *ctx;
static struct rawpci_device *dev;

static inline void put_bytes(const char *file, const void *bytes, size_t size, long offset)
{
	char path[512];
	FILE *stream = fopen(tree_path(&tree, path, file), "r+");

	if (!stream)
		stream = fopen(path, "w");
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fseek(stream, offset, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
	ck_assert_int_eq(fclose(stream), 0);
}

/* The contents of a file of the device, little-endian. */
static inline uint32_t really(const char *file, long offset, unsigned width)
{
	unsigned char bytes[4] = { 0 };
	char path[512];
	FILE *stream = fopen(tree_path(&tree, path, file), "r");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fseek(stream, offset, SEEK_SET), 0);
	ck_assert_uint_eq(fread(bytes, 1, width, stream), width);
	ck_assert_int_eq(fclose(stream), 0);
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static inline void put(long offset, unsigned width, uint32_t value)
{
	unsigned char bytes[4] = { (unsigned char)value, (unsigned char)(value >> 8),
				   (unsigned char)(value >> 16), (unsigned char)(value >> 24) };

	put_bytes(DEVICE "config", bytes, width, offset);
}

static inline uint32_t config(long offset, unsigned width)
{
	return really(DEVICE "config", offset, width);
}

static inline void make_config(void)
{
	static const unsigned char zeros[CONFIG_SIZE];

	put_bytes(DEVICE "config", zeros, sizeof(zeros), 0);
	put(0x00, 4, 0x12341af4);
	put(0x06, 2, RAWPCI_STATUS_CAPABILITIES);
	put(0x08, 4, 0x02030401);
	put(0x10, 4, 0x0000000c); /* 64-bit, prefetchable, at 4 GiB */
	put(0x14, 4, 0x00000001);
	put(0x18, 4, 0x0000c001); /* ports */
	put(0x1c, 4, 0xfeb00100); /* 256 bytes of memory */
	put(0x30, 4, 0xfeb10000); /* ROM */
	put(0x34, 1, PM);
	put(0x3c, 4, 0x0000010b);
	put(PM, 2, RAWPCI_CAP_PM | MSI << 8);
	put(MSI, 4, RAWPCI_CAP_MSI | MSIX << 8 | 0x0080 << 16);
	put(MSIX, 4, RAWPCI_CAP_MSIX | EXPRESS << 8);
	put(EXPRESS, 4, RAWPCI_CAP_EXPRESS | AF << 8 | 0x0002 << 16);
	put(EXPRESS + 4, 4, 0x10000000);         /* function level reset */
	put(EXPRESS + 8, 2, 0x0020);             /* payload of 256 bytes */
	put(AF, 4, RAWPCI_CAP_AF | 0x03000000u); /* such a reset, and Transactions Pending */
}

static inline void make_device(void)
{
	static unsigned char pattern[0x4000];

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i ^ i >> 8);
	make_config();
	put_bytes(DEVICE "resource0", pattern, 0x4000, 0);
	put_bytes(DEVICE "resource2", pattern, 0x20, 0);
	put_bytes(DEVICE "resource3", pattern, 0x1000, 0);
	put_bytes(DEVICE "rom", pattern, 0x800, 0);
	tree_write(&tree, DEVICE "resource",
		   "0x0000000100000000 0x0000000100003fff 0x000000000014220c\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x000000000000c000 0x000000000000c01f 0x0000000000040101\n"
		   "0x00000000feb00100 0x00000000feb001ff 0x0000000000040200\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x00000000feb10000 0x00000000feb1ffff 0x0000000000046200\n");
	tree_write(&tree, DEVICE "enable", "0\n");
	tree_write(&tree, DEVICE "reset", "-\n");
	tree_write(&tree, DEVICE "irq", "11\n");
	tree_write(&tree, DEVICE "driver_override", "(null)\n");
}

/* Binds the device to uio_pci_generic, which gives it the node uio3. */
static inline void bind_to_uio(void)
{
	tree_directory(&tree, "bus/pci/drivers");
	tree_directory(&tree, "bus/pci/drivers/uio_pci_generic");
	tree_link(&tree, DEVICE "driver", "../../drivers/uio_pci_generic");
	tree_directory(&tree, DEVICE "uio");
	tree_directory(&tree, DEVICE "uio/uio3");
}

/* A FIFO stands in for the node: four bytes written to it are an interrupt. */
static inline void make_node(void)
{
	char path[512];

	ck_assert_int_eq(mkfifo(tree_path(&tree, path, "dev/uio3"), 0600), 0);
}

/* A context for the tree. run: its directory for locks and records. more: another setting, or
 * NULL. */
static inline struct rawpci *create_context(struct rawpci_options options, const char *run,
					    const char *more)
{
	char sysfs[128], uio[128], runs[128];
	const char *settings[] = { sysfs, uio, runs, more, NULL };
	struct rawpci *created;

	options.size = sizeof(options);
	options.settings = settings;
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s/dev", tree.root);
	(void)snprintf(runs, sizeof(runs), "run.dir=%s/%s", tree.root, run);
	ck_assert_int_eq(rawpci_create(&options, &created), 0);
	return created;
}

static inline void make_context(const char *backend)
{
	const struct rawpci_options options = { .backend = backend };

	ctx = create_context(options, "run", NULL);
}

/* Ends a test: destroys the context and the tree. */
static inline void finish(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}

static inline void open_device(void)
{
	int r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);

	ck_assert_msg(r == 0, "open: %d: %s", r, rawpci_last_error());
}

static inline void close_device(void)
{
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}

static inline uint32_t cfg_read(uint32_t offset, unsigned width)
{
	uint32_t value = 0;

	ck_assert_int_eq(rawpci_config_read(dev, offset, width, &value), 0);
	return value;
}

static inline void cfg_write(uint32_t offset, unsigned width, uint32_t value)
{
	ck_assert_int_eq(rawpci_config_write(dev, offset, width, value), 0);
}

#endif
