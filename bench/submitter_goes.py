"""What becomes of a run when its submitter goes: kill -9, Ctrl-C and a closed terminal, for seven local launchers.

    .venv/bin/python bench/submitter_goes.py [--only NAME,NAME]

Each tool is installed in an environment of its own by this script (uv, from PyPI). Each runs the same script, which writes a
line, waits at a gate, writes a second line and exits with 7. Its submitting process is the foreground job of a terminal of its
own, whose output is read to the end. While the script waits, the submitting process gets SIGKILL, or the foreground process
group SIGINT (what Ctrl-C sends) or SIGHUP (what a closed terminal sends). Then the gate is opened, and when the script is over
the tool is asked, in a new process and through its own interface, how the run ended. Two answers a signal:

- "went on": the script came to its second line and its end;
- "told": the tool says afterwards how it ended: exit code 7, or failed where the tool keeps no code; if the signal ended the
  script, that it failed or was ended.

"nothing" is the same without a signal: what the tool says when all goes well.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from turnout.runtime import processes

SIGNALS: dict[str, int | None] = {
    "nothing": None,
    "kill -9": signal.SIGKILL,
    "Ctrl-C": signal.SIGINT,
    "closed terminal": signal.SIGHUP,
}
PATIENCE = 60.0
ANSWER_PATIENCE = 10.0
"""Seconds in which a tool may still find out how a run ended that is over."""

WORK = """import os, sys
MARKS = {marks!r}
def work():
    print("first line", flush=True)
    with open(MARKS + "/begun.part", "w") as stream:
        stream.write(str(os.getpid()))
    os.rename(MARKS + "/begun.part", MARKS + "/begun")
    open(MARKS + "/gate").read()
    print("second line", flush=True)
    open(MARKS + "/ended", "w").close()
    sys.exit(7)
"""


@dataclass
class Tool:
    """One launcher, as its own documentation has it used.

    Attributes:
        package: what is installed from PyPI.
        interface: which part of it is used to submit and to ask.
        submit: the command that submits and stays; `{python}`, `{bin}` and `{project}` are filled in.
        ask: a Python program that prints what the tool says of the run; `sys.argv[1]` is what the submitter had printed.
        told: what that contains when it is true of a script that exited with 7.
        ended: what that contains when it is true of a script that a signal ended.
        files: further files of the project.
        variables: of the submitter and the asker.
        script: the text of train.py after `WORK`.
    """

    package: str
    interface: str
    submit: list[str]
    ask: str
    told: str
    ended: str
    files: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    script: str = "work()\n"


TOOLS = {
    # submitit.LocalExecutor(folder).submit(CommandFunction) and Job.wait; later LocalJob(folder, id).state and .exception().
    "submitit": Tool(
        "submitit",
        "LocalExecutor.submit, Job.wait; LocalJob.state, .exception",
        ["{python}", "submit.py"],
        "import re, sys\nfrom submitit.local.local import LocalJob\n"
        "job = LocalJob('log', re.search(r'job (\\d+)', sys.argv[1])[1])\n"
        "said = str(job.exception()) if job.state == 'FINISHED' else ''\n"
        "print(job.state, *re.findall(r'exit status \\d+|died with \\S+', said)[:1])",
        r"exit status 7",
        r"died|INTERRUPTED|FAILED",
        {
            "submit.py": "import submitit, sys\n"
            "executor = submitit.LocalExecutor(folder='log')\n"
            "job = executor.submit(submitit.helpers.CommandFunction([sys.executable, 'train.py'], verbose=False))\n"
            "print('job', job.job_id, flush=True)\njob.wait()\n"
        },
    ),
    # psij.JobExecutor.get_instance("local").submit(job), job.wait(); later executor.attach(Job(), native_id) and its status.
    "PSI/J": Tool(
        "psij-python",
        "JobExecutor('local').submit, Job.wait; .attach, Job.wait",
        ["{python}", "submit.py"],
        "import re, sys\nfrom datetime import timedelta\nfrom psij import Job, JobExecutor, JobSpec\n"
        "job = Job(JobSpec(executable='train.py'))\n"
        "JobExecutor.get_instance('local').attach(job, re.search(r'job (\\d+)', sys.argv[1])[1])\n"
        "status = job.wait(timedelta(seconds=5))\nprint(status.state.name, status.exit_code)",
        r"FAILED 7",
        r"FAILED|CANCELED",
        {
            "submit.py": "import sys\nfrom psij import Job, JobExecutor, JobSpec\n"
            "executor = JobExecutor.get_instance('local')\n"
            "job = Job(JobSpec(executable=sys.executable, arguments=['train.py']))\nexecutor.submit(job)\n"
            "print('job', job.native_id, flush=True)\njob.wait()\n"
        },
    ),
    # torchx run --scheduler local_cwd --wait --log utils.python --script; later torchx status APP_HANDLE.
    "TorchX": Tool(
        "torchx",
        "torchx run -s local_cwd --wait --log utils.python; torchx status",
        ["{bin}/torchx", "run", "--scheduler", "local_cwd", "--wait", "--log", "utils.python", "--script", "train.py"],
        "import os, re, subprocess, sys\nhandle = re.search(r'local_cwd://\\S+', sys.argv[1])[0]\n"
        "command = [os.path.join(os.path.dirname(sys.executable), 'torchx'), 'status', handle]\n"
        "done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)\n"
        "print(*(re.findall(r'[Ss]tate: *\\w+', done.stdout) or done.stdout.splitlines())[-1:])",
        r"FAILED",
        r"FAILED|CANCELLED",
    ),
    # mlflow run --env-manager local PROJECT; later MlflowClient().search_runs.
    "MLflow": Tool(
        "mlflow",
        "mlflow run --env-manager local; MlflowClient.search_runs",
        ["{bin}/mlflow", "run", "--env-manager", "local", "."],
        "from mlflow import MlflowClient\nprint(MlflowClient().search_runs(['0'])[0].info.status)",
        r"FAILED",
        r"FAILED|KILLED",
        {"MLproject": "name: matrix\nentry_points:\n  main:\n    command: python train.py\n"},
        {"MLFLOW_TRACKING_URI": "sqlite:///{project}/mlflow.db"},
    ),
    # python flow.py run; later Flow(name).latest_run, its `finished`, and its task's metadata `attempt_ok`.
    "Metaflow": Tool(
        "metaflow",
        "python flow.py run; Flow.latest_run, Task.metadata_dict",
        ["{python}", "train.py", "run"],
        "from metaflow import Flow, namespace\nnamespace(None)\nrun = Flow('Train').latest_run\n"
        "print('finished', run.finished, 'attempt_ok', run['start'].task.metadata_dict.get('attempt_ok'))",
        r"attempt_ok False",
        r"attempt_ok False",
        {},
        {"USERNAME": "bench", "METAFLOW_DATASTORE_SYSROOT_LOCAL": "{project}", "METAFLOW_HOME": "{project}"},
        "from metaflow import FlowSpec, step\n\n\nclass Train(FlowSpec):\n    @step\n    def start(self):\n        work()\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n\n\n"
        "if __name__ == '__main__':\n    Train()\n",
    ),
    # guild run -y train.py; later guild runs info --json.
    "Guild": Tool(
        "guildai",
        "guild run; guild runs info --json",
        ["{bin}/guild", "run", "-y", "train.py"],
        "import json, os, subprocess, sys\n"
        "command = [os.path.join(os.path.dirname(sys.executable), 'guild'), 'runs', 'info', '--json']\n"
        "run = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)\n"
        "print(run['status'], run.get('exit_status'))",
        r"error 7",
        r"error|terminated",
        {"guild-home/keep": ""},
        {"GUILD_HOME": "{project}/guild-home"},
    ),
    # turnout submit --wait; later turnout show --json.
    "Turnout": Tool(
        "turnout",
        "turnout submit --wait; turnout show --json",
        ["{bin}/turnout", "submit", "--environment", "{python}", "train.py"],
        "import json, os, subprocess, sys\n"
        "command = [os.path.join(os.path.dirname(sys.executable), 'turnout'), 'show', '@last', '--json']\n"
        "shown = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)\n"
        "print(shown['status'], (shown.get('result') or shown).get('exit_code'))",
        r"Failed 7",
        r"Failed|Canceled",
        {},
        {"TURNOUT_HOME": "{project}/../home"},
    ),
}


def machine() -> str:
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.release()}"


def install(where: Path, package: str) -> tuple[Path, str] | None:
    """Install a package in an environment of its own; return its interpreter and version."""
    from uv import find_uv_bin

    python = where / "bin" / "python"
    for words in (
        ["venv", "--quiet", "--python", sys.executable, str(where)],
        # pkg_resources, which some of them still import, left setuptools with version 81
        ["pip", "install", "--quiet", "--python", str(python), "--compile-bytecode", package, "setuptools<81"],
    ):
        done = subprocess.run([find_uv_bin(), *words], capture_output=True, text=True)
        if done.returncode:
            print(f"(left out: {package}: {done.stderr.strip().splitlines()[-1]})")
            return None
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    return python, subprocess.run(
        [python, "-c", code, package], capture_output=True, text=True, check=True
    ).stdout.strip()


class Terminal:
    """A command as the foreground job of a terminal of its own, whose output is read to the end.

    The leader of the terminal's session, in the place of a shell, stays until `close`: the end of a session's leader would be a
    SIGHUP to all that is in the foreground.
    """

    _LEAD = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if not job:
    os.close(int(sys.argv[1]))
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(sys.argv[2], sys.argv[2:])
os.waitpid(job, 0)
os.close(int(sys.argv[1]))
signal.pause()
"""

    def __init__(self, command: list[str], directory: Path, environment: dict[str, str]) -> None:
        self._master, slave = os.openpty()
        self._ended, told = os.pipe()
        self._leader = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", self._LEAD, str(told), *command],
            cwd=directory,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            pass_fds=[told],
        )
        os.close(slave)
        os.close(told)
        self.seen = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self.seen += data
        except OSError:  # EIO: nobody has the terminal any more
            pass

    def send(self, number: int) -> None:
        """Send SIGKILL to the command's process, anything else to its process group."""
        group = os.tcgetpgrp(self._master)
        (os.kill if number == signal.SIGKILL else os.killpg)(group, number)

    def wait(self) -> None:
        """Wait for the command's end; one that will not is killed."""
        if not select.select([self._ended], [], [], PATIENCE)[0]:
            self.send(signal.SIGKILL)

    def close(self) -> None:
        """Close the terminal."""
        self._leader.kill()
        self._leader.wait()
        os.close(self._ended)
        self._reader.join(1.0)
        os.close(self._master)


def until(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def opened(gate: Path) -> bool:
    try:
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # ENXIO: the script isn't there
        return False
    return True


def trial(tool: Tool, python: Path, work: Path, number: int | None) -> tuple[bool, bool, str]:
    """Return whether the script went on, whether the tool told the truth, and what it said."""
    project, marks = work / "project", work / "marks"
    project.mkdir(parents=True)
    marks.mkdir()
    os.mkfifo(marks / "gate")
    for name, text in {**tool.files, "train.py": WORK.format(marks=str(marks)) + tool.script}.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)

    def fill(word: str) -> str:
        return word.format(python=python, bin=python.parent, project=project)

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.update({name: fill(value) for name, value in tool.variables.items()})
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    terminal = Terminal([fill(word) for word in tool.submit], project, environment)
    if not until((marks / "begun").exists):
        terminal.close()
        sys.exit(f"{tool.package} did not start the script: {terminal.seen.decode(errors='replace')}")
    script = processes.identity(int((marks / "begun").read_text()))
    if number is not None:
        terminal.send(number)
        terminal.wait()
        # A tool that ends its script from a process of its own has a moment for it.
        until(lambda: processes.state(script) != processes.ALIVE, 2.0)

    def gone() -> bool:
        return processes.state(script) != processes.ALIVE

    until(lambda: gone() or opened(marks / "gate"))
    if not until(gone):
        processes.send(script, signal.SIGKILL)
    if number is None:
        terminal.wait()
    went_on = (marks / "ended").exists()
    told, said = answer(tool, python, project, environment, terminal.seen, went_on)
    terminal.close()
    return went_on, told, said


def answer(
    tool: Tool, python: Path, project: Path, environment: dict[str, str], seen: bytes, went_on: bool
) -> tuple[bool, str]:
    """Ask the tool until it tells the truth or has had its time; return whether it did, and what it said."""
    deadline = time.monotonic() + ANSWER_PATIENCE
    while True:
        done = subprocess.run(
            [python, "-c", tool.ask, seen.decode(errors="replace")],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
        )
        said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[-1]
        true = done.returncode == 0 and re.search(tool.told if went_on else tool.ended, said) is not None
        if true or time.monotonic() > deadline:
            return true, said[:100]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default=",".join(TOOLS), help="names of tools, separated by commas")
    chosen = options.parse_args().only.split(",")
    work = Path(tempfile.mkdtemp(prefix="turnout-matrix-"))
    rows: list[str] = []
    answers: list[str] = []
    try:
        for name, tool in TOOLS.items():
            if name not in chosen:
                continue
            if name == "Turnout":
                from turnout import __version__

                installed: tuple[Path, str] | None = (Path(sys.executable), __version__)
            else:
                installed = install(work / "environments" / tool.package, tool.package)
            if installed is None:
                continue
            python, version = installed
            cells = []
            for what, number in SIGNALS.items():
                directory = work / tool.package / what.replace(" ", "-")
                went_on, told, said = trial(tool, python, directory, number)
                cells += ["yes" if went_on else "no", "yes" if told else "no"]
                answers.append(f"{name}, {what}: {said.replace(str(work), '…')}")
            rows.append(f"| {name} {version} | " + " | ".join(cells) + " |")
            print(rows[-1], file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"machine: {machine()}\n")
    print("| | " + " | ".join(f"{what}: went on | told" for what in SIGNALS) + " |")
    print("| --- |" + " --- |" * (2 * len(SIGNALS)))
    print("\n".join(rows))
    print("\nWhat was used, and what each said:\n")
    print("\n".join(f"- {name}: {TOOLS[name].interface}" for name in chosen))
    print("\n" + "\n".join(f"- {line}" for line in answers))


if __name__ == "__main__":
    main()
