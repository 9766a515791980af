#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: render.sh DOXYGEN DOXYFILE INCLUDE_DIRECTORY OUTPUT_DIRECTORY
# Renders the headers, and fails on every warning. Doxygen 1.9.4 passes over three things without
# documentation, which are looked for here: a whole file, a value of an enumeration, and a member of
# an unnamed union.
set -eu
doxygen=$1 doxyfile=$2 include=$3 output=$4

if grep -L '^ \* @file ' "$include"/*.h "$include"/rawpci/*.h | grep .; then
	echo "error: these files have no @file" >&2
	exit 1
fi
rm -rf "$output/html" "$output/xml"
"$doxygen" "$doxyfile"
awk '
	function end() {
		if (name != "" && !said)
			missing[++n] = file ": " name " is not documented"
		name = ""
	}
	FNR == 1 { file = FILENAME; sub(/.*\//, "", file) }
	/<memberdef kind="variable"|<enumvalue / { end(); said = 0; wanted = 1 }
	wanted && /<name>/ {
		name = $0
		gsub(/.*<name>|<\/name>.*/, "", name)
		wanted = 0
	}
	/<para>/ { said = 1 }
	/<\/(memberdef|enumvalue)>/ { end() }
	END {
		for (i = 1; i <= n; i++)
			print "error: " missing[i]
		exit n > 0
	}
' "$output"/xml/*.xml >&2
echo "$output/html/index.html"
