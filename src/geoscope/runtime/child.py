"""Become another program that ends when the supervisor ends, however that came about.

Run as `python child.py SUPERVISOR_PID PROGRAM ARGUMENT...`. It imports little: each start pays
for it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Ask Linux for SIGTERM at the supervisor's death, then become the program."""
    supervisor, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(supervisor):
        sys.exit("The supervisor ended before this part began.")
    os.execvp(command[0], command)  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    main()
