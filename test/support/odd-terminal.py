"""
Runs a program with a pseudo terminal as its controlling one, as wide as told, and acts on it. The arguments are a JSON object
and the command: {"columns": 0, "type": "\u0003", "hangUp": true, "widths": [0, 1], "after": 0.5}. After that many seconds the
widths are set one after the other, something is typed, and the terminal is taken away. stdout is a JSON object: the exit code
or the negative signal, how many bytes and how many escape characters were written to the terminal, and how long it took in
seconds; "hung" after 60.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

told = json.loads(sys.argv[1])
master, slave = pty.openpty()


def resize(columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


resize(told.get("columns", 0))


def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


program = subprocess.Popen(sys.argv[2:], stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal)
started = time.monotonic()
written = 0
escapes = 0


def read(seconds):
    global written, escapes
    readable, _, _ = select.select([master], [], [], seconds)
    piece = os.read(master, 65536) if readable else b""
    written += len(piece)
    escapes += piece.count(b"\x1b")
    return len(piece) > 0


acts = [lambda width=width: (resize(width), os.killpg(program.pid, signal.SIGWINCH)) for width in told.get("widths", [])]
if "type" in told:
    acts.append(lambda: os.write(master, told["type"].encode()))
next_act = None
while program.poll() is None and time.monotonic() - started < 60:
    if master is None:
        time.sleep(0.02)
        continue
    if read(0.05):
        # What is done to the terminal is done when the program has said something.
        next_act = next_act or time.monotonic() + told.get("after", 0.5)
    if next_act is None or time.monotonic() < next_act:
        continue
    if acts:
        acts.pop(0)()
        next_act = time.monotonic() + 0.3
    elif told.get("hangUp"):
        os.close(slave)
        os.close(master)
        master = None
hung = program.poll() is None
if hung:
    program.kill()
    program.wait()
while master is not None and read(0):
    pass
seconds = time.monotonic() - started
print(json.dumps({"exit": program.returncode, "written": written, "escapes": escapes, "seconds": seconds, "hung": hung}))
