#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The mails: that they carry what the patches are, to whom, and nothing invented;
# and that none are made which nobody signed.

# shellcheck disable=SC2030,SC2031,SC2154
# Each test has a shell of its own, and bats sets $stderr.

load common

setup_file() {
	export ALL=$BATS_FILE_TMPDIR/all FROM='Jo Döe <jo@example.org>' ASSISTED_BY='LLM sparse'
	unset SERIES PATCHES PART COVER V LINUX TARBALL
	export BUILD_LOCK_HELD=1
	OUT=$ALL "$ROOT/scripts/mbox"
}

setup() {
	a_series
	# As git has them when it is asked for a series, without a placeholder.
	export -n SERIES
	sed -i 's/\[PATCH[^]]*\]/[PATCH]/' "$S"/patches/*
	printf 'Subject: dma: Two changes\n\nHi all,\n\nboth   are small.\n' >"$S/COVER_LETTER.md"
}

# mbox ASSIGNMENTS: scripts/mbox for the small series.
mbox() {
	env SERIES="$S/series" OUT="$OUT" "$@" "$ROOT/scripts/mbox"
}

# refused LINE ASSIGNMENTS: exit 2 with that one line, and no mail.
refused() {
	run -2 --separate-stderr mbox "${@:2}"
	one_line "mbox: $1" "$(grep '^mbox: ' <<<"$stderr")"
	[ -z "$(find "$OUT" -name '*.mbox' 2>/dev/null)" ]
}

show() {
	python3 "$ROOT/tests/mails.py" show "$1"
}

# sent VERSION: tags the small series as what was sent.
sent() {
	[ -d "$S/.git" ] || git init -q "$S"
	git -C "$S" add -A
	git -C "$S" -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m "$1"
	git -C "$S" tag "$1"
}

# am_steps MBOX: applies its mails to the base as scripts/apply does a series, and
# prints the trees.
am_steps() {
	local dir=$BATS_TEST_TMPDIR/am n=0 file
	rm -rf "$dir"
	mkdir -p "$dir/patches" "$dir/mails"
	git mailsplit -o"$dir/mails" "$1" >/dev/null
	for file in "$dir"/mails/*; do
		# The 0/N mail has no diff.
		grep -q '^Subject: .*\[PATCH.* 0*0/' "$file" && continue
		n=$((n + 1))
		cp "$file" "$dir/patches/$(printf %04d "$n").patch"
		printf '%04d.patch\n' "$n" >>"$dir/series"
	done
	SERIES=$dir/series OUT=$dir/out "$ROOT/scripts/apply" || return
	cut -f3 "$dir/out/steps.tsv"
}

# b4_am NAME MBOX: what b4 makes of it, with neither network nor settings.
b4_am() {
	mkdir -p "$BATS_TEST_TMPDIR/b4" "$BATS_TEST_TMPDIR/$1"
	git init -q "$BATS_TEST_TMPDIR/b4/tree"
	(cd "$BATS_TEST_TMPDIR/b4/tree" &&
		env HOME="$BATS_TEST_TMPDIR/b4" XDG_CACHE_HOME="$BATS_TEST_TMPDIR/b4" GIT_CONFIG_NOSYSTEM=1 \
			GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=a \
			GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=a@localhost \
			b4 --offline-mode am -m "$2" -o "$BATS_TEST_TMPDIR/$1" -n a) >"$BATS_TEST_TMPDIR/$1.log" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/$1.log"
		return 1
	}
}

@test "round trip: the mails, git am, and the trees of the series" {
	am_steps "$ALL/mbox/v1.mbox" >"$BATS_TEST_TMPDIR/trees"
	cut -f3 "$ALL/mbox/new/steps.tsv" | diff - "$BATS_TEST_TMPDIR/trees"
}

@test "round trip: the mails shuffled and quoted-printable, b4 am, git am, and the trees" {
	python3 "$ROOT/tests/mails.py" recode quoted-printable "$ALL/mbox/v1.mbox" >"$BATS_TEST_TMPDIR/qp.mbox"
	run ! cmp -s "$ALL/mbox/v1.mbox" "$BATS_TEST_TMPDIR/qp.mbox"
	b4_am qp "$BATS_TEST_TMPDIR/qp.mbox"
	am_steps "$BATS_TEST_TMPDIR/qp/a.mbx" >"$BATS_TEST_TMPDIR/trees"
	cut -f3 "$ALL/mbox/new/steps.tsv" | diff - "$BATS_TEST_TMPDIR/trees"
}

@test "round trip: b4 am makes the same of the mails as they are, and in base64" {
	b4_am plain "$ALL/mbox/v1.mbox"
	python3 "$ROOT/tests/mails.py" recode quoted-printable "$ALL/mbox/v1.mbox" >"$BATS_TEST_TMPDIR/qp.mbox"
	python3 "$ROOT/tests/mails.py" recode base64 "$ALL/mbox/v1.mbox" >"$BATS_TEST_TMPDIR/64.mbox"
	b4_am qp "$BATS_TEST_TMPDIR/qp.mbox"
	b4_am 64 "$BATS_TEST_TMPDIR/64.mbox"
	cmp "$BATS_TEST_TMPDIR"/{plain,qp}/a.mbx
	cmp "$BATS_TEST_TMPDIR"/{plain,64}/a.mbx
	n=$(grep -c '^[^#]' "$ROOT/series")
	grep -qx "Total patches: $n" "$BATS_TEST_TMPDIR/plain.log"
}

@test "every mail answers the 0/N mail, and has the tags of its patch and the sender's" {
	local n of file group subject
	of=$(grep -c '^[^#]' "$ROOT/series")
	show "$ALL/mbox/v1.mbox" >"$BATS_TEST_TMPDIR/got"
	{
		subject=$(sed -n '1s/^Subject: //p' "$ROOT/COVER_LETTER.md")
		# It quotes no tag.
		printf '[PATCH %02d/%d] %s|first|\n' 0 "$of" "$subject"
		tail -n +2 "$ALL/mbox/new/steps.tsv" | while IFS=$'\t' read -r n _ _ file group subject; do
			[ "$group" != RFC ] || printf '[RFC '
			printf '[PATCH %02d/%d] %s|answers 0|' "$n" "$of" "$subject"
			sed '/^---$/,$d' "$ROOT/patches/$file" | tail -n +6 |
				{ grep -E '^(Fixes|Link|Cc|[A-Z][a-z]+(-[a-z]+)+): ' || true; } | tr '\n' '|'
			printf 'Assisted-by: LLM sparse|Signed-off-by: %s\n' "$FROM"
		done
	} | sed 's/^\[RFC \[/[RFC /' | diff - "$BATS_TEST_TMPDIR/got"
}

@test "a mail's changelog is that of its patch, and the tags of the sender" {
	local n=0 file mail tags
	while IFS= read -r file; do
		n=$((n + 1))
		mail=$(printf '%s' "$ALL/mbox/v1/$(printf %04d "$n")"-*.patch)
		git mailinfo "$BATS_TEST_TMPDIR/was" /dev/null <"$ROOT/patches/$file" >"$BATS_TEST_TMPDIR/was.head"
		git mailinfo "$BATS_TEST_TMPDIR/is" /dev/null <"$mail" >"$BATS_TEST_TMPDIR/is.head"
		tags=$(sed '/^---$/,$d' "$BATS_TEST_TMPDIR/is" | tail -n 2)
		[ "$tags" = "Assisted-by: LLM sparse"$'\n'"Signed-off-by: $FROM" ]
		[ "$(sed '/^---$/,$d' "$BATS_TEST_TMPDIR/was")" = "$(sed '/^---$/,$d' "$BATS_TEST_TMPDIR/is" | head -n -2)" ]
		[ "$(sed -n 1,2p "$BATS_TEST_TMPDIR/is.head")" = $'Author: Jo Döe\nEmail: jo@example.org' ]
	done < <(grep '^[^#]' "$ROOT/series")
	[ "$n" -gt 0 ]
}

@test "the 0/N mail is COVER_LETTER.md, shortlog, diffstat and base" {
	local mail of
	of=$(grep -c '^[^#]' "$ROOT/series")
	mail=$(tail -n +2 "$ALL/mbox/v1/0000-cover-letter.patch")
	[[ $mail = *$'\n\n'"$(tail -n +3 "$ROOT/COVER_LETTER.md")"$'\n\n'* ]]
	[[ $mail = *$'\n'"Jo Döe ($of):"$'\n'* ]]
	[[ $mail =~ $'\n '[0-9]+' files changed, '[0-9]+' insertions(+), '[0-9]+' deletions(-)'$'\n' ]]
	[ "$(tail -n 1 <<<"$mail")" = 'base: tag v7.3-rc7' ]
	# The number is made, and so is not in the file.
	run ! grep -nE '^Subject: \[|^ [0-9]+ files changed' "$ROOT/COVER_LETTER.md"
}

@test "recipients: maintainers, lists, and whom recipients.add names, each once" {
	mbox
	run -0 grep -c '' "$OUT/mbox/new/recipients.tsv"
	run -0 cut -f1-3 "$OUT/mbox/new/recipients.tsv"
	[[ $output = *$'2\tto\tMarek Szyprowski <m.szyprowski@samsung.com>'* ]]
	[[ $output = *$'2\tcc\tiommu@lists.linux.dev'* ]]
	# README is no one's: the list of the kernel is not copied but written to.
	[[ $output = *$'1\tto\tlinux-kernel@vger.kernel.org'* ]]
	[[ $output != *$'1\tcc\t'* ]]
	for n in 0 2; do
		[ "$(grep -c "^$n"$'\tcc\tChristoph Hellwig <hch@lst.de>' <<<"$output")" = 1 ]
	done
	[ -z "$(sort <<<"$output" | cut -f1,3 | uniq -d)" ]
	grep -q '^To: .*Marek Szyprowski <m.szyprowski@samsung.com>' "$OUT"/mbox/v1/0002*
	# Each address of the table, and no other, is in its mail.
	python3 - "$OUT/mbox" <<-END
		import email.utils, glob, mailbox, sys
		rows = [line.rstrip('\n').split('\t') for line in open(sys.argv[1] + '/new/recipients.tsv')]
		for n, mail in enumerate(mailbox.mbox(sys.argv[1] + '/v1.mbox')):
		    for field in 'to', 'cc':
		        got = email.utils.getaddresses(mail.get_all(field, []))
		        want = email.utils.getaddresses([r[2] for r in rows if int(r[0]) == n and r[1] == field])
		        assert got == want, (n, field, got, want)
	END
}

@test "recipients.add takes no entry without a reason" {
	mkdir "$BATS_TEST_TMPDIR/copy"
	cp -r "$ROOT/scripts" "$BATS_TEST_TMPDIR/copy/"
	printf 'cover a@example.org\n' >"$BATS_TEST_TMPDIR/copy/scripts/recipients.add"
	run -2 --separate-stderr env SERIES="$S/series" "$BATS_TEST_TMPDIR/copy/scripts/recipients"
	[ "$stderr" = 'recipients: scripts/recipients.add:1: give a path, an address, and behind "#" the reason' ]
}

@test "no sender, no mail" {
	local f
	refused "FROM is not set: no mail is made that nobody signed; read SUBMITTING.md, then give FROM='Name <mail>'" FROM=
	for f in 'Jo Doe' 'jo@example.org' 'Jo <jo>' '<jo@example.org>' 'Jo Doe <jo@example.org> ' 'Jo Doe <jo@example.org>, A <a@b.c>' $'Jo Doe\nCc: x <jo@example.org>'; do
		# One line, whatever is in it.
		run -2 --separate-stderr mbox FROM="$f"
		[ "$stderr" = "mbox: FROM: '$f' is not 'Name <mail>'" ]
	done
	refused 'FROM: nobody can have the address a@seed.example; give your own' FROM='Jo Doe <a@seed.example>'
}

@test "no Assisted-by, no mail" {
	local rules=Documentation/process/coding-assistants.rst
	refused "ASSISTED_BY is not set: a coding assistant wrote these patches, and $rules asks to say so; give ASSISTED_BY='LLM [TOOL]...'" ASSISTED_BY=
	refused "ASSISTED_BY: 'none' is not 'LLM [TOOL]...', see $rules" ASSISTED_BY=none
	refused "ASSISTED_BY: gcc is a basic tool, which $rules does not want to be named" ASSISTED_BY='LLM sparse gcc'
}

@test "nobody signs for another author, who is kept when he signed" {
	sed -i 's/^From: .*/From: Al Other <al@example.net>/' "$S"/patches/0002*
	refused "$S/patches/0002-dma-An-unused-variable.patch: its author Al Other <al@example.net> has not signed it; ask for it, and add the line to the patch"
	sed -i "s/^For the harness's own tests.\$/&\n\nLink: https:\/\/lore.kernel.org\/r\/x/" "$S"/patches/*
	sed -i 's/^Link: .*/&\nSigned-off-by: Al Other <al@example.net>/' "$S"/patches/0002*
	mbox
	[ "$(show "$OUT/mbox/v1.mbox" | cut -d'|' -f3- | tail -n 2)" = \
		"Link: https://lore.kernel.org/r/x|Assisted-by: LLM sparse|Signed-off-by: $FROM
Link: https://lore.kernel.org/r/x|Signed-off-by: Al Other <al@example.net>|Signed-off-by: $FROM" ]
	# A mail is from its sender; whose patch it is stands in the first line.
	[ "$(git mailinfo /dev/null /dev/null <"$OUT"/mbox/v1/0002-*.patch | sed -n 's/^Email: //p')" = al@example.net ]
	grep -q '^From: .*<jo@example.org>$' "$OUT"/mbox/v1/0002-*.patch
}

@test "a 0/N text that is not there, or has what is made" {
	sed -i '1s/Subject: /&[PATCH 0\/2] /' "$S/COVER_LETTER.md"
	refused "$S/COVER_LETTER.md:1: must be 'Subject: TITLE' without [PATCH ...], which is made, and an empty line behind it"
	rm "$S/COVER_LETTER.md"
	refused "$S/COVER_LETTER.md: no such file; it is the text of the 0/N mail"
}

@test "a line that would end a mail in the mbox" {
	sed -i "s/^For the harness's own tests.\$/From here on all is bad./" "$S"/patches/0002*
	refused "$OUT/mbox/v1/0002-dma-An-unused-variable.patch: a line starts with \"From \", which ends a mail in an mbox; wrap that paragraph in another way"
}

@test "a series that does not apply gives no mails" {
	sed -i 's/^ .*\*/ nothing&/' "$S"/patches/0002*
	run -1 --separate-stderr mbox
	[[ $stderr = *"0002-dma-An-unused-variable.patch does not apply, see $OUT/mbox/new/apply.log" ]]
	[ -z "$(find "$OUT" -name '*.mbox')" ]
}

@test "a part: its own numbers, no 0/N mail, and its base" {
	refused 'PATCHES takes a part of the series: give that a name for its files and tags, such as PART=fixes' PATCHES=1
	refused 'PART=fixes: name its patches, such as PATCHES=1..3' PART=fixes
	refused "PART: 'v1/x' is not made of small letters, digits and '-'" PART=v1/x PATCHES=1
	refused "PATCHES: '0..2' is not within 1..2" PART=fixes PATCHES=0..2
	mbox PART=fixes PATCHES=2
	[ "$(show "$OUT/mbox/fixes-v1.mbox" | cut -d'|' -f1,2)" = '[PATCH] dma: An unused variable|first' ]
	[ "$(tail -n 1 "$OUT"/mbox/fixes-v1/0001*)" = 'base: tag v7.3-rc7' ]
	mbox PART=fixes PATCHES=1..2
	[ "$(show "$OUT/mbox/fixes-v1.mbox" | cut -d'|' -f1,2)" = '[PATCH 1/2] README: Harmless change 1|first
[PATCH 2/2] dma: An unused variable|answers 0' ]
	mbox PART=fixes PATCHES=1..2 COVER="$S/COVER_LETTER.md"
	[ "$(show "$OUT/mbox/fixes-v1.mbox" | cut -d'|' -f1,2 | head -n 2)" = '[PATCH 0/2] dma: Two changes|first
[PATCH 1/2] README: Harmless change 1|answers 0' ]
}

@test "the mails of the group RFC say so, in a part too" {
	sed -i '2i # group: RFC' "$S/series"
	mbox
	run -0 grep -h '^Subject:' "$OUT"/mbox/v1/*
	[[ ${lines[0]} = 'Subject: [PATCH 0/2] '* && ${lines[1]} = 'Subject: [PATCH 1/2] '* ]]
	[[ ${lines[2]} = 'Subject: [RFC PATCH 2/2] '* ]]
	mbox PART=last PATCHES=2
	run -0 grep -h '^Subject:' "$OUT"/mbox/last-v1/*
	[[ $output = 'Subject: [RFC PATCH] '* ]]
}

@test "a part that needs what stands before it" {
	cp "$ROOT"/tests/bad/apply/patches/0003* "$S/patches/"
	(cd "$S/patches" && printf '%s\n' 0003* >>../series)
	run -1 --separate-stderr mbox PART=last PATCHES=3
	[[ $stderr = *'a part must apply to the base by itself; send first what it needs, and make the rest on a base that has it' ]]
}

@test "v2: a tag to compare with, what changed, and the range-diff" {
	refused "V: 'x' is not a version; give 1, 2 and so on" V=x
	refused "$S/COVER_LETTER.md: no line 'Changes since v1:'; add it, and what changed below it, in lines that start with a blank" V=2
	printf '\nChanges since v1:\n - 1: none\n\nEnd of 2.\n' >>"$S/COVER_LETTER.md"
	refused 'V=2: no tag v1; set it on what was sent: git tag v1 COMMIT' V=2
	sent v1
	sed -i 's/An unused variable/One that is not used/; s/^+.*\bint .*/&  /' "$S"/patches/0002*
	run -0 --separate-stderr mbox V=2
	[[ $stderr = *"WARNING: patch 2 differs from v1, and 'Changes since v1:' does not name it"* ]]
	[[ $stderr != *'patch 1 differs'* ]]
	[ "$(show "$OUT/mbox/v2.mbox" | cut -d'|' -f1)" = '[PATCH v2 0/2] dma: Two changes
[PATCH v2 1/2] README: Harmless change 1
[PATCH v2 2/2] dma: One that is not used' ]
	run -0 grep -A 99 '^Range-diff against v1:' "$OUT/mbox/v2/v2-0000-cover-letter.patch"
	[[ $output = *'1:  '*' = 1:  '*' README: Harmless change 1'* ]]
	[[ $output = *'2:  '*' ! 2:  '* ]]
	# Named, alone or in a range, there is nothing to warn of.
	sed -i 's/^ - 1: none/ - 1 to 2: all/' "$S/COVER_LETTER.md"
	run -0 --separate-stderr mbox V=2
	[[ $stderr != *WARNING* ]]
}

@test "v2: a patch that is gone, and one that is new" {
	sent v1
	printf '\nChanges since v1:\n - none\n' >>"$S/COVER_LETTER.md"
	rm "$S"/patches/0002*
	cp "$ROOT"/tests/bad/ktap-cut/patches/0001* "$S/patches/0002-new.patch"
	printf '%s\n' 0001-README-Harmless-change-1.patch 0002-new.patch >"$S/series"
	run -0 --separate-stderr mbox V=2
	[[ $stderr = *"WARNING: patch 2 differs from v1, and 'Changes since v1:' does not name it"* ]]
	[[ $stderr = *'WARNING: patch 2 of v1 is gone: dma: An unused variable'* ]]
}

@test "v2 of a part takes that part of the tag" {
	sent fixes-v1
	refused "V=2: from v2 on there is a 0/N mail, to say what changed; name its text with COVER=FILE" V=2 PART=fixes PATCHES=2
	printf '\nChanges since v1:\n - 1: another name\n' >>"$S/COVER_LETTER.md"
	sed -i 's/For the harness/Just for the harness/' "$S"/patches/0002*
	mv "$S"/patches/0001* "$S/patches/0003-README-Harmless-change-1.patch"
	printf '%s\n' 0002-dma-An-unused-variable.patch 0003-README-Harmless-change-1.patch >"$S/series"
	run -0 --separate-stderr mbox V=2 PART=fixes PATCHES=1 COVER="$S/COVER_LETTER.md"
	[[ $stderr != *WARNING* ]]
	run -0 grep -E '^(1|2|-): ' "$OUT/mbox/fixes-v2/v2-0000-cover-letter.patch"
	[ "${#lines[@]}" = 1 ]
	[[ $output = '1:  '*' ! 1:  '*' dma: An unused variable' ]]
}

@test "a version that was sent stays what it was" {
	sent v1
	# The same patches may be made into mails again.
	mbox
	rm -rf "$OUT"
	sed -i "s/For the harness/Just for the harness/" "$S"/patches/0002*
	refused 'the tag v1 has other patches: that version was sent; make the next one with V=2'
}

@test "with LINUX= the mails name the commit of the base" {
	local base cache=${XDG_CACHE_HOME:-$HOME/.cache}
	base=$("$ROOT/scripts/base")
	git init -q "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	git --git-dir="$cache/dma-uncached-pages/linux.git" archive "$base" \
		README MAINTAINERS Makefile kernel/dma scripts/get_maintainer.pl .get_maintainer.ignore | tar -x
	git add -A -f
	git -c user.name=a -c user.email=a@localhost commit -q -m 'Linux 7.3-rc7'
	git tag v7.3-rc7
	mbox XDG_CACHE_HOME="$BATS_TEST_TMPDIR/cache" LINUX="$PWD"
	[ "$(tail -n 1 "$OUT/mbox/v1/0000-cover-letter.patch")" = "base-commit: $(git rev-parse HEAD)" ]
	run ! grep -q '^base:' "$OUT/mbox/v1.mbox"
}
