/* SPDX-License-Identifier: MIT */
/*
 * A device handed to a process that may do nothing itself: a privileged parent opens the nodes of a
 * device that is bound to vfio-pci, and sends the descriptors over a UNIX socket to a child that
 * has become nobody. That one opens the device with them and does MMIO, interrupts and DMA.
 *
 * usage: lab-handed BDF cdev|cdev-bound|group|group-set [BDF]
 *
 * With a second device, both go to one VM and share the iommufd or container.
 *
 *   cdev-bound  the parent has bound the cdev to the iommufd already
 *   group-set   the parent has put the group into the container already
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/vfio.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "check.h"
#include "edu.h"

#define NOBODY 65534
#define PAGE 4096u
#define RAM_SIZE (16 * PAGE)

/* VFIO_DEVICE_BIND_IOMMUFD, which headers before Linux 6.6 lack. */
struct bind {
	uint32_t size;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out;
};
#define BIND _IO(VFIO_TYPE, VFIO_BASE + 18)

struct child {
	const char *bdf;
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	struct rawpci_mapping bar;
	uint8_t *ram;
	sem_t arrived;
};

static bool send_descriptors(int socket, const int fds[2])
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr header;
	} control = { .bytes = { 0 } };
	char byte = 'd';
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), fds, 2 * sizeof(int));
	return sendmsg(socket, &message, 0) == 1;
}

static bool receive_descriptors(int socket, int fds[2])
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr header;
	} control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
	return true;
}

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	printf("# %d: %s\n", (int)level, message);
	fflush(stdout);
}

static uint32_t read_register(struct child *c, uint32_t offset)
{
	uint64_t value = UINT32_MAX;

	rawpci_mmio_read(c->dev, (uint8_t *)c->bar.base + offset, 4, &value);
	return (uint32_t)value;
}

static void write_register(struct child *c, uint32_t offset, uint32_t value)
{
	rawpci_mmio_write(c->dev, (uint8_t *)c->bar.base + offset, 4, value);
}

static void on_interrupt(void *opaque, int32_t irq)
{
	struct child *c = opaque;
	uint32_t status = read_register(c, EDU_IRQ_STATUS);

	(void)irq;
	if (status == 0 || status == UINT32_MAX)
		return;
	write_register(c, EDU_IRQ_ACK, status);
	sem_post(&c->arrived);
}

static bool interrupts(struct child *c, int n)
{
	struct timespec limit;

	for (int i = 0; i < n; i++) {
		write_register(c, EDU_IRQ_RAISE, 1);
		clock_gettime(CLOCK_REALTIME, &limit);
		limit.tv_sec += 10;
		if (sem_timedwait(&c->arrived, &limit) < 0)
			return false;
	}
	return true;
}

static bool dma(struct child *c, uint32_t from, uint32_t to, uint32_t direction)
{
	write_register(c, EDU_DMA_FROM, from);
	write_register(c, EDU_DMA_TO, to);
	write_register(c, EDU_DMA_COUNT, EDU_DMA_BYTES);
	write_register(c, EDU_DMA_COMMAND, EDU_DMA_START | direction);
	for (int i = 0; i < 2000; i++) {
		if (!(read_register(c, EDU_DMA_COMMAND) & EDU_DMA_START))
			return true;
		sleep_ms(5);
	}
	return false;
}

static void use(struct child *c)
{
	int ret = rawpci_region_map(c->dev, 0, 0, 1 << 20, &c->bar);

	check(ret == 0, "BAR 0 mapped: %d", ret);
	ret = rawpci_device_power(c->dev, RAWPCI_POWER_ON);
	check(ret == 0, "power on: %d", ret);
	check(read_register(c, EDU_ID) == EDU_ID_VALUE, "identity: 0x%08x",
	      read_register(c, EDU_ID));
	check(c->bar.cpu && *(volatile uint32_t *)c->bar.cpu == EDU_ID_VALUE, "and by a load");
	ret = rawpci_irq_attach(c->dev, on_interrupt, c, 1);
	check(ret >= 1 && interrupts(c, 100), "100 interrupts");
	for (uint32_t i = 0; i < EDU_DMA_BYTES; i++)
		c->ram[i] = (uint8_t)(i * 7 + 1);
	memset(c->ram + PAGE, 0, PAGE);
	check(dma(c, 0, EDU_BUFFER, 0) && dma(c, EDU_BUFFER, PAGE, EDU_DMA_TO_RAM) &&
		      memcmp(c->ram, c->ram + PAGE, EDU_DMA_BYTES) == 0,
	      "DMA both ways");
}

static int open_with(struct child *c, int group, int container, int cdev, int iommufd)
{
	struct rawpci_device_fds fds = { sizeof(fds), group, container, cdev, iommufd };

	return rawpci_device_open_fds(c->ctx, c->vm, c->bdf, 0, &fds, &c->dev);
}

/* None of these is a device, and nothing may come of them. */
static void wrong_descriptors(struct child *c, bool by_cdev, const int fds[2])
{
	struct rawpci_device_fds given = { sizeof(given), fds[0], fds[1], -1, -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ret;

	ret = rawpci_device_open_fds(c->ctx, c->vm, c->bdf, 0, NULL, &c->dev);
	check(ret == -EFAULT, "no structure: %d", ret);
	ret = open_with(c, -1, -1, -1, -1);
	check(ret == -EINVAL, "no descriptors: %d", ret);
	ret = open_with(c, fds[0], -1, fds[0], -1);
	check(ret == -EINVAL, "a group and a cdev: %d", ret);
	ret = rawpci_device_open_fds(c->ctx, c->vm, c->bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &given,
				     &c->dev);
	check(ret == -EBADRQC, "a flag: %d", ret);
	given.size = 4;
	ret = rawpci_device_open_fds(c->ctx, c->vm, c->bdf, 0, &given, &c->dev);
	check(ret == -EINVAL, "a structure of no size: %d", ret);
	ret = by_cdev ? open_with(c, -1, -1, null, fds[1]) : open_with(c, null, fds[1], -1, -1);
	check(ret == -EINVAL && !c->dev, "/dev/null for the device: %d, %s", ret,
	      rawpci_last_error());
	ret = by_cdev ? open_with(c, -1, -1, fds[0], null) : open_with(c, fds[0], null, -1, -1);
	check(ret == -EINVAL && !c->dev, "/dev/null for the other: %d, %s", ret,
	      rawpci_last_error());
	close(null);
}

/* A second device for the VM: with the same container or iommufd, and with none. */
static void share(struct child *c, const char *bdf, bool by_cdev, const int first[2],
		  const int second[2])
{
	struct rawpci_memory_stats stats = { 0 };
	struct rawpci_device *other;
	int ret = by_cdev ? open_with(c, -1, -1, first[0], first[1])
			  : open_with(c, first[0], first[1], -1, -1);

	check(ret == 0 && rawpci_device_power(c->dev, RAWPCI_POWER_ON) == 0, "the first: %d", ret);
	for (int i = 0; i < 2; i++) {
		struct rawpci_device_fds fds = RAWPCI_DEVICE_FDS_NONE;

		*(by_cdev ? &fds.cdev : &fds.group) = second[0];
		*(by_cdev ? &fds.iommufd : &fds.container) = i == 0 ? second[1] : -1;
		other = NULL;
		ret = rawpci_device_open_fds(c->ctx, c->vm, bdf, 0, &fds, &other);
		/* A cdev that another process keeps open stays bound: its iommufd is needed again. */
		if (by_cdev && i == 1) {
			check(ret == -EINVAL && !other, "the second, with none: %d", ret);
			break;
		}
		check(ret == 0 && rawpci_device_power(other, RAWPCI_POWER_ON) == 0,
		      "the second, %s: %d", i == 0 ? "with the same" : "with none", ret);
		ret = rawpci_memory_stats(c->vm, sizeof(stats), &stats);
		check(ret == 0 && stats.kernel_mappings == 1, "%llu kernel mappings",
		      (unsigned long long)stats.kernel_mappings);
		check(rawpci_device_close(other) == 0, "the second closed");
	}
	check(rawpci_device_close(c->dev) == 0, "the first closed");
	c->dev = NULL;
}

static void become_nobody(void)
{
	bool done = setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0;

	check(done && setuid(0) < 0, "user %d, for good", (int)getuid());
}

static int child(const char *bdf, const char *second, int socket, bool by_cdev)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = print_log,
	};
	struct child c = { .bdf = bdf };
	int fds[2] = { -1, -1 }, more[2] = { -1, -1 }, before, ret;

	become_nobody();
	sem_init(&c.arrived, 0, 0);
	c.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(receive_descriptors(socket, fds), "two descriptors received");
	check(!second || receive_descriptors(socket, more), "and for the second device");
	before = open_descriptors();
	check(rawpci_create(&options, &c.ctx) == 0 && rawpci_vm_create(c.ctx, &c.vm) == 0 &&
		      rawpci_memory_map(c.vm, 0, c.ram, RAM_SIZE) == 0,
	      "a context and a VM");
	ret = rawpci_device_open(c.ctx, c.vm, bdf, 0, &c.dev);
	check(ret < 0 && !c.dev, "open without descriptors: %d, %s", ret, rawpci_last_error());
	wrong_descriptors(&c, by_cdev, fds);
	for (int i = 0; i < 2; i++) { /* the caller keeps his: they serve again */
		ret = by_cdev ? open_with(&c, -1, -1, fds[0], fds[1])
			      : open_with(&c, fds[0], fds[1], -1, -1);
		if (!check(ret == 0, "open: %d", ret))
			break;
		use(&c);
		check(rawpci_device_close(c.dev) == 0, "closed");
		c.dev = NULL;
	}
	if (second)
		share(&c, second, by_cdev, fds, more);
	check(rawpci_vm_destroy(c.vm) == 0 && rawpci_destroy(c.ctx) == 0, "all gone");
	check(open_descriptors() == before, "descriptors: %d before, %d after", before,
	      open_descriptors());
	return check_end();
}

/* The name of the only entry of a directory of the device's that begins with vfio; or of its
 * group. */
static bool node_name(const char *bdf, bool by_cdev, char path[512])
{
	char link[256], target[256];
	struct dirent *entry;
	ssize_t n;
	DIR *dir;

	if (!by_cdev) {
		snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
		n = readlink(link, target, sizeof(target) - 1);
		if (n < 0)
			return false;
		target[n] = '\0';
		snprintf(path, 512, "/dev/vfio/%s", strrchr(target, '/') + 1);
		return true;
	}
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(link);
	while (dir && (entry = readdir(dir)) != NULL && strncmp(entry->d_name, "vfio", 4) != 0)
		;
	if (dir && entry)
		snprintf(path, 512, "/dev/vfio/devices/%s", entry->d_name);
	if (dir)
		closedir(dir);
	return dir && entry;
}

/* What the parent does beyond opening the nodes. */
static bool prepare(const char *how, const int fds[2])
{
	struct bind bind = { .size = sizeof(bind), .iommufd = fds[1] };

	if (strcmp(how, "cdev-bound") == 0)
		return ioctl(fds[0], BIND, &bind) == 0;
	if (strcmp(how, "group-set") == 0)
		return ioctl(fds[0], VFIO_GROUP_SET_CONTAINER, &fds[1]) == 0 &&
		       ioctl(fds[1], VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0;
	return true;
}

/* Opens the device's node and sends it, with the shared descriptor. */
static bool hand_over(const char *bdf, const char *how, bool by_cdev, int shared, int socket)
{
	int fds[2] = { -1, shared };
	char path[512] = "";
	bool done = node_name(bdf, by_cdev, path);

	if (done) {
		fds[0] = open(path, O_RDWR | O_CLOEXEC);
		done = fds[0] >= 0 && prepare(how, fds) && send_descriptors(socket, fds);
	}
	if (!done)
		printf("%s: %s: %s\n", bdf, path, strerror(errno));
	if (fds[0] >= 0)
		close(fds[0]);
	return done;
}

int main(int argc, char **argv)
{
	const char *how = argc >= 3 ? argv[2] : "group";
	bool by_cdev = strncmp(how, "cdev", 4) == 0;
	const char *second = argc == 4 ? argv[3] : NULL;
	int sockets[2], shared, status = 0;
	pid_t pid;

	if (by_cdev && access("/dev/iommu", F_OK) < 0) {
		printf("this kernel has no iommufd\n");
		return 77;
	}
	if (argc < 3 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(child(argv[1], second, sockets[1], by_cdev));
	shared = open(by_cdev ? "/dev/iommu" : "/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (shared < 0 || !hand_over(argv[1], how, by_cdev, shared, sockets[0]) ||
	    (second && !hand_over(second, how, by_cdev, shared, sockets[0])))
		return 1;
	close(sockets[0]);
	close(shared);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
