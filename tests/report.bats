#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The report: results.json is a contract, junit.xml must parse, the page must
# hold what it links to.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf '0\tc0\tt0\t-\tbase\tv7\n1\tc1\tt1\tone.patch\tfixes\tx: One <&>\n' >steps.tsv
	printf '0 x86_64\n1 x86_64\n' >owed
}

# result N TESTS [CHANGE]: a result of step N, as scripts/verdict leaves it.
result() {
	record "$@"
	"$ROOT/scripts/verdict" "$1.record" steps.tsv results/x86_64 >/dev/null || true
}

json() {
	jq -c "$1" report/results.json
}

@test "results.json keeps its contract" {
	result 0 '{"a": "ok"}'
	result 1 '{"a": "ok", "b": "skipped"}'
	run -0 "$ROOT/scripts/report" . 61
	[ "$(json '[.base, .ok, (.patches | length)]')" = '["v7",true,2]' ]
	[ "$(json '.patches[0] | [.n, .file]')" = '[0,null]' ]
	[ "$(json '.patches[1] | [.n, .file, .subject]')" = '[1,"one.patch","x: One <&>"]' ]
	[ "$(json '.patches[1].arch.x86_64 | [.apply, .build, .boot, .verdict, .tests, .seconds]')" = \
		'["ok","ok","ok","ok",{"passed":1,"failed":0,"skipped":1},6]' ]
}

@test "a step that was owed and not done is not ok" {
	result 0 '{"a": "ok"}'
	run -1 "$ROOT/scripts/report" . 61
	[ "$(json '[.ok, .patches[1].arch.x86_64.verdict]')" = '[false,"not run"]' ]
}

@test "a leftover of an earlier run, or of another series, does not count" {
	result 0 '{"a": "ok"}'
	result 1 '{}' '.boot.verdict = "hang"'
	printf '0 x86_64\n' >owed
	run -0 "$ROOT/scripts/report" . 61
	printf '0 x86_64\n1 x86_64\n' >owed
	result 1 '{}' '.tree = "other"'
	run -1 "$ROOT/scripts/report" . 61
	[ "$(json '.patches[1].arch.x86_64.verdict')" = '"not run"' ]
}

@test "a test that passes without its patch is not ok" {
	result 0 '{"a": "ok"}'
	result 1 '{"a": "ok"}'
	printf 'ok/ok\tone.patch\tx86_64\ta\n' >proofs.tsv
	run -1 "$ROOT/scripts/report" . 61
}

@test "junit.xml parses, whatever the guest printed" {
	result 0 '{"a": "failed", "b": "skipped"}' '.boot.verdict = "test failed" | .boot.detail = "\u001b[1m<&\u0000"'
	result 1 '{"a": "ok"}'
	run -1 "$ROOT/scripts/report" . 61
	python3 - <<-'EOF'
	import xml.etree.ElementTree as tree
	suites = tree.parse('report/junit.xml').getroot()
	assert len(suites) == 2
	assert [len(suites[0].findall(f'.//{kind}')) for kind in ('testcase', 'failure', 'skipped')] == [6, 2, 1]
	EOF
}

@test "every link of index.html leads somewhere in it, and nowhere else" {
	result 0 '{"a": "ok"}'
	result 1 '{}' '.build = "failed" | .detail = "f.c:1: error: <x>" | .boot = null'
	run -1 "$ROOT/scripts/report" . 61
	grep -oP 'href="#\K[^"]*' report/index.html | sort -u >links
	grep -oP '<details id="\K[^"]*' report/index.html | sort -u >targets
	[ -s links ]
	run -0 comm -23 links targets
	[ -z "$output" ]
	run ! grep -E '(src|href)="[^#]' report/index.html
	grep -q 'f.c:1: error: &lt;x&gt;' report/index.html
}
