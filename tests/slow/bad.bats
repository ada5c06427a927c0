#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Known-bad series, built and booted for real: each must be found out, with the
# right patch, architecture and verdict. tests/bad/NAME has a series and what
# "expect" says of its steps.

# shellcheck disable=SC2030,SC2031
# Each test has a shell of its own.

load ../common

# found_out NAME: runs the main job on the series and compares every expected
# line; a step that is not listed is not run.
found_out() {
	local dir=$ROOT/tests/bad/$1 archs steps
	archs=$(awk '!/^#/ { print $2 }' "$dir/expect" | sort -ru | paste -s -d' ')
	steps=$(awk '!/^#/ { print $1 }' "$dir/expect" | sort -u | paste -s -d' ')
	export SERIES=$dir/series OUT=$ROOT/build/bad/$1 BOOT_TIMEOUT=30
	run -1 env ARCHS="$archs" PATCHES="0 $steps" "$ROOT/scripts/bisect"
	echo "$output"
	jq -r '.patches[] | .n as $n | .arch | to_entries[] | "\($n) \(.key) \(.value.verdict)"' \
		"$OUT/report/results.json" | grep -v '^0 ' | sort >"$BATS_TEST_TMPDIR/got"
	grep -v '^#' "$dir/expect" | sort | diff - "$BATS_TEST_TMPDIR/got"
	[ "$(jq .ok "$OUT/report/results.json")" = false ]
	# Each failure comes with the command that repeats it.
	[[ $output = *'reproduce: FRESH=1 SERIES='*' scripts/step '* ]]
}

@test "a patch that does not apply, at 2 of 3" {
	found_out apply
}

@test "a patch that does not compile, on one architecture" {
	found_out compile
	jq -r '.patches[2].arch.arm64.detail' "$OUT/report/results.json" | grep -q '^kernel/dma/remap.c:.*error'
}

@test "a patch that adds a compiler warning" {
	found_out warning
}

@test "a patch that panics at boot" {
	found_out panic
}

@test "a patch that WARNs at boot, on one architecture" {
	found_out warn
}

@test "a patch that hangs" {
	found_out hang
}

@test "a patch with which the machine dies without a word" {
	found_out vm-lost
}

@test "a patch with which a test fails" {
	found_out test-fails
}

@test "a patch with which a test disappears" {
	found_out test-disappears
}

@test "a patch with which the KTAP output is cut off" {
	found_out ktap-cut
}

@test "a revision in a git tree, as rebase --exec and bisect run call it" {
	# Patch 2 of this series fails; the call comes from a git command.
	export SERIES=$ROOT/tests/bad/test-fails/series OUT=$ROOT/build/bad/test-fails
	run -0 "$ROOT/scripts/apply"
	# A tree of the user's own, with the series in it.
	git init -q "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	printf '%s/dma-uncached-pages/linux.git/objects\n' "${XDG_CACHE_HOME:-$HOME/.cache}" >.git/objects/info/alternates
	git update-ref HEAD "$(tail -n 1 "$OUT/steps.tsv" | cut -f2)"
	run -1 git -c alias.try="!exec $ROOT/scripts/step HEAD x86_64" try
	[[ $output = 'test failed '* ]]
	run -0 git -c alias.try="!exec $ROOT/scripts/step HEAD~1 x86_64" try
}

@test "an interrupted run goes on where it stopped" {
	export SERIES=$ROOT/tests/bad/test-fails/series OUT=$BATS_TEST_TMPDIR/out ARCHS=x86_64
	# A cache without verdicts, but with the base and the compiled objects.
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/dma-uncached-pages
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
	mkdir -p "$XDG_CACHE_HOME/dma-uncached-pages"
	ln -s "$cache"/{linux.git,ccache,warnings} "$XDG_CACHE_HOME/dma-uncached-pages/"
	# Ctrl-C reaches the whole group, as from a terminal, once step 0 is done.
	# A shell's background jobs ignore SIGINT unless told otherwise.
	env --default-signal=INT setsid "$ROOT/scripts/bisect" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		! grep -q '^ok .* 0/2' "$BATS_TEST_TMPDIR/log" || break
		sleep 0.5
	done
	kill -INT -- "-$pid"
	status=0
	wait "$pid" || status=$?
	cat "$BATS_TEST_TMPDIR/log"
	[ "$status" -eq 130 ]
	grep -q 'interrupted; the same command goes on where it stopped' "$BATS_TEST_TMPDIR/log"
	# The report counts what was not done.
	[ "$(jq -r '.ok, .patches[2].arch.x86_64.verdict' "$OUT/report/results.json" | paste -s -d' ')" = 'false not run' ]

	run -1 "$ROOT/scripts/bisect"
	echo "$output"
	grep -q '^ok .* 0/2 .*\[cached\]' <<<"$output"
	grep -q '^test failed .* 2/2' <<<"$output"
}
