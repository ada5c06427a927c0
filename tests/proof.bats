#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The parts of scripts/proof: what it makes of theirs, and of bad input. Nothing is
# built: the scripts of the parts are replaced by some that do as they are told.

# shellcheck disable=SC2154
# bats sets $output and $stderr.

load common

setup() {
	COPY=$BATS_TEST_TMPDIR/copy
	mkdir -p "$COPY/tests" "$COPY/build"
	cp -r "$ROOT/scripts" "$ROOT/qemu-images" "$COPY/"
	cp "$ROOT/tests/proofs.txt" "$COPY/tests/"
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache BUILD_LOCK_HELD=1
	printf '73\tcommit\ttree\tfile\tgroup\tSubject\n' >"$COPY/build/steps.tsv"
	does setup 'exit 0'
	does apply 'exit 0'
	does model "mkdir -p '$COPY/build/model'; echo '{\"orders\": [{\"kind\": \"order\", \"verdict\": \"verified\"}, {\"kind\": \"wrong\", \"verdict\": \"missed\"}]}' >'$COPY/build/model/results.json'"
	does revert "mkdir -p '$COPY/build/revert'; printf 'figure of revert <&>\n\nok, 7 s\n' >'$COPY/build/revert/summary.txt'"
	does life "mkdir -p '$COPY/build/life'; echo '{\"rows\": [{\"verdict\": \"ok\"}, {\"verdict\": \"hang\"}]}' >'$COPY/build/life/results.json'"
	does coverage "mkdir -p '$COPY/build/coverage'; echo '{\"sentence\": \"9 of 9 lines\"}' >'$COPY/build/coverage/results.json'"
	does matrix "mkdir -p \"\$OUT/matrix/row\"; echo \"rows \$MATRIX\" >\"\$OUT/matrix/summary.txt\"
		printf '# %s: 3 faults, 2 refused, 1 survived\\r\\n' once on >\"\$OUT/matrix/row/boot.log\""
	does witness 'exit 0'
	does prove "[ -z \"\${ALL:-}\" ] || echo '9 of 9 mutants are caught' >'$COPY/build/mutants.txt'"
	cd "$COPY" || return
}

# does SCRIPT COMMANDS: what it is replaced by.
does() {
	printf '#!/bin/bash\n%s\n' "$2" >"$COPY/scripts/$1"
	chmod +x "$COPY/scripts/$1"
}

# says PART VERDICT: so the part is called.
says() {
	[ "$(jq -r --arg part "$1" '.parts[] | select(.part == $part) | .verdict' build/proof/results.json)" = "$2" ]
}

@test "proof: all parts, each with its figure and the tree" {
	run -0 --separate-stderr scripts/proof
	[ "$(jq -r '[.ok, .tree, (.parts | length)] | join(" ")' build/proof/results.json)" = 'true tree 6' ]
	[ "$(jq -r '.parts[].figure' build/proof/results.json | paste -sd'|')" = \
		'1 orders verified, 0 wrong ones seen|1 of 2 machines are ok|6 faults: 4 errors, 2 calls that did without|9 of 9 lines|9 of 9 mutants are caught|figure of revert <&>' ]
	[[ $(<build/proof/faults/matrix/summary.txt) = 'rows '*-faults* ]]
	[[ $output = *'9 of 9 mutants are caught'* ]]
	grep -qF 'figure of revert &lt;&amp;&gt;' build/proof/index.html
	run ! grep -qF 'revert <&>' build/proof/index.html
}

@test "proof: one part that is not ok, and the others are done" {
	does life 'exit 1'
	run -1 --separate-stderr scripts/proof
	says life 'NOT OK'
	says revert ok
}

@test "proof: a mistake that the witness does not see counts, whatever the last script says" {
	does witness 'exit 1'
	PARTS=mutants run -1 --separate-stderr scripts/proof
	says mutants 'NOT OK'
	[[ $output = *'9 of 9 mutants are caught'* ]]
}

@test "proof: a set-up error is none of the series" {
	does coverage 'exit 2'
	run -2 --separate-stderr scripts/proof
	says coverage 'set-up error'
}

@test "proof: no time is left" {
	LIMIT=0 PARTS='model life' run -3 --separate-stderr scripts/proof
	says life 'not run'
}

@test "proof: what takes too long is stopped, and to be gone on with" {
	does life 'sleep 60 & wait'
	sed -i 's/LIMIT \* 60/LIMIT * 2/' scripts/proof
	LIMIT=1 PARTS='life revert' run -3 --separate-stderr scripts/proof
	says life 'not finished'
	says revert 'not run'
}

@test "proof: some of the parts are no proof, and what an earlier run has left is not told" {
	run -0 --separate-stderr scripts/proof
	run ! grep -q 'Not asked for' build/proof/summary.txt build/proof/index.html
	PARTS=model run -0 --separate-stderr scripts/proof
	[ "$(jq .ok build/proof/results.json)" = false ]
	[ "$(tail -n 1 build/proof/summary.txt)" = 'Not asked for: life, faults, coverage, mutants, revert' ]
	grep -q '<p>Not asked for: life' build/proof/index.html
	LIMIT=0 run -3 --separate-stderr scripts/proof
	[ "$(jq -r '[.parts[].figure] | unique | join("|")' build/proof/results.json)" = '' ]
	run ! grep -qE 'figure of|orders verified' build/proof/index.html
}

@test "proof: bad input" {
	PARTS='model none' run -2 --separate-stderr scripts/proof
	one_line "proof: PARTS: unknown part 'none'; known: model life faults coverage mutants revert"
	LIMIT=long run -2 --separate-stderr scripts/proof
	one_line 'proof: LIMIT=long: give it in minutes'
	run -2 --separate-stderr scripts/proof all
	one_line 'proof: usage: proof [part NAME]'
}
