"""
Runs a program on a pseudo terminal: what is written to our stdin is typed there, and our stdout is its screen.
When the program has ended, stderr says with what, and whether the terminal echoes again. With `--unseen` in front of the
program, what is typed waits until the terminal shows nothing: a person who is asked for a secret does so too.
"""

import json
import os
import pty
import select
import subprocess
import sys
import termios

master, slave = pty.openpty()
words = sys.argv[1:]
unseen = words[0] == "--unseen"
program = subprocess.Popen(words[1:] if unseen else words, stdin=slave, stdout=slave, stderr=slave)


def echoes():
    return bool(termios.tcgetattr(slave)[3] & termios.ECHO)


always_echoed = True
held = b""
sources = [master, 0]
while program.poll() is None:
    ready, _, _ = select.select(sources, [], [], 0.05)
    always_echoed = always_echoed and echoes()
    if master in ready:
        os.write(1, os.read(master, 65536))
    if 0 in ready:
        typed = os.read(0, 65536)
        held += typed
        if not typed:
            sources.remove(0)
    if held and not (unseen and echoes()):
        os.write(master, held)
        held = b""
while select.select([master], [], [], 0.2)[0]:
    os.write(1, os.read(master, 65536))

print(json.dumps({"exit": program.returncode, "echo": echoes(), "echoed": always_echoed}), file=sys.stderr)
