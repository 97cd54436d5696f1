"""The submitter may go: whatever ends it, and whenever, the run goes on and ends with the truth.

The real command line in a real pseudo-terminal. Each test leaves in one way; then nobody looks at the run until its script
has ended, so that nothing but the run itself can have carried it there.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import processes, states
from turnout.runtime.record import RunRecord

pytestmark = pytest.mark.system
TURNOUT = os.path.join(os.path.dirname(sys.executable), "turnout")
CURRENT = ("--environment", sys.executable)

SCRIPT = """
import os, signal, sys

marks, how = sys.argv[1:3]
heard = os.open(marks + "/heard", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for name in "HUP INT QUIT TERM PIPE TSTP TTIN TTOU CONT USR1 USR2 ALRM".split():
    signal.signal(getattr(signal, "SIG" + name), lambda number, frame: os.write(heard, b"%d " % number))
print("begun", flush=True)
open(marks + "/gate").read()  # a FIFO: until the test opens it too
print("ended", flush=True)
if len(sys.argv) > 3:
    open(marks + "/second-gate").read()
    print("ended again", flush=True)
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(how))
"""
ENDINGS = {"0": 0, "7": 7, "killed": 128 + signal.SIGKILL}


class Submitted:
    """One run of the script, and what can be known of it without looking at it through Turnout."""

    def __init__(self, turnout: Any, home: Path, until: Callable[..., Any]) -> None:
        self.turnout, self.home, self.until = turnout, home, until
        self.marks = turnout.directory.parent / "marks"
        self.marks.mkdir()
        for gate in ("gate", "second-gate"):
            os.mkfifo(self.marks / gate)
        turnout.script(SCRIPT)
        self.members: dict[int, int] = {}

    def blocked(self) -> set[str]:
        """Return what the run's processes say of the signals that they have blocked."""
        said = set()
        for pid in members(self.home):
            try:
                text = Path("/proc", str(pid), "status").read_text()
            except OSError:
                continue
            said.update(line for line in text.splitlines() if line.startswith("SigBlk"))
        return said

    def words(self, how: str, *more: str) -> list[str]:
        """Return the command line that submits the script."""
        return [TURNOUT, "submit", *CURRENT, "train.py", str(self.marks), how, *more]

    def in_a_built_environment(self, how: str) -> list[str]:
        """Return the command line that has it run with the one package of `package_index`."""
        (self.turnout.directory / "requirements.txt").write_text("gated==1.0\n")
        return ["requirements.txt" if word == sys.executable else word for word in self.words(how)]

    def record(self) -> RunRecord:
        """Return the record of the only run there is."""
        (run,) = runs(self.home)
        return RunRecord(str(run))

    def log(self) -> str:
        """Return what the script has said, as it is in the record."""
        try:
            return Path(self.record().layout.script_log).read_text()
        except FileNotFoundError:
            return ""

    def begun(self) -> None:
        """Wait for the script's first line in the record, and keep which processes are at work."""
        self.until(lambda: runs(self.home))
        self.until(lambda: "begun" in self.log())
        self.members = members(self.home)

    def open_gate(self, name: str = "gate") -> None:
        """Let the script go on."""
        assert not states.is_final(self.record().status()[0])
        path = self.marks / name
        self.until(lambda: _opened(path))

    def ends_with(self, how: str, output: str = "begun\nended\n") -> None:
        """Check that the run ended as its script did, with all it said, and that nothing is left of it."""
        self.until(lambda: states.is_final(self.record().status()[0]))  # the record alone: nobody looks
        assert self.log() == output
        assert (self.marks / "heard").read_text() == "", "a signal of the submitter's reached the script"
        assert self.record().status()[0] == ("Completed" if how == "0" else "Failed")
        done = self.turnout("wait", self.record().layout.run_id, code=ENDINGS[how])
        assert done.stdout == output
        self.until(lambda: not members(self.home))
        assert [pid for pid, parent in zombies(set(self.members)) if parent in self.members] == []


def runs(home: Path) -> list[Path]:
    """Return the runs that exist: a record under a temporary name is none yet."""
    return list((home / "workspaces" / "default" / "runs").glob("[!.]*"))


def _opened(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # ENXIO: the script isn't there yet
        return False
    return True


def members(home: Path) -> dict[int, int]:
    """Return the living processes that have to do with this home, with their start times."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            texts = [Path("/proc", name, file).read_bytes() for file in ("cmdline", "environ")]
        except OSError:
            continue
        started = processes.start_time(int(name))
        if started is not None and any(os.fsencode(home) in text for text in texts):
            found[int(name)] = started
    return found


def open_files(pid: int) -> list[str]:
    """Return what a process has open; nothing of one that has just ended."""
    try:
        return [os.path.realpath(entry) for entry in Path("/proc", str(pid), "fd").iterdir()]
    except OSError:
        return []


def zombies(pids: set[int]) -> list[tuple[int, int]]:
    """Return those of `pids` that have ended and weren't collected, with their parents."""
    found = []
    for pid in pids:
        try:
            fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] == "Z":
            found.append((pid, int(fields[1])))
    return found


@pytest.fixture
def submitted(turnout: Any, home: Path, until: Callable[..., Any]) -> Submitted:
    return Submitted(turnout, home, until)


def stop_and_kill(terminal: Any) -> None:
    os.kill(terminal.process.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOWAIT)
    os.kill(terminal.process.pid, signal.SIGKILL)


WAYS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "killed": (lambda terminal: os.killpg(terminal.foreground(), signal.SIGKILL), -signal.SIGKILL),
    "Ctrl-C": (lambda terminal: terminal.type(b"\x03"), 130),
    "Ctrl-backslash": (lambda terminal: terminal.type(b"\x1c"), -signal.SIGQUIT),
    "terminal-closed": (lambda terminal: terminal.close(), -signal.SIGHUP),
    "SIGHUP": (lambda terminal: os.killpg(terminal.foreground(), signal.SIGHUP), -signal.SIGHUP),
    "SIGTERM": (lambda terminal: os.kill(terminal.process.pid, signal.SIGTERM), -signal.SIGTERM),
    "stopped-and-killed": (stop_and_kill, -signal.SIGKILL),
}
"""How a submitter goes, and what its process then ends with."""


EACH = [(way, "7") for way in WAYS] + [
    (way, how) for way in ("killed", "Ctrl-C", "terminal-closed") for how in ("0", "killed")
]
"""Each way with one ending, and the three that happen every day with all of them."""


@pytest.mark.parametrize(("way", "how"), EACH)
def test_while_the_script_runs(submitted: Submitted, terminal: Any, way: str, how: str) -> None:
    leave, code = WAYS[way]
    window = terminal(*submitted.words(how))
    window.expect(b"begun\r\n")  # the script's output streams
    submitted.begun()
    leave(window)
    assert window.ended() == code
    submitted.open_gate()
    submitted.ends_with(how)


@pytest.mark.parametrize("way", ["killed", "Ctrl-C", "terminal-closed", "stopped-and-killed"])
def test_right_after_the_submit(submitted: Submitted, terminal: Any, way: str) -> None:
    leave, code = WAYS[way]
    window = terminal(*submitted.words("7"))
    window.expect(b"submitted ")
    leave(window)
    assert window.ended() == code
    submitted.begun()
    submitted.open_gate()
    submitted.ends_with("7")


@pytest.mark.parametrize("way", ["killed", "Ctrl-C", "terminal-closed", "SIGHUP"])
def test_while_the_environment_is_built(submitted: Submitted, terminal: Any, package_index: Any, way: str) -> None:
    leave, code = WAYS[way]
    package_index.resolution.set()
    window = terminal(*submitted.in_a_built_environment("7"))
    assert package_index.asked_to_build.wait(60)
    assert submitted.record().status()[0] == "Preparing"
    leave(window)
    assert window.ended() == code
    package_index.build.set()
    submitted.begun()
    submitted.open_gate()
    submitted.ends_with("7")


def test_ctrl_c_while_the_environment_is_resolved_leaves_nothing(
    submitted: Submitted, terminal: Any, package_index: Any, home: Path
) -> None:
    window = terminal(*submitted.in_a_built_environment("7"))
    assert package_index.asked_to_resolve.wait(60)
    window.type(b"\x03")
    assert window.ended() == 130
    assert b"nothing was submitted" in window.seen
    assert runs(home) == []
    submitted.until(lambda: not members(home))


def test_the_terminal_is_closed_while_it_takes_no_more(submitted: Submitted, terminal: Any) -> None:
    submitted.turnout.script(SCRIPT.replace('print("begun"', 'print("x" * 10_000_000)\nprint("begun"'))
    window = terminal(*submitted.words("7"))
    submitted.begun()  # the script isn't held up by a terminal that nobody reads
    assert window.process.poll() is None
    window.close()
    assert window.ended() == -signal.SIGHUP
    submitted.open_gate()
    submitted.ends_with("7", "x" * 10_000_000 + "\nbegun\nended\n")


def test_a_reader_that_leaves_is_noticed_at_the_next_line(submitted: Submitted) -> None:
    shell = ["bash", "-c", '"$@" | head -1; echo ${PIPESTATUS[0]}', "bash", *submitted.words("7", "two gates")]
    process = subprocess.Popen(
        shell, cwd=submitted.turnout.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    submitted.begun()
    submitted.open_gate()
    output, error = process.communicate(timeout=60)
    assert output == "begun\n141\n"
    assert "the run goes on" in error
    assert "Traceback" not in error
    submitted.open_gate("second-gate")
    submitted.ends_with("7", "begun\nended\nended again\n")


def test_a_terminal_that_is_closed_over_a_deaf_submitter(submitted: Submitted, terminal: Any) -> None:
    """With nohup's signal disposition the submitter outlives its terminal, and finds that nobody reads."""
    window = terminal("/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *submitted.words("7", "two gates"))
    window.expect(b"begun")
    submitted.begun()
    window.close()
    submitted.open_gate()
    assert window.ended() == 141
    submitted.open_gate("second-gate")
    submitted.ends_with("7", "begun\nended\nended again\n")


def test_a_submitter_whose_messages_nobody_reads_waits_all_the_same(submitted: Submitted) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        submitted.words("7"), cwd=submitted.turnout.directory, stdout=subprocess.PIPE, stderr=writer
    )
    os.close(writer)
    submitted.begun()
    submitted.open_gate()
    assert process.communicate(timeout=60) == (b"begun\nended\n", None)
    assert process.returncode == 7
    submitted.ends_with("7")


def test_output_onto_a_full_disk_is_no_mistake_of_the_runs(submitted: Submitted) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            submitted.words("7"), cwd=submitted.turnout.directory, stdout=full, stderr=subprocess.PIPE, text=True
        )
    _, error = process.communicate(timeout=60)
    assert process.returncode == 141
    assert "no space left on device); the run goes on" in error
    submitted.begun()
    submitted.open_gate()
    submitted.ends_with("7")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_submitter_without_standard_streams(submitted: Submitted, closed: str) -> None:
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *submitted.words("7")],
        cwd=submitted.turnout.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    submitted.begun()
    submitted.open_gate()
    output, error = process.communicate(timeout=60)
    assert process.returncode == 7, error
    assert output == ("" if ">&-" in closed.split() else "begun\nended\n")
    assert "Traceback" not in error
    submitted.ends_with("7")


INTERRUPTED = """
import os, sys
from turnout.cli import main

rename = os.rename

def renamed(source, target):
    rename(source, target)
    if os.path.basename(os.path.dirname(target)) == "runs":
        os.kill(os.getpid(), int(number))

os.rename = renamed
_, number, *sys.argv = sys.argv
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_between_the_record_and_the_hand_over(submitted: Submitted, number: int, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(int(number)), *submitted.words("7")],
        cwd=submitted.turnout.directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    if number == signal.SIGINT:
        assert f"turnout wait {submitted.record().layout.run_id}" in done.stderr
    submitted.begun()
    submitted.open_gate()
    submitted.ends_with("7")


class TestInAShell:
    """As people do it: a job of an interactive shell, whose terminal's signals go to the job alone."""

    @pytest.fixture
    def shell(self, terminal: Any) -> Any:
        window = terminal("/bin/bash", "--norc", "--noprofile", "-i")
        window.type(b"PS1=ready'> '\n")
        window.expect(b"ready> ")
        return window

    def start(self, shell: Any, words: list[str], after: str = "") -> None:
        shell.type(f"{shlex.join(words)}{after}\n".encode())

    def test_ctrl_c_ends_the_job_and_nothing_else(self, submitted: Submitted, shell: Any) -> None:
        self.start(shell, submitted.words("7"), "; echo code=$?")
        shell.expect(b"begun\r\n")
        submitted.begun()
        shell.type(b"\x03")
        shell.expect(b"code=130")
        shell.type(b"exit\n")
        assert shell.ended() == 0
        submitted.open_gate()
        submitted.ends_with("7")

    def test_the_window_is_closed_over_a_job(self, submitted: Submitted, shell: Any) -> None:
        self.start(shell, submitted.words("7"))
        shell.expect(b"begun\r\n")
        submitted.begun()
        shell.close()
        shell.ended()
        submitted.open_gate()
        submitted.ends_with("7")

    def test_the_window_is_closed_over_a_suspended_job(self, submitted: Submitted, shell: Any) -> None:
        self.start(shell, submitted.words("7"))
        shell.expect(b"begun\r\n")
        submitted.begun()
        shell.type(b"\x1a")
        shell.expect(b"Stopped")
        shell.close()
        shell.ended()
        submitted.open_gate()
        submitted.ends_with("7")

    def test_the_window_is_closed_after_a_detached_job(self, submitted: Submitted, shell: Any) -> None:
        words = submitted.words("7")
        self.start(shell, [*words[:2], "--detach", *words[2:]], " &")
        shell.expect(b"submitted ")
        shell.close()
        shell.ended()
        submitted.begun()
        submitted.open_gate()
        submitted.ends_with("7")


@pytest.mark.parametrize("shell", ['"$@" & wait', 'nohup "$@"', 'trap "" HUP INT QUIT TERM USR1 CHLD; "$@"'])
def test_a_script_begins_with_signals_as_they_are_by_default(submitted: Submitted, shell: str) -> None:
    """A shell's background job ignores SIGINT and SIGQUIT, one under nohup SIGHUP; the script isn't that job."""
    submitted.turnout.script("print(open('/proc/self/status').read())")
    process = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", *submitted.words("0")],
        cwd=submitted.turnout.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert process.returncode == 0, process.stdout
    masks = dict(line.split(":\t") for line in submitted.log().splitlines() if line.startswith("Sig"))
    python_itself = {signal.SIGPIPE, signal.SIGXFSZ}
    ordinary = (1 << 31) - 1  # the C library keeps the two after these for itself
    assert int(masks["SigIgn"], 16) & ordinary == sum(1 << (number - 1) for number in python_itself)
    assert int(masks["SigBlk"], 16) == 0


def test_a_submitter_with_blocked_signals_hands_none_on(submitted: Submitted) -> None:
    blocked = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); os.execv(sys.argv[1], sys.argv[1:])"
    words = submitted.words("0")
    words[1:2] = ["submit", "--detach"]
    subprocess.run([sys.executable, "-c", blocked, *words], cwd=submitted.turnout.directory, check=True, timeout=60)
    submitted.begun()
    none = {"SigBlk:\t0000000000000000"}
    submitted.until(lambda: submitted.blocked() == none)  # the C library blocks all of them for the moment of a fork
    submitted.open_gate()
    submitted.ends_with("0")


def test_what_the_submitter_had_open_is_let_go(submitted: Submitted, package_index: Any) -> None:
    """As under flock(1), or with a pipe that someone reads to its end: the run must not hold it to its own end."""
    held = submitted.marks / "held"
    package_index.resolution.set()
    words = submitted.in_a_built_environment("0")
    words[1:2] = ["submit", "--detach"]
    subprocess.run(
        ["sh", "-c", 'exec "$@" 7>"$0"', str(held), *words], cwd=submitted.turnout.directory, check=True, timeout=60
    )
    assert package_index.asked_to_build.wait(60)  # all processes that there can be are there
    opened = {path for pid in members(submitted.home) for path in open_files(pid)}
    assert held.exists()
    assert str(held) not in opened
    package_index.build.set()
    submitted.begun()
    submitted.open_gate()
    submitted.ends_with("0")


class TestFromPython:
    """`Run.wait_for_completion(show_output=True)`, ended in the same ways."""

    PROGRAM = """
import sys
from turnout import Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace

environment = Environment("here")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
config = ScriptRunConfig(".", script="train.py", arguments=sys.argv[1:], environment=environment)
run = Experiment(Workspace.from_config(), "matrix").submit(config)
details = run.wait_for_completion(show_output=True, raise_on_error=False)
print("told:", details["status"], file=sys.stderr)
"""

    def words(self, submitted: Submitted, how: str, *more: str) -> list[str]:
        return [sys.executable, "-c", self.PROGRAM, str(submitted.marks), how, *more]

    @pytest.mark.parametrize("way", ["killed", "Ctrl-C", "terminal-closed"])
    def test_while_the_script_runs(self, submitted: Submitted, terminal: Any, way: str) -> None:
        leave, code = WAYS[way]
        window = terminal(*self.words(submitted, "7"))
        window.expect(b"begun\r\n")
        submitted.begun()
        leave(window)
        assert window.ended() == (1 if way == "Ctrl-C" else code)
        if way == "Ctrl-C":
            assert b"ExperimentExecutionException" in window.seen
            assert b"goes on" in window.seen
        submitted.open_gate()
        submitted.ends_with("7")

    def test_a_reader_that_leaves_is_not_waited_for(self, submitted: Submitted) -> None:
        shell = ["bash", "-c", '"$@" | grep -q begun', "bash", *self.words(submitted, "7")]
        process = subprocess.Popen(shell, cwd=submitted.turnout.directory, stderr=subprocess.PIPE, text=True)
        submitted.begun()
        submitted.open_gate()
        _, error = process.communicate(timeout=60)
        assert "told: Failed" in error
        submitted.ends_with("7")
