/* SPDX-License-Identifier: MIT */
/* The meaning of the kernel's error numbers: in words, and as results. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "os/sys.h"

static _Thread_local int lack;

int rawpci_sys_note_lack(int r)
{
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		lack = r;
	return r;
}

int rawpci_sys_lack(void)
{
	return lack;
}

void rawpci_sys_forget_lack(void)
{
	lack = 0;
}

int rawpci_sys_result(int error, int otherwise)
{
	if (error == -EMFILE || error == -ENFILE)
		return -ENOSPC;
	return error == -ENOMEM ? error : otherwise;
}

/* The text is English in every locale, as the sentence around it is. strerror() does not serve,
 * since another thread may overwrite its text. Nor does strerror_r(): C libraries have two kinds of
 * it. */
const char *rawpci_sys_error_text(int error, char *text, size_t size)
{
	const char *remedy = error == -EMFILE   ? ": raise this process's limit (ulimit -n)"
			     : error == -ENFILE ? ": raise the host's limit (sysctl fs.file-max)"
						: "";
	locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	if (english == (locale_t)0) {
		(void)snprintf(text, size, "error %d", -error);
		return text;
	}
	(void)snprintf(text, size, "%s%s", strerror_l(-error, english), remedy);
	freelocale(english);
	return text;
}
