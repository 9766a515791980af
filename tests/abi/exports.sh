#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: exports.sh LIBRARY MAP INCLUDE_DIR COMPILER...
# What the shared object exports, what the version map lists and what the headers declare are one set.
set -eu
library=$1 map=$2 include=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C

nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort -u >"$dir/exported"
sed -n '/global:/,/local:/s/^[[:space:]]*\([A-Za-z_0-9]*\);.*/\1/p' "$map" | sort -u >"$dir/listed"
for header in "$include"/rawpci/*.h; do
	echo "#include \"$header\""
done | "$@" -E -P -I "$include" -xc - | grep -o 'rawpci_[a-z0-9_]*(' | tr -d '(' |
	sort -u >"$dir/declared"

echo 1..4
n=0
same() {
	n=$((n + 1))
	if diff "$dir/$1" "$dir/$2" >"$dir/diff"; then
		echo "ok $n - $1 is $2"
	else
		echo "not ok $n - $1 is $2"
		sed 's/^/# /' "$dir/diff"
	fi
}
same exported listed
same declared exported
n=$((n + 1))
if [ -s "$dir/exported" ] && ! grep -v '^rawpci_' "$dir/exported" >"$dir/diff"; then
	echo "ok $n - every exported name has the prefix"
else
	echo "not ok $n - every exported name has the prefix"
fi
n=$((n + 1))
if nm -D --defined-only "$library" | grep -q ' rawpci_.*@@RAWPCI_'; then
	echo "ok $n - exported names have a version"
else
	echo "not ok $n - exported names have a version"
fi
