/* SPDX-License-Identifier: MIT */
/*
 * Gives back to the host the devices that killed programs have left without their host drivers.
 *
 * usage: recover [SETTING=VALUE...]
 *
 * A service manager runs it once at boot, and it may be run again whenever a program that uses
 * devices has crashed: devices that are in use are left alone. For systemd, as
 * /etc/systemd/system/rawpci-recover.service, which "systemctl enable" starts at boot, and which
 * the unit of a program that uses devices starts after a crash, by
 * OnFailure=rawpci-recover.service:
 *
 *   [Unit]
 *   Description=Give PCI devices back to their host drivers
 *   [Service]
 *   Type=oneshot
 *   ExecStart=/usr/local/bin/recover
 *   [Install]
 *   WantedBy=multi-user.target
 *
 * A setting is one of <rawpci/context.h>, such as run.dir=/var/lib/myvmm: the one that the programs
 * use. Exit status: 0 all was given back that there was, 1 something was not, 2 wrong usage.
 */
#include <stdio.h>
#include <string.h>

#include <rawpci/context.h>
#include <rawpci/log.h>
#include <rawpci/recover.h>

static void print_line(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	fprintf(level <= RAWPCI_LOG_WARNING ? stderr : stdout, "%s\n", message);
}

int main(int argc, char **argv)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = print_line,
		.settings = (const char *const *)(argv + (argc > 0)),
	};
	struct rawpci *ctx;
	int given_back;

	if (argc > 1 && !strchr(argv[1], '=')) {
		fprintf(stderr, "usage: recover [SETTING=VALUE...]\n");
		return 2;
	}
	if (rawpci_create(&options, &ctx) < 0) {
		fprintf(stderr, "recover: %s\n", rawpci_last_error());
		return 2;
	}
	given_back = rawpci_recover(ctx);
	if (given_back >= 0)
		printf("recover: %d device%s given back\n", given_back, given_back == 1 ? "" : "s");
	rawpci_destroy(ctx);
	return given_back < 0 ? 1 : 0;
}
