#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the mails of an mbox are, and what mail servers make of them.

mails.py show MBOX          a line a mail: subject, its place in the thread, tags
mails.py recode CTE MBOX    writes the mails to standard output: in another order,
                            with bodies in the encoding CTE
"""
import base64
import mailbox
import quopri
import random
import re
import sys

TAG = re.compile(r'^([A-Z][a-z]+(?:-[a-z]+)+|Fixes|Link|Cc|Closes): ')


def show(mails):
    ids = [m['Message-Id'] for m in mails]
    for i, mail in enumerate(mails):
        assert ids.count(ids[i]) == 1, f'{ids[i]} stands twice'
        parent, path = mail['In-Reply-To'], (mail['References'] or '').split()
        assert (parent is None and path == []) or path == [parent], path
        message = mail.get_payload(decode=True).decode().split('\n---\n')[0]
        tags = [line for line in message.split('\n') if TAG.match(line)]
        where = f'answers {ids.index(parent)}' if parent else 'first'
        print(f"{mail['Subject']}|{where}|{'|'.join(tags)}")


def recode(cte, mails):
    random.Random(1).shuffle(mails)
    encode = {'quoted-printable': quopri.encodestring, 'base64': base64.encodebytes}[cte]
    for mail in mails:
        body = encode(mail.get_payload(decode=True))
        for name in 'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding':
            del mail[name]
        mail['MIME-Version'] = '1.0'
        mail['Content-Type'] = 'text/plain; charset=UTF-8'
        mail['Content-Transfer-Encoding'] = cte
        mail.set_payload(body.decode('ascii'))
        # No server folds a header again, and b4 0.12 takes no folded subject.
        policy = mail.policy.clone(max_line_length=0)
        sys.stdout.buffer.write(mail.as_bytes(unixfrom=True, policy=policy).rstrip(b'\n') + b'\n\n')


if __name__ == '__main__':
    mbox = list(mailbox.mbox(sys.argv[-1], create=False))
    if sys.argv[1] == 'show':
        show(mbox)
    else:
        recode(sys.argv[2], mbox)
