# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What is set here is used by the scripts that source this.
# shellcheck disable=SC2034
#
# What scripts/style and scripts/lint share: findings, a line each, the check and
# the finding with a tab between them, and those of lint.allow, which do not count.
# Sourced after repo.sh.

ALLOW=$ROOT/scripts/lint.allow

# read_allowed: sets the array ALLOWED, "check<tab>expression" a line of ALLOW.
read_allowed() {
	local line=0 text entry
	ALLOWED=()
	while IFS= read -r text || [ -n "$text" ]; do
		line=$((line + 1))
		case $text in
		''|'#'*) continue ;;
		*' # '*[![:space:]]*) ;;
		*)	 die "$(relative "$ALLOW"):$line: no reason; write it behind \" # \"" ;;
		esac
		entry=${text% # *}
		entry=${entry%"${entry##*[![:space:]]}"}
		[[ $entry = *' '* ]] || die "$(relative "$ALLOW"):$line: give a check and an expression"
		ALLOWED+=("${entry%% *}"$'\t'"${entry#* }")
	done <"$ALLOW"
}

# not_allowed: of the findings on standard input those that count. What an entry
# has matched is in OUT/lint.used.
not_allowed() {
	local finding entry
	while IFS= read -r finding; do
		for entry in "${ALLOWED[@]}"; do
			[[ $finding =~ ^${entry}$ ]] || continue
			printf '%s\n' "$entry" >>"$OUT/lint.used"
			continue 2
		done
		printf '%s\n' "$finding"
	done
}

# commit_of N: of the step.
commit_of() {
	awk -F'\t' -v n="$1" '$1 == n { print $2 }' "$OUT/steps.tsv"
}

# exported COMMIT: the symbols that it exports more than before, but for tests.
exported() {
	in_repo diff -U0 "$1^" "$1" -- '*.c' | awk '
		match($0, /^[-+]EXPORT_SYMBOL[A-Z_]*\([a-z0-9_]+/) && !/KUNIT/ {
			symbol = substr($0, index($0, "(") + 1, RLENGTH - index($0, "("))
			n[symbol] += substr($0, 1, 1) == "+" ? 1 : -1
		}
		END { for (symbol in n) if (n[symbol] > 0) print symbol }' | sort
}
