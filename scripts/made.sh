# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Trees that are made to be tested, with neither a checkout nor an index of the
# repository: by scripts/prove, revert, witness and coverage; and the script that runs a
# machine for them. Sourced after lib.sh; DIR is the caller's folder.

# in_repo ARGS...: git. Fixed names and dates: the same tree is the same commit.
in_repo() {
	GIT_AUTHOR_NAME=made GIT_AUTHOR_EMAIL=made@localhost GIT_AUTHOR_DATE='1767225600 +0000' \
	GIT_COMMITTER_NAME=made GIT_COMMITTER_EMAIL=made@localhost GIT_COMMITTER_DATE='1767225600 +0000' \
	GIT_INDEX_FILE=$DIR/index git --git-dir="$REPO" "$@"
}

# with_patches COMMIT FILE...: prints a commit on COMMIT with these patches.
with_patches() {
	local commit=$1 file tree
	shift
	in_repo read-tree "$commit"
	for file; do
		in_repo apply --cached --whitespace=nowarn "$file" 2>/dev/null ||
			die "$(relative "$file") does not apply to ${commit:0:12}; make it anew"
	done
	tree=$(in_repo write-tree)
	in_repo commit-tree "$tree" -p "$commit" -m "With ${*##*/}"
}

# script_of MACHINE: what runs a machine that is no architecture.
script_of() {
	[ -f "$ROOT/qemu-images/life/$1.machine" ] && echo life || echo matrix
}

# without COMMIT OTHER SUBJECT: prints a commit on COMMIT that undoes OTHER, which is one
# of those before it; fails, and prints the files that are in the way, if that cannot be
# done. To merge what undoes it is to revert it.
without() {
	local undo tree
	undo=$(in_repo commit-tree "$2^^{tree}" -p "$2" -m undo)
	tree=$(in_repo merge-tree --write-tree --name-only "$1" "$undo" 2>/dev/null) || {
		sed -n '2,/^$/p' <<<"$tree" | paste -s -d' ' | sed 's/ *$//'
		return 1
	}
	in_repo commit-tree "$tree" -p "$1" -m "Revert \"$3\""
}
