/* SPDX-License-Identifier: MIT */
/* What the kernel's error numbers mean to the caller: in words, and as results. */
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

/* Not strerror(), whose text another thread may overwrite, nor strerror_r(), of which there are two
 * that differ; and in English, as the sentence around it, whatever the program's locale. */
const char *rawpci_sys_error_text(int error, char *text, size_t size)
{
	const char *remedy = error == -EMFILE ? ": raise this process's limit (ulimit -n)" :
			     error == -ENFILE ? ": raise the host's limit (sysctl fs.file-max)" : "";
	locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	if (english == (locale_t)0) {
		(void)snprintf(text, size, "error %d", -error);
		return text;
	}
	(void)snprintf(text, size, "%s%s", strerror_l(-error, english), remedy);
	freelocale(english);
	return text;
}
