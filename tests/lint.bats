#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The project's own files: style, and what must not stand in them.

load common

@test "shellcheck is clean" {
	cd "$ROOT"
	local f scripts=(.ci/run)
	for f in scripts/*; do
		! head -n 1 "$f" | grep -q bash || scripts+=("$f")
	done
	shellcheck -x scripts/lib.sh "${scripts[@]}" tests/common.bash tests/*.bats tests/slow/*.bats
}

@test "every script says what it does and its exit codes, and is strict" {
	cd "$ROOT"
	for f in scripts/*; do
		case $f in *.txt|*.pin|*.allow|*.deny|scripts/lib.sh) continue ;; esac
		head -n 20 "$f" | grep -q '^\(# \)\{0,1\}Exit: ' || { echo "$f: no exit codes"; return 1; }
		! head -n 1 "$f" | grep -q bash || grep -q '/lib.sh"$' "$f" || { echo "$f: not strict"; return 1; }
	done
	grep -q '^set -euo pipefail$' scripts/lib.sh
}

@test "the patches are what git am takes and carry no invented tag" {
	cd "$ROOT"
	run ! grep -nE '^(Signed-off-by|Reviewed-by|Acked-by|Tested-by|Reported-by):' patches/*.patch
	for f in patches/*.patch; do
		run -0 git mailinfo /dev/null /dev/null <"$f"
		[[ $output = *'Author: '*'Email: '*@*'Subject: '* ]]
	done
}

@test "no path of one machine and no mirror in any file" {
	cd "$ROOT"
	run ! git grep -nIE '(https?://[a-z.-]*(debian|ubuntu)\.(org|com)|/home/[a-z]|/work/(main|shared))' -- . ':!tests/lint.bats'
}
