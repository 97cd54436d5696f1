from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import turnout.runtime
from turnout.runtime import layout
from turnout.runtime.script.exceptions import RunEnvironmentException
from turnout.runtime.script.executor import ExecutorRun
from turnout.runtime.script.run import Run
from turnout.runtime.spark import elsewhere

REFUSED = (
    "this process is an executor of the run words_1, and can't reach its record: return values to the driver, and log them "
    "there"
)
MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a"], "matrix": [[1]]},
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(layout.EXECUTOR_VARIABLE, "words_1")
    return Run.get_context(allow_offline=False)


def test_an_executor_knows_whose_run_it_works_for(run: Any) -> None:
    assert isinstance(run, ExecutorRun)
    assert run.id == "words_1"
    assert repr(run) == "Run(Id: words_1, on an executor)"


@pytest.mark.parametrize(
    "report",
    [
        lambda run, path: run.log("loss", 0.5),
        lambda run, path: run.log_list("loss", [0.5]),
        lambda run, path: run.log_row("loss", x=1),
        lambda run, path: run.log_table("loss", {"x": [1]}),
        lambda run, path: run.log_image("plot", path=path),
        lambda run, path: run.log_confusion_matrix("matrix", MATRIX),
        lambda run, path: run.upload_file("outputs/a", path),
        lambda run, path: run.upload_files(["outputs/a"], [path]),
        lambda run, path: run.upload_folder("outputs", os.path.dirname(path)),
        lambda run, path: run.tag("stage", "two"),
        lambda run, path: run.set_tags({"stage": "two"}),
        lambda run, path: run.remove_tags("stage"),
        lambda run, path: run.add_properties({"stage": "two"}),
        lambda run, path: run.child_run(),
        lambda run, path: run.fail("broken"),
        lambda run, path: run.complete(),
        lambda run, path: run.cancel(),
        lambda run, path: run.status,
        lambda run, path: run.tags,
        lambda run, path: run.get_metrics(),
        lambda run, path: run.get_children(),
        lambda run, path: run.get_details(),
        lambda run, path: run.experiment,
        lambda run, path: run.download_file("outputs/a"),
    ],
)
def test_what_needs_the_record_is_refused_with_the_same_line(
    run: Any, image: Path, report: Callable[[Any, str], Any]
) -> None:
    with pytest.raises(RunEnvironmentException) as refused:
        report(run, str(image))
    assert refused.value.message == REFUSED
    assert not os.path.exists(run.layout.root)


def test_the_driver_reports_into_its_record_though_the_variable_is_set(
    submitted: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(layout.EXECUTOR_VARIABLE, "words_1")
    run = Run.get_context()
    run.log("loss", 0.5)
    assert not isinstance(run, ExecutorRun)
    assert run.get_metrics() == {"loss": 0.5}


def test_a_module_that_asks_at_its_top_goes_on_in_a_process_of_an_executors(tmp_path: Path) -> None:
    (tmp_path / "tokens.py").write_text(
        "from turnout.runtime.script.run import Run\n\nrun = Run.get_context()\n\n\n"
        "def split(line):\n    return line.split()\n"
    )
    code = "import pickle, sys, tokens; sys.stdout.buffer.write(pickle.dumps((tokens.run.id, tokens.split('a b'))))"
    source = os.path.dirname(os.path.dirname(os.path.dirname(turnout.runtime.__file__)))
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join([source, str(tmp_path)]), layout.EXECUTOR_VARIABLE: "words_1"},
        capture_output=True,
        check=True,
    )
    assert pickle.loads(done.stdout) == ("words_1", ["a", "b"])
    assert sorted(os.listdir(tmp_path)) == sorted(["tokens.py", "__pycache__", "cwd"])


SCRIPT = '''"""What it is for."""
import os, sys, beside
print(os.getcwd(), sys.argv, __file__, __name__, beside.word, sys.modules["__main__"].__dict__ is globals(), sep="\\n")
if "fail" in sys.argv:
    raise SystemExit(7)
if "broken" in sys.argv:
    raise ValueError("broken")
'''


def start(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the snapshot in `tmp_path/code`, from another directory."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text(SCRIPT)
    (code / "beside.py").write_text("word = 'found'\n")
    (tmp_path / "container").mkdir()
    argv = [sys.executable, elsewhere.__file__, str(code), str(code / "train.py"), *arguments]
    return subprocess.run(argv, cwd=tmp_path / "container", capture_output=True, text=True)


def test_a_script_that_begins_elsewhere_sees_what_it_would_see_by_itself(tmp_path: Path) -> None:
    done = start(tmp_path, "--alpha", "0.4", "two words")
    assert (done.returncode, done.stderr) == (0, "")
    code = tmp_path / "code"
    script = str(code / "train.py")
    assert done.stdout.splitlines() == [
        str(code),
        str([script, "--alpha", "0.4", "two words"]),
        script,
        "__main__",
        "found",
        "True",
    ]


def test_how_such_a_script_ends_is_how_its_process_ends(tmp_path: Path) -> None:
    assert start(tmp_path, "fail").returncode == 7


def test_the_trace_of_such_a_script_names_its_own_line(tmp_path: Path) -> None:
    done = start(tmp_path, "broken")
    assert done.returncode == 1
    assert f'File "{tmp_path / "code" / "train.py"}", line 7' in done.stderr
    assert done.stderr.endswith("ValueError: broken\n")
