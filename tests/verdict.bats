#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What only the earlier steps can tell: new warnings, new tests, lost tests.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf '0\tc0\tt0\t-\tbase\tv7\n1\tc1\tt1\tone.patch\tfixes\tx: One\n2\tc2\tt2\ttwo.patch\tfixes\tx: Two\n' >steps.tsv
}

verdict() {
	"$ROOT/scripts/verdict" "$1.record" steps.tsv results
}

of() {
	jq -r "$2" "results/$1.json"
}

@test "a test that a patch brings is absent before and passes after" {
	record 0 '{"a": "ok"}'; verdict 0
	record 1 '{"a": "ok", "b": "ok"}'
	run -0 verdict 1
	[[ $output = *'[+1 tests]' ]]
	[ "$(of 1 '.new_tests[] | "\(.name) \(.before)"')" = 'b absent' ]
}

@test "a test that a patch mends fails before and passes after" {
	record 0 '{"a": "failed"}' '.boot.verdict = "test failed"'; run -1 verdict 0
	record 1 '{"a": "ok"}'; run -0 verdict 1
	[ "$(of 1 '.new_tests[] | "\(.name) \(.before)"')" = 'a failed' ]
}

@test "a test that passed once must pass at every later step" {
	record 0 '{"a": "ok", "b": "ok"}'; verdict 0
	record 1 '{"a": "ok", "b": "ok"}'; verdict 1
	record 2 '{"a": "ok"}'
	run -1 verdict 2
	[ "$(of 2 .verdict)" = 'test missing' ]
	[ "$(of 2 .detail)" = 'b passed at 0 and is absent here' ]
	[[ $output = *'reproduce: again 2' ]]

	record 2 '{"a": "ok", "b": "skipped"}'
	run -1 verdict 2
	[ "$(of 2 .detail)" = 'b passed at 0 and is skipped here' ]
}

@test "a step of another series is no earlier step" {
	record 0 '{"a": "ok"}' '.tree = "other"'; verdict 0
	record 1 '{}'
	run -0 verdict 1
}

@test "a warning that the base or an earlier patch has is not new" {
	record 0 '{}'; verdict 0
	record 1 '{}' '.warnings = ["f.c: warning: old"] | .base_warnings = ["f.c: warning: old"]'
	run -0 verdict 1
	record 1 '{}' '.warnings = ["f.c: warning: a"]'
	run -1 verdict 1
	[ "$(of 1 .verdict)" = 'new warnings' ]
	record 2 '{}' '.warnings = ["f.c: warning: a"]'
	run -0 verdict 2
	record 2 '{}' '.warnings = ["f.c: warning: b"]'
	run -1 verdict 2
	[ "$(of 2 .detail)" = 'f.c: warning: b' ]
}

@test "a patch that leaves the image as it was says so" {
	record 0 '{}'; verdict 0
	record 1 '{}' '.image = "i0"'
	run -0 verdict 1
	[[ $output = *'[same image as 0]' ]]
	[ "$(of 1 .same_image_as)" = 0 ]
}

@test "build failed, apply failed and cannot test are verdicts of their own" {
	record 1 '{}' '.build = "failed" | .detail = "f.c:1: error: x" | .boot = null'
	run -1 verdict 1
	[ "$(of 1 '"\(.verdict): \(.detail)"')" = 'build failed: f.c:1: error: x' ]
	for v in 'apply failed' 'cannot test'; do
		record 1 '{}' ".apply = \"failed\" | .early_verdict = \"$v\" | .boot = null"
		run -1 verdict 1
		[ "$(of 1 .verdict)" = "$v" ]
	done
}

@test "the verdict leads a line of fixed columns" {
	record 0 '{"a": "ok"}'
	run -0 verdict 0
	[[ $output = 'ok               0/2  x86_64  apply ok      build ok      boot ok       tests   1 ok 0 failed 0 skipped     6 s  x: S' ]]
}
