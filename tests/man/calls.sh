#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: calls.sh PAGE COMPILER...
# Prints C: the system calls that rawpci-vmm(7) lists, and the names of all. Each list of the page
# follows a comment like one of these:
#   .\" calls PHASE
#   .\" calls PHASE perhaps               they need not be made
#   .\" calls PHASE for WORD...           one of these words must hold: backends, engines, ...
#   .\" calls PHASE for ... for ...       so must one of these
set -eu
page=$1
shift

echo '/* SPDX-License-Identifier: MIT */'
echo '/* Made by calls.sh. */'
echo '#include <stddef.h>'
echo '#include <sys/syscall.h>'
echo '#include "watch.h"'
echo 'const struct listed_call listed_calls[] = {'
awk '
	$1 == ".\\\"" && $2 == "calls" {
		phase = $3
		perhaps = $4 == "perhaps" ? "true" : "false"
		where = $0
		if (!sub(/^[^ ]* [^ ]* [^ ]*( perhaps)? for /, "", where))
			where = ""
		open = 1
		next
	}
	open && /^\./ { open = 0 }
	open {
		gsub(/[,.]/, " ")
		for (i = 1; i <= NF; i++) {
			printf "\t{ \"%s\", \"%s\", \"%s\", %s, SYS_%s },\n", phase, where, $i, perhaps, $i
			n++
		}
	}
	END { exit n == 0 }
' "$page"
echo '};'
echo 'const unsigned listed_count = sizeof(listed_calls) / sizeof(listed_calls[0]);'
echo 'const char *call_name(int number)'
echo '{'
echo '	switch (number) {'
echo '#include <sys/syscall.h>' | "$@" -E -dM - | awk '
	$1 == "#define" && $2 ~ /^__NR_/ && $3 ~ /^[0-9]+$/ && !seen[$3]++ {
		print "\tcase " $3 ": return \"" substr($2, 6) "\";"
	}'
echo '	default: return NULL;'
echo '	}'
echo '}'
