#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Patches taken out alone: what cannot be, what its absence is called, and bad data
# files. Nothing is built: scripts/step is replaced by one that knows the answers.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $output and $stderr.

load common

# A copy of the scripts in $COPY, with a series of three patches, the last of which
# changes what the first one adds.
setup() {
	COPY=$BATS_TEST_TMPDIR/copy
	mkdir -p "$COPY/tests" "$COPY/repo"
	cp -r "$ROOT/scripts" "$ROOT/kunit-configs" "$ROOT/qemu-images" "$COPY/"
	printf '# none\n' | tee "$COPY/tests/revert.txt" >"$COPY/tests/untested.txt"
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache BUILD_LOCK_HELD=1 RUN_STARTED=1 MIN_FREE_MB=1
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t
	local repo=$XDG_CACHE_HOME/dma-uncached-pages/linux.git
	mkdir -p "$COPY/build" "${repo%/*}"
	git init -q "$COPY/repo"
	cd "$COPY/repo" || return
	echo base >a
	commit 0 base
	echo one >a
	commit 1 One
	printf '\t.name = "suite",\nKUNIT_CASE(own),\n' >b
	commit 2 Two
	echo three >a
	commit 3 Three
	git clone -q --bare . "$repo"
	cd "$COPY" || return
	answers '{}'
}

# commit N SUBJECT: and its line in steps.tsv.
commit() {
	git add .
	git commit -q -m "$2"
	printf '%s\t%s\t%s\t%s\tgroup\t%s\n' "$1" "$(git rev-parse HEAD)" "$(git rev-parse 'HEAD^{tree}')" \
		"000$1-$2.patch" "$2" >>"$COPY/build/steps.tsv"
}

# answers JSON: what scripts/step finds of what has no patch any more, by its subject.
# What stands for the series has tests that pass; patch 2 adds one of them.
answers() {
	jq -n --argjson without "$1" '{with: {verdict: "ok", build: "ok", tests_by_name: {a: "ok", b: "ok", "suite.own": "ok", "other.own": "ok"}},
		without: $without}' >"$COPY/answers"
	cat >"$COPY/scripts/step" <<-'END'
		#!/usr/bin/env bash
		. "$(dirname "$0")/lib.sh"
		subject=$(git --git-dir="$REPO" log -1 --format=%s "$1" 2>/dev/null) || subject=''
		name=$1
		[ "${#1}" -lt 12 ] || name=rev-${1:0:12}
		jq --arg subject "$subject" '.with * (.without[$subject] // {})' "$ROOT/answers" |
			atomically "$OUT/results/$2/$name.json"
	END
}

# says VERDICT N: how patch N is called.
says() {
	[ "$(jq -r .verdict "$COPY/build/revert/$2.json")" = "$1" ] || {
		cat "$COPY/build/revert/$2.json"
		return 1
	}
}

@test "a test that fails without the patch, and one that is not there, miss it" {
	answers '{"Revert \"Two\"": {"tests_by_name": {"a": "failed"}},
		"Revert \"Three\"": {"verdict": "test missing", "tests_by_name": {"b": "absent"}}}'
	PATCHES='2 3' run -0 --separate-stderr "$COPY/scripts/revert"
	says red 2
	says red 3
	[ "$(jq -c '.machines[0] | [.failed, .missing]' "$COPY/build/revert/2.json")" = '[["a"],[]]' ]
	[ "$(jq -c '.machines[0] | [.failed, .missing]' "$COPY/build/revert/3.json")" = '[[],["b"]]' ]
	[ "$(tail -n 1 <<<"$output")" = '2 red, 1 not run' ]
}

@test "its own tests, which go with it, do not miss it" {
	answers '{"Revert \"Two\"": {"verdict": "test missing", "tests_by_name": {"suite.own": "absent"}},
		"Revert \"Three\"": {"verdict": "test missing", "tests_by_name": {"suite.own": "absent"}}}'
	PATCHES='2 3' run -0 --separate-stderr "$COPY/scripts/revert"
	says 'own tests' 2
	says red 3
	[[ $output = *'0 failed, 0 missing and 1 of its own'* ]]
}

@test "a test of that name in another suite is not its own" {
	answers '{"Revert \"Two\"": {"verdict": "test missing", "tests_by_name": {"suite.own": "absent", "other.own": "absent"}}}'
	PATCHES=2 run -0 --separate-stderr "$COPY/scripts/revert"
	says red 2
	[ "$(jq -c '.machines[0] | [.missing, .own]' "$COPY/build/revert/2.json")" = '[["other.own"],["suite.own"]]' ]
}

@test "a panic without the patch is red as well" {
	answers '{"Revert \"Two\"": {"verdict": "panic"}}'
	ARCHS=arm64 PATCHES=2 run -0 --separate-stderr "$COPY/scripts/revert"
	says red 2
}

@test "nothing turns red: untested, unless there is a reason" {
	PATCHES=2 run -1 --separate-stderr "$COPY/scripts/revert"
	says UNTESTED 2
	echo 'Two.patch  no functional change' >"$COPY/tests/untested.txt"
	PATCHES=2 run -0 --separate-stderr "$COPY/scripts/revert"
	says 'no test' 2
	[[ $output = *'no functional change'* ]]
}

@test "what later patches change is taken out of the step before, or not at all" {
	answers '{"Revert \"One\"": {"tests_by_name": {"a": "failed"}}}'
	PATCHES=1 run -0 --separate-stderr "$COPY/scripts/revert"
	says red 1
	[ "$(jq .at "$COPY/build/revert/1.json")" = 2 ]
	[[ $output = *'One  [of step 2]'* ]]
	answers '{}'
	PATCHES=1 run -0 --separate-stderr "$COPY/scripts/revert"
	says 'not alone' 1
	[[ $output = *'later patches change a; no test of step 2 misses it'* ]]
	TIP=1 PATCHES=1 run -0 --separate-stderr "$COPY/scripts/revert"
	says 'not alone' 1
	[[ $output = *'later patches change a'* ]]
}

@test "what is left and does not build is no proof" {
	answers '{"Revert \"Two\"": {"verdict": "build failed", "build": "failed", "detail": "x.c: error: y"}}'
	PATCHES=2 run -0 --separate-stderr "$COPY/scripts/revert"
	says 'not built' 2
	[[ $output = *'what is left does not build for x86_64: x.c: error: y'* ]]
}

@test "a list that names no patch, or no machine" {
	echo 'None.patch  x86_64-users' >"$COPY/tests/revert.txt"
	run -2 --separate-stderr "$COPY/scripts/revert"
	one_line 'revert: tests/revert.txt:1: the series has no patch None.patch'
	echo 'Two.patch  none' >"$COPY/tests/revert.txt"
	run -2 --separate-stderr "$COPY/scripts/revert"
	one_line "revert: tests/revert.txt:1: no machine 'none' in qemu-images/matrix/ or life/"
	printf '\nFour.patch  tests\n' >"$COPY/tests/untested.txt"
	echo '# none' >"$COPY/tests/revert.txt"
	run -2 --separate-stderr "$COPY/scripts/revert"
	one_line 'revert: tests/untested.txt:2: the series has no patch Four.patch'
}
