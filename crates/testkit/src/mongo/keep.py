"""Keeps a MongoDB-compatible server for as long as anybody has a shared lock on a file.

Arguments: the lock file, the server's program, its arguments. Says the port on standard output."""

import fcntl
import os
import re
import subprocess
import sys
import threading
import time

users, program = sys.argv[1:3]
server = subprocess.Popen(
    [sys.executable, program, *sys.argv[3:]],
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
)


def follow():
    told = False
    for line in server.stderr:
        found = re.search(r"listening on [^ ]*:(\d+)", line)
        if found and not told:
            told = True
            os.write(1, f"{found.group(1)}\n".encode())
            os.close(1)
    if not told:
        os.close(1)


threading.Thread(target=follow, daemon=True).start()
lock = os.open(users, os.O_RDWR)
unused = 0
while unused < 3 and server.poll() is None:
    time.sleep(2)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unused += 1
        if unused < 3:
            fcntl.flock(lock, fcntl.LOCK_UN)
    except BlockingIOError:
        unused = 0
# The lock is held by now: whoever comes waits until this server is gone, and starts another.
server.terminate()
try:
    server.wait(10)
except subprocess.TimeoutExpired:
    server.kill()
