#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Known-bad patches, on their own trees: scripts/lint must find what tests/bad/lint
# says, and nothing else. With one architecture, and not at the tip, for the time that it takes.

load ../common

@test "what scripts/lint finds in known-bad patches" {
	local dir=$ROOT/tests/bad/lint n check part found
	export SERIES=$dir/series OUT=$ROOT/build/bad/lint
	run -1 env ARCHS=x86_64 PATCHES=1..11 "$ROOT/scripts/lint"
	echo "$output"
	# Each line is found, and takes one finding away.
	cp "$OUT"/lint/*.tsv "$BATS_TEST_TMPDIR/"
	while IFS=$'\t' read -r n check part; do
		[[ $n != '#'* ]] || continue
		found=$(grep -nF -- "$check	" "$BATS_TEST_TMPDIR/$n.tsv" | grep -F -m 1 -- "$part") || {
			echo "patch $n: $check: not found: $part"
			return 1
		}
		sed -i "${found%%:*}d" "$BATS_TEST_TMPDIR/$n.tsv"
	done <"$dir/expect"
	run -1 grep -r . "$BATS_TEST_TMPDIR" --include='*.tsv'
}
