/* SPDX-License-Identifier: MIT */
/* A program that loads the library while it runs, twice, as a plug-in of another library would.
 * usage: plugin LIBRARY */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <rawpci/context.h>

static int load(const char *path)
{
	int (*create)(const struct rawpci_options *options, struct rawpci **out);
	int (*destroy)(struct rawpci * ctx);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	struct rawpci *ctx;
	void *symbol;

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	symbol = dlsym(library, "rawpci_create");
	memcpy(&create, &symbol, sizeof(create));
	symbol = dlsym(library, "rawpci_destroy");
	memcpy(&destroy, &symbol, sizeof(destroy));
	if (!create || !destroy || create(NULL, &ctx) != 0 || destroy(ctx) != 0)
		return 1;
	return dlclose(library);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	return load(argv[1]) || load(argv[1]);
}
