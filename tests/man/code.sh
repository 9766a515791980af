#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: code.sh PAGE
# Prints the C code of a manual page: the displays that follow a comment ".\" code".
awk '
	$0 == ".\\\" code" { wanted = 1; next }
	wanted && /^\.Bd / { inside = 1; wanted = 0; next }
	inside && /^\.Ed/ { inside = 0; print ""; next }
	inside { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print; n++ }
	wanted { print "#error a display should follow, at line " NR; wanted = 0 }
	END { exit n == 0 }
' "$1"
