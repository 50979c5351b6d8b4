"""Runs a command on a terminal and types lines into it: terminal.py FOLDER COMMAND… -- LINE…

A line is typed once something was asked. What the terminal showed is printed; the exit code is the command's.
"""

import os
import pty
import sys

folder, *words = sys.argv[1:]
end = words.index("--")
command, lines = words[:end], words[end + 1 :]
child, terminal = pty.fork()
if child == 0:
    os.chdir(folder)
    os.execv(command[0], command)
shown = b""
while True:
    try:
        read = os.read(terminal, 4096)
    except OSError:  # Linux's way to say that the other end is closed
        break
    if not read:
        break
    shown += read
    if shown.endswith(b"] ") and lines:
        os.write(terminal, lines.pop(0).encode() + b"\n")
        shown += b"\n"
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
