#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/covered makes of the counts of two machines, and which machines there
# are. Nothing is built or booted.

# shellcheck disable=SC2154
# bats sets $stderr.

load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf '%s\n' 'of mm' 'most 20' >data
	: >excuses
	printf '0\tc0\tt0\t-\t-\tLinux\n1\tc1\tt1\tone.patch\t-\tmm: One\n2\tc2\tt2\ttwo.patch\t-\tmm: Two\n' >steps
	mkdir -p d/{x86_64-a,arm64-a}
	added 'mm/a.c 10 1 int f(void)' 'mm/a.c 11 1 {' 'mm/a.c 12 1 x();' 'mm/a.c 13 1 y();' 'mm/a.c 14 2 return 0;' 'mm/a.c 15 2 z();'
	printf '{"machine": "%s", "arch": "%s", "verdict": "ok"}\n' x86_64-a x86_64 arm64-a arm64 >d/machines
	counts x86_64-a 10=1 12=1 13=0 14=1 15=1
	counts arm64-a 10=1 12=0 13=0 14=1 15=0
}

# added "FILE LINE STEP TEXT"...
added() {
	local line
	for line; do
		printf '%s\n' "$line" | sed 's/ /\t/; s/ /\t/; s/ /\t/'
	done >d/lines
}

# counts MACHINE LINE=COUNT...: what gcov says of mm/a.c, with two branches in line 12.
counts() {
	local machine=$1 pair lines=()
	shift
	for pair; do
		lines+=("{\"line_number\": ${pair%=*}, \"count\": ${pair#*=}, \"function_name\": \"f\", \"branches\": [$(
			[ "${pair%=*}" != 12 ] || printf '{"count": %s}, {"count": 0}' "${pair#*=}")]}")
	done
	printf '{"current_working_directory": "/t/build/o/x", "data_file": "/t/counts/mm/a.gcda", "files": [{"file": "%s", "lines": [%s]}]}\n' \
		../../src/mm/a.c "$(IFS=,; echo "${lines[*]}")" >"d/$machine/gcov.json"
}

covered() {
	"$ROOT/scripts/covered" data excuses d steps tree 'scripts/coverage' "$@"
}

@test "coverage: a line that one architecture ran is covered, one that none ran fails" {
	run -1 covered
	[[ ${lines[0]} = '5 added lines can be run: 4 are (80.0 %), 0 are excused (0.0 %), 1 are neither. Branches: 1 of 2 on x86_64 (50.0 %), 0 of 2 on arm64 (0.0 %).' ]]
	[[ $output = *'  mm/a.c:13: patch 1, f: y();'* ]]
	[[ $output = *'1 lines are neither run nor excused'* ]]
	[[ ${lines[-1]} = 'again: scripts/coverage' ]]
	[ "$(jq -r '.ok, .tree, (.patches[] | "\(.n) \(.lines) \(.covered)")' d/results.json)" = $'false\ntree\n1 3 2\n2 2 2' ]
	[ "$(cat d/uncovered.txt)" = 'mm/a.c:13: patch 1, f: y();' ]
}

@test "coverage: all is run" {
	counts arm64-a 13=7
	run -0 covered
	[ "$(jq .ok d/results.json)" = true ]
}

@test "coverage: an entry excuses a line by its text, or by its function" {
	printf 'mm/a.c\ty*;\tno such device\n' >excuses
	run -0 covered
	[[ ${lines[0]} = *' 1 are excused (20.0 %), 0 are neither.'* ]]
	[ "$(cat d/uncovered.txt)" = 'mm/a.c:13: patch 1, f: y();  # no such device' ]
	printf 'mm/a.c\tf()\tno such device\n' >excuses
	run -0 covered
	printf 'mm/a.c\tf(): y*\tno such device\n' >excuses
	run -0 covered
	printf 'mm/a.c\tg(): y*\tno such device\n' >excuses
	run -1 covered
	printf 'mm/b.c\tf()\tno such device\n' >excuses
	run -1 covered
}

@test "coverage: an entry that no line needs fails" {
	printf 'mm/a.c\ty*;\tno such device\nmm/a.c\tz();\twas not run once\n' >excuses
	run -1 covered
	[[ $output = *'excuses:2: no line needs it; delete it: mm/a.c z();'* ]]
	[[ $output != *'excuses:1'* ]]
	# Nor does one that is needed by what another one has excused.
	printf 'mm/a.c\ty*;\tno such device\nmm/a.c\tf()\tno such device\n' >excuses
	run -1 covered
	[[ $output = *'excuses:2: no line needs it; delete it: mm/a.c f()'* ]]
}

@test "coverage: too many excused fails" {
	counts x86_64-a 10=1 12=1 13=0 14=1 15=0
	printf 'mm/a.c\tf()\tno such device\n' >excuses
	run -1 covered
	[[ $output = *'2 of 5 lines are excused, 40.0 %: at most 20 % may be; write tests that run them'* ]]
	[[ $output != *'neither run nor excused'* ]]
}

@test "coverage: of a file that no build has, what looks like code is not run" {
	added 'mm/a.c 12 1 x();' 'mm/b.c 1 2 #include <linux/mm.h>' 'mm/b.c 2 2 /* One' 'mm/b.c 3 2  * two */' \
		'mm/b.c 4 2 }' 'mm/b.c 5 2 call();' 'mm/b.h 1 2 void call(void);'
	run -1 covered
	[[ ${lines[0]} = '2 added lines can be run: 1 are '* ]]
	[[ $output = *'  mm/b.c:5: patch 2, (in no build): call();'* ]]
}

@test "coverage: nothing known of any line is no success" {
	added 'mm/a.h 1 1 void f(void);'
	run -1 covered
	[[ $output = *'no added line can be run: gcov knows none of them'* ]]
}

@test "coverage: some machines alone prove nothing, and are not asked for all" {
	run -0 covered partial
	[[ $output = *'  mm/a.c:13: patch 1, f: y();'* ]]
	[ "$(jq .ok d/results.json)" = false ]
}

@test "coverage: bad input" {
	printf 'mm/a.c\ty*;\n' >excuses
	run -2 --separate-stderr covered
	one_line 'covered: excuses:1: give a file, NAME() or the text of a line or NAME(): and that, and a reason, with tabs between them'
	: >excuses
	echo 'most some' >data
	run -2 --separate-stderr covered
	one_line "covered: data: give one line 'most PERCENT'"
	echo 'most 5' >data
	rm d/arm64-a/gcov.json
	run -2 --separate-stderr covered
	one_line "covered: d/arm64-a/gcov.json: [Errno 2] No such file or directory: 'd/arm64-a/gcov.json'"
	run -2 --separate-stderr env COVERAGE=none "$ROOT/scripts/coverage"
	[[ $stderr = "coverage: COVERAGE: no machine is called 'none'; there are: arm64-coverage-2cpu "* ]]
}

# What a machine is there for is in qemu-images/matrix/: these must be the same ones.
@test "coverage: each machine is that of the matrix, and none is missing" {
	local file row key
	cd "$ROOT/qemu-images" || return
	for file in matrix/*.machine; do
		row=${file#matrix/} row=${row%.machine}
		# Those with a build of their own: KASAN, and 64K pages. What can fail on
		# arm64 is what can on x86_64.
		! grep -q '^build' "$file" || continue
		[[ $row != arm64-faults* ]] || continue
		for key in arg append dtdelete module log ok moved; do
			grep -E "^$key " "$file" | grep -v -e KernelAddressSanitizer -e '^ok end\.\*' | while IFS= read -r line; do
				grep -qxF -- "$line" "coverage/${row%%-*}-coverage-${row#*-}.machine" || {
					echo "coverage/${row%%-*}-coverage-${row#*-}.machine has no '$line'"
					exit 1
				}
			done
		done
	done
	for file in coverage/*.machine; do
		grep -qx 'build coverage' "$file"
		grep -qx 'append rdinit=/coverage' "$file"
	done
}
