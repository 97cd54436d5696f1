"""Runs a script in another working directory: the driver of a cluster-mode application begins in one of YARN's.

`elsewhere.py DIRECTORY SCRIPT ARGUMENTS…`; the script is `__main__`, as it would be by itself.
"""

import os
import sys

MYPY = False
if MYPY:
    from types import CodeType


def _begin() -> "CodeType":
    directory, script = sys.argv[1:3]
    os.chdir(directory)
    sys.argv[:] = [script] + sys.argv[3:]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    with open(script, "rb") as stream:
        return compile(stream.read(), script, "exec")


if __name__ == "__main__":
    __file__ = sys.argv[2]
    _code = _begin()
    del os, sys, _begin, MYPY  # a script that forgot an import is to find out
    exec(_code)
