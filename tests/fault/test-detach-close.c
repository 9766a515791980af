/* SPDX-License-Identifier: MIT */
/*
 * One thread detaches a handler while another closes the device. The test holds up the detaching
 * thread where it takes its sources out of the engine.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/abi.h>
#include <rawpci/fake.h>
#include <rawpci/log.h>

#include "event/event.h"
#include "unit/sysdev/plain.h"

static _Thread_local bool slow; /* the next removal of this thread */
static atomic_uint held_up, runs, ran_after_close, tries;
static atomic_bool closed, busy;
static sem_t go;

void __real_rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source);
void __wrap_rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source);

static void pause_for(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void wait_until(atomic_uint *counter, unsigned value)
{
	while (atomic_load(counter) < value)
		pause_for(1);
}

void __wrap_rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source)
{
	bool is_slow = slow;

	slow = false;
	if (is_slow) {
		atomic_store(&busy, true);
		atomic_fetch_add(&held_up, 1);
		pause_for(300);
	}
	__real_rawpci_engine_remove(engine, source);
	if (is_slow)
		atomic_store(&busy, false);
}

/* One device of the fake's, by handle and by pointer. */
static PRAWPCIFACTORY factory;
static RAWPCIVM vm;
static PSUPDRVSESSION session;
static PCIRAWDEVHANDLE handle;
static struct rawpci_fake *fake;
static int32_t irq;
static const char *engine_setting;

static int ask(PCIRAWR0OPERATION operation, PCIRAWSENDREQ *r)
{
	r->Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r->Hdr.cbReq = sizeof(*r);
	r->pSession = session;
	r->iRequest = (int32_t)operation;
	r->TargetDevice = handle;
	return rawpci_request(session, r);
}

static void heard(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	atomic_fetch_add(&tries, strstr(message, "could not be unmasked") != NULL);
}

static void make_fake_context(void)
{
	static const struct rawpci_fake_config fake_config = {
		.size = sizeof(fake_config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.intx = true,
	};
	const char *const settings[] = { engine_setting, NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log = heard,
		.log_level = RAWPCI_LOG_WARNING,
		.settings = settings,
	};

	ck_assert_int_eq(sem_init(&go, 0, 0), 0);
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &fake_config, &fake), 0);
}

static int close_by_handle(void)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	return ask(PCIRAWR0_DO_CLOSE_DEVICE, &r);
}

static void open_by_handle(FNRAWPCIISR *handler)
{
	PCIRAWSENDREQ r;

	make_fake_context();
	factory = rawpci_factory(ctx);
	ck_assert_int_eq(factory->pfnInitVm(factory, NULL, &vm), VINF_SUCCESS);
	ck_assert_int_eq(rawpci_session_create(ctx, &vm, &session), VINF_SUCCESS);
	memset(&r, 0, sizeof(r));
	r.u.aOpenDevice.PciAddress = 5 << 3;
	ck_assert_int_eq(ask(PCIRAWR0_DO_OPEN_DEVICE, &r), VINF_SUCCESS);
	handle = r.u.aOpenDevice.Device;
	memset(&r, 0, sizeof(r));
	memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &handler, sizeof(handler));
	ck_assert_int_eq(ask(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER, &r), VINF_SUCCESS);
	irq = r.u.aRegisterR0IrqHandler.iHostIrq;
	memset(&r, 0, sizeof(r));
	r.u.aPowerStateChange.iState = PCIRAW_POWER_ON;
	ck_assert_int_eq(ask(PCIRAWR0_DO_POWER_STATE_CHANGE, &r), VINF_SUCCESS);
}

static void end_session(void)
{
	ck_assert_int_eq(rawpci_session_destroy(session), VINF_SUCCESS);
	factory->pfnDeinitVm(factory, NULL, &vm);
	factory->pfnRelease(factory);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

static void *unregister(void *status)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	r.u.aUnregisterR0IrqHandler.iHostIrq = irq;
	slow = true;
	*(int *)status = ask(PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER, &r);
	return NULL;
}

static void counting(void *context, int32_t number)
{
	(void)context;
	(void)number;
	atomic_fetch_add(&runs, 1);
	atomic_fetch_add(&ran_after_close, atomic_load(&closed));
}

static void choose_engine(int i)
{
	engine_setting = i ? "irq.engine=epoll" : "irq.engine=auto";
}

/* The timer that is to unmask INTx once more looks at the device. */
START_TEST(close_waits_for_a_timer)
{
	pthread_t thread;
	int status = 1;

	choose_engine(_i);
	open_by_handle(counting);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, UINT_MAX, -EIO), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&tries, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, unregister, &status), 0);
	wait_until(&held_up, 1);
	ck_assert_int_eq(close_by_handle(), VINF_SUCCESS);
	ck_assert_msg(!atomic_load(&busy), "closed while the engine had the timer");
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(status, VINF_SUCCESS);
	end_session();
}
END_TEST

static void closing(void *context, int32_t number)
{
	(void)context;
	(void)number;
	if (atomic_fetch_add(&runs, 1) == 0)
		return;
	(void)sem_wait(&go);
	ck_assert_int_eq(close_by_handle(), VINF_SUCCESS);
	atomic_store(&closed, true);
}

/* The detach waits for the handler, and the handler's close for the timer's removal alone. */
START_TEST(the_handler_closes_meanwhile)
{
	pthread_t thread;
	int status = 1;

	choose_engine(_i);
	open_by_handle(closing);
	/* The second run is the timer's doing. */
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, 2, -EIO), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&runs, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, unregister, &status), 0);
	wait_until(&held_up, 1);
	(void)sem_post(&go);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(status, VINF_SUCCESS);
	ck_assert(atomic_load(&closed));
	end_session();
}
END_TEST

static void on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	if (event == RAWPCI_EVENT_RELEASE) {
		atomic_fetch_add(&ran_after_close, atomic_load(&closed));
		return;
	}
	atomic_fetch_add(&runs, 1);
	(void)sem_wait(&go);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	atomic_store(&closed, true);
}

static void *unwatch(void *status)
{
	slow = true;
	*(int *)status = rawpci_device_on_event(dev, NULL, NULL);
	return NULL;
}

/* The second event is due when the first one's handler, which closes the device, has returned. */
START_TEST(no_event_after_a_close)
{
	pthread_t thread;
	int status = 1;

	choose_engine(_i);
	make_fake_context();
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "00:05.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_on_event(dev, on_event, NULL), 0);
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_ERROR), 0);
	wait_until(&runs, 1);
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_RELEASE), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, unwatch, &status), 0);
	wait_until(&held_up, 1);
	(void)sem_post(&go);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(status, 0);
	ck_assert(atomic_load(&closed));
	ck_assert_uint_eq(atomic_load(&ran_after_close), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

/* UIO's node is the backend's, which closes it: a FIFO stands in for it. */
static int make_uio(void)
{
	char path[512];
	int node;

	tree_create(&tree);
	make_device();
	tree_directory(&tree, "bus/pci/drivers");
	tree_directory(&tree, "bus/pci/drivers/uio_pci_generic");
	tree_link(&tree, DEVICE "driver", "../../drivers/uio_pci_generic");
	tree_directory(&tree, DEVICE "uio");
	tree_directory(&tree, DEVICE "uio/uio3");
	put(0x04, 2, 0x0003);
	tree_path(&tree, path, "dev/uio3");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	node = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(node, 0);
	return node;
}

static void make_uio_context(void)
{
	char sysfs[128], uio[128], run[128];
	const char *const settings[] = { sysfs, uio, run, engine_setting, NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "uio",
		.settings = settings,
	};

	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s/dev", tree.root);
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", tree.root);
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
}

static void *detach(void *status)
{
	slow = true;
	*(int *)status = rawpci_irq_detach(dev, irq);
	return NULL;
}

enum { NUMBERS = 64 };

/* A pipe of the program's has all free numbers below 64. Returns the end to write to. */
static int take_numbers(int *reader)
{
	int ends[2], writer;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*reader = fcntl(ends[0], F_DUPFD_CLOEXEC, NUMBERS);
	writer = fcntl(ends[1], F_DUPFD_CLOEXEC, NUMBERS);
	(void)close(ends[1]);
	while (fcntl(ends[0], F_DUPFD_CLOEXEC, 0) < NUMBERS)
		;
	return writer;
}

static void next_one(void *context, int32_t number)
{
	(void)context;
	(void)number;
	atomic_fetch_add(&tries, 1);
}

/* Both have the node, which can be waited for once. */
START_TEST(the_next_handler_comes_before_the_last_is_gone)
{
	int node, status = 1, next;
	uint32_t one = 1;
	pthread_t thread;

	choose_engine(_i);
	node = make_uio();
	make_uio_context();
	open_device();
	irq = rawpci_irq_attach(dev, counting, NULL, 1);
	ck_assert_int_ge(irq, 1);
	pause_for(50);
	ck_assert_int_eq(pthread_create(&thread, NULL, detach, &status), 0);
	wait_until(&held_up, 1);
	next = rawpci_irq_attach(dev, next_one, NULL, 1);
	ck_assert_int_ge(next, 1);
	pause_for(50);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(write(node, &one, sizeof(one)), sizeof(one));
	wait_until(&tries, 1);
	ck_assert_uint_eq(atomic_load(&runs), 0);
	close_device();
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}
END_TEST

START_TEST(nothing_is_read_after_a_close)
{
	int node = make_uio(), reader, writer, status = 1;
	uint32_t one = 1;
	char bytes[16];
	pthread_t thread;

	choose_engine(_i);
	make_uio_context();
	open_device();
	irq = rawpci_irq_attach(dev, counting, NULL, 1);
	ck_assert_int_ge(irq, 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	pause_for(50); /* the engine waits for it */
	ck_assert_int_eq(pthread_create(&thread, NULL, detach, &status), 0);
	wait_until(&held_up, 1);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	writer = take_numbers(&reader);
	ck_assert_int_eq(write(writer, "SECRET!!", 8), 8);
	ck_assert_int_eq(write(node, &one, sizeof(one)), sizeof(one));
	pause_for(100);
	ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 8);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(atomic_load(&runs), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("detach-close");
	TCase *tests = tcase_create("detach-close");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, close_waits_for_a_timer, 0, 2);
	tcase_add_loop_test(tests, the_handler_closes_meanwhile, 0, 2);
	tcase_add_loop_test(tests, no_event_after_a_close, 0, 2);
	tcase_add_loop_test(tests, the_next_handler_comes_before_the_last_is_gone, 0, 2);
	tcase_add_loop_test(tests, nothing_is_read_after_a_close, 0, 2);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
