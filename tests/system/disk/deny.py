"""Runs a command under a kernel that refuses some system calls, as the file systems do that don't have them.

    python deny.py flock=ENOLCK link=EPERM -- COMMAND…

The filter (seccomp(2)) is inherited by everything that the command starts. Exits with 77 where there is no such filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

NUMBERS = {
    "x86_64": {"flock": [73], "link": [86, 265], "renameat2": [316]},
    "aarch64": {"flock": [32], "link": [37], "renameat2": [276]},
}
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
UNSUPPORTED = 77


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]


def deny(refused: dict[str, str]) -> bool:
    numbers = NUMBERS.get(platform.machine())
    if numbers is None:
        return False
    steps = [(LOAD, 0, 0, 0)]
    for name, error in refused.items():
        for number in numbers[name]:
            steps.append((JUMP_IF_EQUAL, 0, 1, number))
            steps.append((RETURN, 0, 0, REFUSE | getattr(errno, error)))
    steps.append((RETURN, 0, 0, ALLOW))
    program = Program(len(steps), (Instruction * len(steps))(*(Instruction(*step) for step in steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    return (
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program), 0, 0) == 0
    )


def main() -> None:
    end = sys.argv.index("--")
    if not deny(dict(word.split("=") for word in sys.argv[1:end])):
        sys.exit(UNSUPPORTED)
    os.execvp(sys.argv[end + 1], sys.argv[end + 1 :])


if __name__ == "__main__":
    main()
