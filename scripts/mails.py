#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# mails.py RECIPIENTS MBOX BASE RFC FILE...
#
# Gives the mails that git format-patch wrote to FILEs, in the order of a series,
# their recipients by the lines of RECIPIENTS, and the first of them the line BASE
# at its end, if that is not empty. The subjects of the mails whose numbers RFC lists
# say that they are one. Writes them all to MBOX as well. The first FILE is the 0/N
# mail if its name says so.
#
# Exit: 0 written, 2 a mail that would not survive in an mbox.

import collections
import email.utils
import re
import sys


def die(message):
    print(f'mbox: {message}', file=sys.stderr)
    sys.exit(2)


def header(field, addresses):
    """One address a line: a line of a header must stay below 998 characters."""
    encoded = [email.utils.formataddr(email.utils.parseaddr(a)) for a in addresses]
    return f'{field}: ' + ',\n\t'.join(encoded) + '\n' if encoded else ''


def main():
    recipients, mbox, base, rfc, *files = sys.argv[1:]
    whom = collections.defaultdict(lambda: {'to': [], 'cc': []})
    with open(recipients, encoding='utf-8') as lines:
        for line in lines:
            n, field, address, _ = line.rstrip('\n').split('\t')
            whom[int(n)][field].append(address)
    mails = []
    for i, name in enumerate(files):
        n = int(re.search(r'(?:^|/)(?:v\d+-)?(\d+)-[^/]*$', name).group(1))
        with open(name, encoding='utf-8', newline='') as file:
            head, body = file.read().split('\n\n', 1)
        # A folded subject in a file is one that b4 0.12 dies of.
        head = re.sub(r'^Subject:.*(\n[ \t].*)+', lambda m: m[0].replace('\n', ''), head, flags=re.M)
        if str(n) in rfc.split():
            head = re.sub(r'^Subject: \[PATCH', 'Subject: [RFC PATCH', head, flags=re.M)
        # Readers disagree about how such a line is quoted and unquoted.
        if re.search('^From ', body, re.M):
            die(f'{name}: a line starts with "From ", which ends a mail in an mbox; wrap that paragraph in another way')
        if i == 0 and base:
            body = body.rstrip('\n') + f'\n\n{base}\n'
        mails.append((name, head + '\n' + header('To', whom[n]['to']) + header('Cc', whom[n]['cc']) + '\n' + body))
    with open(mbox, 'w', encoding='utf-8', newline='') as out:
        for name, text in mails:
            with open(name, 'w', encoding='utf-8', newline='') as file:
                file.write(text)
            # An empty line ends a mail; git has none behind a diff.
            out.write(text.rstrip('\n') + '\n\n')


if __name__ == '__main__':
    main()
