"""Becomes another program that ends with its parent: `python child.py PARENT_PID SIGNAL UID GID -- PROGRAM ARG…`.

Run as a file, in between fork and the real program, because code between fork and exec of a threaded parent may deadlock.
UID and GID of -1 keep the user; else the program runs as that user but, when root started it, may still pass folders closed to
that user (Postgres refuses to be root, while the checkout may lie under a folder only root can enter).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def die_with_parent(parent: int, signal: int) -> None:
    """Asks the kernel for `signal` when the parent's starting thread ends (Linux; elsewhere `reap` is the only net)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")


def become(uid: int, gid: int) -> None:
    """Drops to that user; keeps, where the kernel allows it, the right to pass closed folders."""
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":
        libc.prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):
            header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
            mask = 1 << CAP_DAC_OVERRIDE
            libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main() -> None:
    parent, signal, uid, gid = (int(word) for word in sys.argv[1:5])
    program = sys.argv[6:]
    if uid >= 0:
        become(uid, gid)
    # After `become`: a change of user clears the death signal.
    die_with_parent(parent, signal)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
