"""Starts the agent at the other end of a fresh connection: whatever shell answers, whatever it prints first.

The shell there finds a Python and gives it one line; all else crosses standard input. That Python says a word that only this
connection knows, so that what a login prints before it is passed over; gets told the home and the digest of the runtime; asks
for that when the home hasn't got it; and becomes the agent.
"""

from __future__ import annotations

import json

OLDEST = (3, 8)
TOO_OLD, NO_PYTHON = 96, 97
"""How the command ends when no Python there is new enough, and when there is none."""

_CANDIDATES = (
    "python3",
    *(f"python3.{minor}" for minor in range(14, 7, -1)),
    "/usr/bin/python3",
    "/usr/local/bin/python3",
)

# One line without quotes of its own kind: it passes sh, bash, zsh, csh and fish alike.
_SHELL = (
    'exec /bin/sh -c \'found={none}; for each in {candidates}; do command -v "$each" >/dev/null 2>&1 || continue; '
    '"$each" -I -S -c "import sys; sys.version_info < {oldest} and sys.exit({old}); exec(eval(sys.stdin.buffer.readline()))"; '
    "status=$?; case $status in {old}) found={old};; 126|127) ;; *) exit $status;; esac; done; exit $found'"
)

_AGENT = r"""
import json, os, struct, sys, zlib
token = TOKEN
source, sink = sys.stdin.buffer, sys.stdout.buffer
header = struct.Struct(">II")

def tell(value):
    text = json.dumps(value).encode("ascii")
    sink.write(header.pack(len(text), 0) + text)
    sink.flush()

def hear():
    text, content = header.unpack(source.read(8))
    return json.loads(source.read(text).decode("ascii")), source.read(content)

def ship(root, contents, target):
    temporary = target + "." + os.urandom(4).hex() + ".tmp"
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        for name, text in contents.items():
            path = os.path.join(temporary, name)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
                stream.write(text.encode("utf-8", "surrogateescape"))
                stream.flush()
                os.fsync(stream.fileno())
        os.rename(temporary, target)
    except BaseException:
        import shutil
        shutil.rmtree(temporary, ignore_errors=True)
        if not os.path.isdir(target):
            raise

sink.write(b"\n" + token + b"\n")
sink.flush()
try:
    hello, _ = hear()
    os.umask(0o077)
    home = os.path.abspath(os.path.expanduser(hello["home"]))
    os.makedirs(home, 0o700, exist_ok=True)
    runtime = os.path.join(home, "runtime", hello["runtime"])
    if not os.path.isdir(runtime):
        tell({"need": "runtime"})
        _, content = hear()
        ship(os.path.join(home, "runtime"), json.loads(zlib.decompress(content).decode("ascii")), runtime)
    sys.path.insert(0, runtime)
    package = sys.modules["turnout"] = type(sys)("turnout")
    package.__path__ = [os.path.join(runtime, "turnout")]
    from turnout.runtime.serving.server import main
    tell({"home": home, "python": list(sys.version_info[:3]), "interpreter": sys.executable})
except Exception as error:
    number = getattr(error, "errno", None)
    said = (error.strerror or str(error)).lower() if number else str(error)
    where = getattr(error, "filename", None)
    tell({"failed": said + (": " + str(where) if where else ""), "number": number})
    sys.exit(1)
sys.exit(main([home, runtime]))
"""


def command(interpreter: str = "") -> str:
    """Return what the login shell there is to carry out.

    Args:
        interpreter: a Python to try first.
    """
    candidates = [interpreter] if interpreter else []
    candidates += [each for each in _CANDIDATES if each != interpreter]
    oldest = f"({OLDEST[0]}, {OLDEST[1]})"
    quoted = " ".join(f'"{each}"' for each in candidates)
    return _SHELL.format(none=NO_PYTHON, candidates=quoted, oldest=oldest, old=TOO_OLD)


def is_quotable(interpreter: str) -> bool:
    """Say whether a path can stand in that command."""
    return not any(each in interpreter for each in "'\"\\$`!\n")


def first_line(token: bytes) -> bytes:
    """Return what the Python there reads first: its programme, as a literal on one line."""
    return ascii(_AGENT.replace("TOKEN", repr(token), 1)).encode("ascii") + b"\n"


def runtime(contents: dict[str, bytes]) -> bytes:
    """Return the content of the frame that brings the runtime.

    Args:
        contents: what goes into the directory of the copy, by path.
    """
    import zlib

    files = {name: data.decode("utf-8", "surrogateescape") for name, data in contents.items()}
    return zlib.compress(json.dumps(files).encode("ascii"), 6)
