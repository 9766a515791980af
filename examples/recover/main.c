/* SPDX-License-Identifier: MIT */
/*
 * Gives back to the host the devices that killed programs have left without their host drivers.
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
 */
#include <stdbool.h>
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

static void print_usage(FILE *to)
{
	fprintf(to,
		"usage: recover [SETTING=VALUE...]\n"
		"Gives back to their host drivers the PCI devices that killed programs have left\n"
		"without, as the records in /run/rawpci say. Devices that are in use are left\n"
		"alone. It has to write to sysfs, as root may.\n"
		"  SETTING=VALUE  a setting of the library, such as run.dir=/var/lib/myvmm where\n"
		"                 the programs keep their records there\n"
		"  --help         this text\n"
		"Exit status: 0 all was given back that there was, 1 something was not, 2 wrong\n"
		"usage.\n");
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

	for (int i = 1; i < argc; i++) {
		bool help = strcmp(argv[i], "--help") == 0;

		if (!help && strchr(argv[i], '='))
			continue;
		print_usage(help ? stdout : stderr);
		return help ? 0 : 2;
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
