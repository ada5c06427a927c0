#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""mutants.py REPO BASE TIP MUTANT...: whose lines the mutants change.

Prints a line for each mutant and each commit of BASE..TIP, its subject, that the
lines are of which the mutant takes away: git blame says so. Of a place where it only
adds, the line before. What was there at BASE already is nobody's.
"""
import os
import re
import subprocess
import sys
import tempfile


def git(repo, *args, **kwargs):
    return subprocess.run(['git', '--git-dir', repo, *args], check=True, capture_output=True,
                          text=True, **kwargs).stdout


def owners(repo, base, tip, path, known={}):
    """Whose each line of a file is, the first one at 1; None: that of BASE."""
    if path not in known:
        known[path] = [None]
        for line in git(repo, 'blame', '-l', '-s', f'{base}..{tip}', '--', path).splitlines():
            commit = line.split(' ', 1)[0]
            known[path].append(None if commit.startswith('^') else commit)
    return known[path]


def made(repo, tip, mutant):
    """The difference that it makes at the tip, where its lines may have moved."""
    with open(mutant, encoding='utf-8') as f:
        paths = [line[6:].strip() for line in f if line.startswith('--- a/')]
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {'GIT_INDEX_FILE': os.path.join(folder, 'index')}
        git(repo, 'update-index', '--index-info', env=env, input=git(repo, 'ls-tree', tip, '--', *paths))
        git(repo, 'apply', '--cached', '--whitespace=nowarn', os.path.abspath(mutant), env=env)
        return git(repo, 'diff', '--cached', tip, '--', *paths, env=env)


def changed(diff):
    """(file, line of the old file) of all that it changes."""
    path, line, added, taken = None, 0, [], []
    for text in diff.splitlines(keepends=True):
        if text.startswith('--- a/'):
            path = text[6:].strip()
        elif hunk := re.match(r'@@ -(\d+)', text):
            line = int(hunk[1])
        elif not path or text.startswith(('+++', '-- \n')):
            continue
        elif text.startswith('-'):
            taken.append((path, line))
            line += 1
        elif text.startswith('+'):
            added.append((path, line - 1))
        elif text.startswith((' ', '\n')):
            line += 1
    return taken or added


def main():
    repo, base, tip, *mutants = sys.argv[1:]
    subjects = dict(line.split(' ', 1) for line in
                    git(repo, 'log', '--format=%H %s', f'{base}..{tip}').splitlines())
    for mutant in mutants:
        found = {owners(repo, base, tip, path)[line] for path, line in changed(made(repo, tip, mutant))} - {None}
        for commit in found or {''}:
            print(mutant.rsplit('/', 1)[-1], subjects.get(commit, '-'), sep='\t')


main()
