# SPDX-License-Identifier: GPL-2.0
"""Run by gdb for scripts/pagetables: stops the guest at each call of some functions
and at its return, and writes what was called and how QEMU's "info tlb" shows the
page tables then. It judges nothing, scripts/compare does.

Environment: RECORD_CALLS, a file with "ADDRESS NAME TYPE FORM" for each function;
RECORD_SOCKETS, the folder with QEMU's sockets gdb and monitor; RECORD, the file
that is written. gdb's own passthrough, "monitor info tlb", hangs with QEMU 7.2
when the answer is long, hence the second socket.
"""
import os
import socket
import struct

import gdb

SOCKETS = os.environ['RECORD_SOCKETS']


class Monitor:
    """QEMU's monitor: a command, and its answer up to the next prompt."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.answer()

    def answer(self):
        data = b''
        while not data.endswith(b'(qemu) '):
            more = self.socket.recv(1 << 20)
            if not more:
                raise EOFError('the monitor is gone')
            data += more
        return data.decode('ascii', 'replace').replace('\r', '')

    def ask(self, command):
        self.socket.sendall(command.encode() + b'\n')
        # Without the echo of the command, and the prompt.
        return '\n'.join(self.answer().split('\n')[1:-1])


def register(name):
    return int(gdb.parse_and_eval(f'(unsigned long)${name}'))


def words(address, number):
    data = gdb.selected_inferior().read_memory(address, 8 * number)
    return struct.unpack(f'<{number}Q', data)


def calls():
    found = {}
    with open(os.environ['RECORD_CALLS'], encoding='utf-8') as f:
        for line in f:
            address, name, _, form = line.split()
            found[int(address, 16)] = name, form
    return found


def main():
    for command in ('pagination off', 'confirm off', 'architecture i386:x86-64'):
        gdb.execute(f'set {command}')
    monitor = Monitor(os.path.join(SOCKETS, 'monitor'))
    gdb.execute(f'target remote {os.path.join(SOCKETS, "gdb")}')
    functions, returns, stack = calls(), set(), []
    for address in functions:
        gdb.execute(f'break *{address:#x}', to_string=True)
    with open(os.environ['RECORD'], 'w', encoding='utf-8') as record:

        def write(what):
            print(f'== {what}\n{monitor.ask("info tlb")}', file=record, flush=True)
            print(what[:60], flush=True)

        while True:
            try:
                gdb.execute('continue', to_string=True)
                at, sp = register('rip'), register('rsp')
            except gdb.error:
                # The guest has ended, and QEMU with it.
                break
            if at in functions:
                name, form = functions[at]
                pages, number = register('rdi'), register('rsi') & 0xffffffff
                pages = words(pages, number) if form == 'array' else (pages,)
                back, = words(sp, 1)
                # gdb's step over the breakpoint may not have got anywhere, for
                # an interrupt: the same call once more.
                if stack and stack[-1][:2] == (back, sp + 8):
                    continue
                if back not in returns:
                    returns.add(back)
                    gdb.execute(f'break *{back:#x}', to_string=True)
                # Another thread may come by there, with another stack.
                stack.append((back, sp + 8, name))
                write(f'enter {name} {number} ' + ' '.join(f'{page:x}' for page in pages))
            elif stack and (at, sp) == stack[-1][:2]:
                result = register('rax') & 0xffffffff
                write(f'leave {stack.pop()[2]} {result - (result >> 31 << 32)}')
        print('== end', file=record)
    print('end')


main()
