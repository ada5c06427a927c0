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

# other NAME ROW: a result of scripts/NAME for the tip.
other() {
	mkdir -p "$1"
	jq -n --argjson row "$2" '{tree: "t1", rows: [$row]}' >"$1/results.json"
}

@test "lint, other configurations, costs and bases of this tip are in the page, of another are not" {
	result 0 '{}'
	result 1 '{"a": "ok"}'
	other matrix '{"name": "x86_64-odd", "config": "debug", "differs": "<nopat>", "verdict": "unexpected",
		"detail": "a: skipped, and must not be", "boot": "ok", "tests": {"passed": 1, "failed": 0, "skipped": 1},
		"skips": {"a": "no PAT"}, "tests_by_name": {"a": "skipped"}, "reproduce": "again",
		"bytes": {"moved": 1234567, "compared": 89}}'
	other cost '{"n": 1, "arch": "x86_64", "subject": "x: One", "sizes": "up/down: 1/-118 (-117)",
		"before": {"image": "i0", "thousands": null, "functions": 2, "instructions": 100, "repeats": true, "tests": {}},
		"after": {"image": "i1", "thousands": 7, "functions": 2, "instructions": 90, "repeats": true, "tests": {}}}'
	other bases '{"which": "7.2", "reason": "for <stable>", "unavailable": null, "name": "v7.2.13", "from": "from Debian",
		"line": "[applies to v7.2.13] not built", "failed": ""}'
	other lint '{"n": "1", "subject": "x: One", "to": 2, "cc": 3, "findings": [{"check": "compile", "finding": "<sparse> says"}]}'
	run -0 "$ROOT/scripts/report" . 61
	grep -q '1 of 1 with findings' report/index.html
	grep -q 'x: One<small>compile: &lt;sparse&gt; says</small>' report/index.html
	[ "$(jq -r '.patches[1].lint[0].finding' report/results.json)" = '<sparse> says' ]
	[ "$(jq -r '.patches[0].lint' report/results.json)" = null ]
	grep -q 'v7.2.13<small>from Debian</small><td>for &lt;stable&gt;<td>\[applies to v7.2.13\] not built' report/index.html
	grep -q '1 of 1 not ok' report/index.html
	grep -q 'x86_64-odd<td>debug<td>&lt;nopat&gt;' report/index.html
	grep -q 'no PAT<small>a</small>' report/index.html
	grep -q '1,234,567 bytes moved by the device, 89 compared' report/index.html
	grep -q '90 <small>-10</small>' report/index.html
	grep -q 'suite absent' report/index.html
	sed -i 's/"t1"/"t9"/' {lint,matrix,cost,bases}/results.json
	# "-": the time of the last report is kept.
	run -0 "$ROOT/scripts/report" . -
	run ! grep -E 'x86_64-odd|suite absent|v7.2.13|sparse' report/index.html
	grep -q '^time in all  1:01$' report/summary.txt
}

@test "every link of index.html leads somewhere in it, and nowhere else" {
	result 0 '{"a": "ok"}'
	result 1 '{}' '.build = "failed" | .detail = "f.c:1: error: <x>" | .boot = null'
	other matrix '{"name": "x86_64-odd", "config": "debug", "differs": "", "verdict": "not run", "detail": "",
		"boot": "-", "tests": {"passed": 0, "failed": 0, "skipped": 0}, "skips": {}, "tests_by_name": {}, "reproduce": "again"}'
	other bases '{"which": "7.9", "reason": "y", "unavailable": "z", "line": "[unavailable: 7.9] z"}'
	run -1 "$ROOT/scripts/report" . 61
	grep -q '<td>7.9<small></small><td>y<td>\[unavailable: 7.9\] z' report/index.html
	grep -oP 'href="#\K[^"]*' report/index.html | sort -u >links
	grep -oP '<details id="\K[^"]*' report/index.html | sort -u >targets
	[ -s links ]
	run -0 comm -23 links targets
	[ -z "$output" ]
	run ! grep -E '(src|href)="[^#]' report/index.html
	grep -q 'f.c:1: error: &lt;x&gt;' report/index.html
}
