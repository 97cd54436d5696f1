import ast
import errno
import os
import subprocess
import sys

import click
import pytest

import turnout as package
from turnout import cli
from turnout.cli import errors
from turnout.exceptions import RecordException, RunEnvironmentException, UserErrorException


@pytest.fixture
def raising(monkeypatch):
    """Make `turnout runs` raise something."""

    def install(error: BaseException) -> None:
        @click.command("runs")
        def command() -> None:
            raise error

        module = type(sys)("made_up_command")
        module.command = command
        monkeypatch.setitem(sys.modules, "made_up_command", module)
        monkeypatch.setitem(cli.COMMANDS, "runs", ("made_up_command", "Fails."))

    return install


def test_every_command_of_the_table_is_there_and_says_what_it_does(turnout):
    for name, (module, line) in cli.COMMANDS.items():
        outcome = turnout(name, "--help")
        assert outcome.code == 0
        assert outcome.out.startswith(f"Usage: turnout {name} ")
        assert "--debug" in outcome.out
        assert module == f"turnout.cli.{name}"
        assert line.endswith(".")


def test_help_lists_the_commands_and_imports_none_of_them(turnout):
    code = "import sys\nfrom turnout import cli\ncli.run(['--help'])\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in cli.COMMANDS)
    loaded = ast.literal_eval(done.stderr)
    assert not [name for name in loaded if name.startswith("turnout.cli.") and name.split(".")[-1] in cli.COMMANDS]
    assert not {"sqlalchemy", "rich", "json", "difflib", "subprocess"} & set(loaded)


def test_a_submit_imports_neither_the_index_nor_what_draws(turnout):
    code = "import sys\nfrom turnout import cli\ncli.run(['submit', '--help'])\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stderr))
    assert not {"sqlalchemy", "rich", "subprocess", "ruamel.yaml", "turnout.history.index"} & loaded


def test_without_a_command_the_help_is_printed(turnout):
    assert turnout().out == turnout("--help").out == turnout("-h").out
    assert turnout().code == 0


def test_version(turnout):
    assert turnout("--version").out == f"turnout {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rnus",), "there is no command 'rnus'; did you mean 'runs'? (see turnout --help)"),
        (("zzz",), "there is no command 'zzz' (see turnout --help)"),
        (("--nope",), "(see turnout --help)"),
        (("runs", "--nope"), "(see turnout runs --help)"),
        (("show",), "(see turnout show --help)"),
        (("runs", "--limit", "0"), "(see turnout runs --help)"),
    ],
)
def test_a_mistyped_command_line_gets_one_line(bad_input, words, message):
    assert message in bad_input(*words)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserErrorException("no such\nrun"), 2, "turnout: no such run\n"),
        (RecordException("written by a newer version"), 2, "turnout: written by a newer version\n"),
        (RunEnvironmentException("no run here"), 1, "turnout: no run here\n"),
        (click.UsageError("not like that."), 2, "turnout: not like that (see turnout runs --help)\n"),
        (click.exceptions.Exit(7), 7, ""),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/y"),
            2,
            "turnout: no such file or directory: /x/y\n",
        ),
    ],
)
def test_what_ends_a_command_becomes_a_line_and_an_exit_code(turnout, raising, error, code, line):
    raising(error)
    outcome = turnout("runs")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", line)


def test_a_full_disk_and_a_closed_home_name_the_home_and_the_way_out(turnout, raising, monkeypatch, tmp_path):
    home = str(tmp_path / "home")
    monkeypatch.setenv("TURNOUT_HOME", home)
    raising(OSError(errno.ENOSPC, "No space left on device"))
    outcome = turnout("runs")
    assert (outcome.code, outcome.err) == (
        2,
        f"turnout: the disk is full: {home}; make room, or name another home with TURNOUT_HOME\n",
    )
    for number, path in ((errno.EACCES, home + "/workspaces"), (errno.EROFS, str(tmp_path))):
        raising(OSError(number, os.strerror(number), path))
        outcome = turnout("runs")
        assert outcome.code == 2
        assert outcome.err.startswith(f"turnout: the Turnout home {home} can't be used: ")
        assert outcome.err.endswith("or name another home with TURNOUT_HOME\n")
    raising(PermissionError(errno.EACCES, "Permission denied", "/elsewhere/file"))
    assert turnout("runs").err == "turnout: permission denied: /elsewhere/file\n"


@pytest.mark.parametrize("words", [("--debug", "runs"), ("runs", "--debug")])
def test_debug_before_or_after_the_command_adds_the_traceback(turnout, raising, words):
    raising(UserErrorException("no such run"))
    outcome = turnout(*words)
    assert outcome.code == 2
    assert outcome.err.startswith("Traceback (most recent call last)")
    assert outcome.err.endswith("turnout: no such run\n")


def test_a_mistake_in_turnout_shows_where_it_is(turnout, raising):
    raising(ZeroDivisionError("division by zero"))
    outcome = turnout("runs")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert outcome.err.endswith("this is a mistake in Turnout, not yours: ZeroDivisionError: division by zero\n")


def test_ctrl_c_ends_with_130_and_without_a_word(turnout, raising):
    raising(KeyboardInterrupt())
    assert turnout("runs") == type(turnout("runs"))(errors.INTERRUPTED, "", "")


def test_the_number_that_a_command_returns_is_the_exit_code(turnout, monkeypatch):
    @click.command("runs")
    def command() -> int:
        return 42

    module = type(sys)("made_up_command")
    module.command = command
    monkeypatch.setitem(sys.modules, "made_up_command", module)
    monkeypatch.setitem(cli.COMMANDS, "runs", ("made_up_command", "Returns."))
    assert turnout("runs").code == 42


def test_a_reader_that_leaves_ends_the_command_quietly(workspace):
    from turnout.testing.records import make_run

    make_run(workspace, "a", log=b"line\n" * 100_000)
    main = [sys.executable, "-c", "from turnout import cli; cli.main()"]
    for words in (["logs", "a"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([*main, *words], stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b"")


def test_shells_can_ask_for_completions():
    environ = {**os.environ, "_TURNOUT_COMPLETE": "bash_complete", "COMP_WORDS": "turnout exp", "COMP_CWORD": "1"}
    code = "from turnout import cli; cli.main()"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "plain,experiments\n"
