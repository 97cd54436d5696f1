"""Finding and building by key, with real processes that wait, die and fail."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from turnout.environments import resolution
from turnout.runtime import builders, layout, records, redaction
from turnout.runtime.builders import BuildFailed

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"

BUILD = """
import sys
from turnout.runtime import builders, layout, records
with open(sys.argv[3], "wb", buffering=0) as log:
    note = lambda step: print(step, file=open(sys.argv[5], "a"), flush=True)
    builders.build(records.read_json(sys.argv[2]), layout.Home(sys.argv[1]), log, run_id=sys.argv[4], note=note)
"""

SLOW_UV = """#!/bin/sh
# Stands for a uv that is at it: says so, then waits for the file `go`.
echo "$1 begins" >&2
mkdir -p "%(directory)s/bin"
echo %(name)s > "%(directory)s/half"
while [ ! -e "%(go)s" ]; do sleep 0.02; done
exit 1
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    home = layout.Home(str(tmp_path / "home"))
    resolution.provide_tools(home)
    return home


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "one-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.py", "")
        archive.writestr("one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        archive.writestr("one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("one-1.0.dist-info/RECORD", "")
    return path


def environment(*requirements, key="uv-1", python=RUNNING, **lock):
    whole = {"python": python, "requirements": list(requirements), "sources": [], "build": [], "local": {}, **lock}
    return {"kind": "uv", "key": key, "python": python, "lock": whole}


def build(home, asked, **options):
    log = io.BytesIO()
    return builders.build(asked, home, log, **options), log.getvalue().decode()


def start(home, tmp_path, name, asked, **variables):
    described = tmp_path / f"{name}.json"
    records.write_json(str(described), asked)
    logs = [str(tmp_path / f"{name}.log"), name, str(tmp_path / f"{name}.steps")]
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, home.root, str(described), *logs],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def slow_uv(home, tmp_path, name, key="uv-1"):
    """Return the path of a tool that is busy building until the returned file exists, and then fails."""
    go = tmp_path / f"{name}.go"
    tool = tmp_path / f"{name}-uv"
    tool.write_text(SLOW_UV % {"directory": home.environment(key), "go": go, "name": name})
    tool.chmod(0o755)
    return str(tool), go


def text(path):
    return path.read_text() if path.exists() else ""


def test_the_facts_are_what_is_installed(home, wheel):
    built, log = build(home, environment(str(wheel)))
    assert built.facts == records.read_json(home.environment("uv-1") + ".json")
    assert built.facts["packages"] == [{"name": "one", "version": "1.0", "url": f"file://{wheel}"}]
    assert built.facts["python"]["version"].startswith(RUNNING)
    assert built.facts["python"]["executable"] == built.interpreter
    assert built.facts["tool"].startswith("uv ")
    assert "building environment uv-1" in log
    assert "+ one==1.0" in log
    assert Path(home.environment("uv-1")).stat().st_mode & 0o777 == layout.DIRECTORY_MODE


def test_the_log_may_be_a_descriptor(home, tmp_path):
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    builders.build(environment(), home, descriptor)
    os.close(descriptor)
    assert "built environment uv-1" in (tmp_path / "log").read_text()


def test_a_found_environment_has_its_interpreter_where_it_was_built(home, wheel, tmp_path):
    built, _ = build(home, environment(str(wheel)))
    assert builders.find(environment(str(wheel)), home) == built
    os.rename(home.root, tmp_path / "moved")
    assert builders.find(environment(str(wheel)), layout.Home(str(tmp_path / "moved"))) is None


def test_an_environment_whose_python_is_gone_is_built_again(home):
    built, _ = build(home, environment())
    os.unlink(built.interpreter)
    os.symlink("/nowhere/python", built.interpreter)
    assert builders.find(environment(), home) is None
    again, log = build(home, environment())
    assert "no longer works" in log
    assert builders.find(environment(), home) == again


def test_a_failed_build_carries_the_tools_words_and_leaves_nothing(home, tmp_path):
    with pytest.raises(BuildFailed, match="uv could not install the packages: Distribution not found") as failed:
        build(home, environment("/nowhere/one-1.0-py3-none-any.whl"))
    assert "/nowhere/one-1.0" in failed.value.words
    assert os.listdir(home.environments) == ["uv-1.lock"]


def test_the_steps_of_a_real_build_are_told(home, tmp_path):
    package = tmp_path / "slow"
    package.mkdir()
    (package / "slow.py").write_text("")
    (package / "pyproject.toml").write_text(
        "[project]\nname = 'slow'\nversion = '1'\n"
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    )
    (package / "backend.py").write_text(BACKEND)
    steps = []
    build(home, environment(f"slow @ file://{package}"), note=steps.append)
    assert steps == ["installing 1 package", "building slow", "installing 1 package"]


BACKEND = """
import zipfile
def build_wheel(directory, settings=None, metadata=None):
    name = "slow-1-py3-none-any.whl"
    with zipfile.ZipFile(directory + "/" + name, "w") as archive:
        archive.writestr("slow-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n")
        archive.writestr("slow-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("slow-1.dist-info/RECORD", "")
    return name
"""

TELLING_UV = """#!/bin/sh
# Stands for a uv that prints what it was given.
echo "looking at https://me:$TOKEN@host/simple"
printf 'and at \\033[31m%s\\033[0m\\n' "$TOKEN"
echo "   Building $TOKEN @ https://host/simple"
echo "error: no access with '$TOKEN'" >&2
exit 2
"""


@pytest.mark.parametrize("value", ["hunter2", "hunt\x40er/2@x"])
def test_a_secret_is_neither_logged_nor_raised(home, tmp_path, value):
    tool = tmp_path / "uv"
    tool.write_text(TELLING_UV)
    tool.chmod(0o755)
    log = io.BytesIO()
    hide = redaction.redactor([value])
    steps = []
    with pytest.raises(BuildFailed) as failed:
        builders.build(
            environment(), home, log, {"TURNOUT_UV": str(tool), "TOKEN": value}, hide=hide, note=steps.append
        )
    assert steps == ["building ***"]
    said = log.getvalue().decode()
    assert "and at ***" in said
    assert "no access with '***'" in failed.value.reason
    for text in (said, failed.value.reason, failed.value.words):
        assert not [part for part in (value, "er/2", "hunt") if part in text]


def test_a_secret_in_a_packages_url_is_not_kept(home, wheel, tmp_path):
    (tmp_path / "hunter2").mkdir()
    wheel.rename(tmp_path / "hunter2" / wheel.name)
    asked = environment(f"one @ file://{tmp_path}/${{TOKEN}}/{wheel.name}")
    built, log = build(home, asked, variables={**os.environ, "TOKEN": "hunter2"}, hide=redaction.redactor(["hunter2"]))
    assert built.facts["packages"] == [{"name": "one", "version": "1.0", "url": f"file://{tmp_path}/***/{wheel.name}"}]
    assert "hunter2" not in log
    kept = [path.read_bytes() for path in Path(home.root).rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [data for data in kept if b"hunter2" in data]


def test_an_interpreter_that_tells_a_secret_is_not_quoted_with_it(home, tmp_path):
    interpreter = tmp_path / "python"
    interpreter.write_text('#!/bin/sh\necho "no licence for $TOKEN" >&2\nexit 3\n')
    interpreter.chmod(0o755)
    asked = {"kind": "existing", "key": "existing-1", "lock": {"interpreter": str(interpreter)}}
    with pytest.raises(BuildFailed, match=r"no licence for \*\*\*$") as failed:
        build(home, asked, variables={"TOKEN": "hunter2"}, hide=redaction.redactor(["hunter2"]))
    assert "hunter2" not in failed.value.words


def test_a_wrong_hash_is_not_installed(home, wheel):
    with pytest.raises(BuildFailed, match=r"(?i)hash"):
        build(home, environment(f"one @ file://{wheel} --hash=sha256:{'0' * 64}"))
    assert not os.path.exists(home.environment("uv-1"))


def test_a_missing_python_is_named(home):
    with pytest.raises(BuildFailed, match=r"3\.99"):
        build(home, environment(python="3.99"))


def test_a_missing_tool_is_named(home):
    os.unlink(os.path.join(home.tools, "uv"))
    with pytest.raises(BuildFailed, match="TURNOUT_UV"):
        build(home, environment(), variables={"PATH": "/nowhere"})


@pytest.mark.parametrize(
    "asked", [{}, {"kind": "alien", "key": "k"}, {"kind": "uv", "key": "../k"}, {"kind": "uv", "key": ""}]
)
def test_what_nobody_can_build_is_refused(home, asked):
    assert builders.find(asked, home) is None
    with pytest.raises(BuildFailed):
        build(home, asked)


def test_an_unwritable_home_is_a_failure_with_a_reason(home):
    Path(home.environments).write_text("not a directory")
    with pytest.raises(BuildFailed, match="can't be built"):
        build(home, environment())


def test_no_locks_no_build(home, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("turnout.runtime.filelocks.fcntl.flock", refuse)
    with pytest.raises(BuildFailed, match=r"flock.*TURNOUT_HOME"):
        build(home, environment())


def test_who_waits_says_for_whom_and_builds_when_that_one_fails(home, tmp_path, wheel):
    asked = environment(str(wheel))
    tool, go = slow_uv(home, tmp_path, "first")
    first = start(home, tmp_path, "first", asked, TURNOUT_UV=tool)
    until(lambda: "begins" in text(tmp_path / "first.log"))
    second = start(home, tmp_path, "second", asked)
    waiting = f"waiting for pid {first.pid} of run first, which is building the same environment"
    until(lambda: waiting in text(tmp_path / "second.log"))
    assert text(tmp_path / "second.steps") == waiting + "\n"
    assert second.poll() is None
    go.touch()
    assert first.wait(10) != 0
    assert second.wait(20) == 0
    assert builders.find(asked, home) is not None


def test_a_builder_killed_with_its_group_is_replaced(home, tmp_path, wheel):
    asked = environment(str(wheel))
    tool, _ = slow_uv(home, tmp_path, "first")
    first = start(home, tmp_path, "first", asked, TURNOUT_UV=tool)
    until(lambda: os.path.exists(os.path.join(home.environment("uv-1"), "half")))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert builders.find(asked, home) is None
    _, log = build(home, asked)
    assert "unfinished" in log
    assert not os.path.exists(os.path.join(home.environment("uv-1"), "half"))


def test_a_tool_that_outlives_its_builder_keeps_others_out(home, tmp_path, wheel):
    asked = environment(str(wheel))
    tool, go = slow_uv(home, tmp_path, "first")
    first = start(home, tmp_path, "first", asked, TURNOUT_UV=tool)
    until(lambda: "begins" in text(tmp_path / "first.log"))
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = start(home, tmp_path, "second", asked)
    until(lambda: "waiting for" in text(tmp_path / "second.log"))
    assert os.path.exists(os.path.join(home.environment("uv-1"), "half"))
    go.touch()
    assert second.wait(20) == 0
    assert builders.find(asked, home) is not None


def test_a_changed_local_package_is_not_taken_from_uvs_cache(home, tmp_path):
    package = tmp_path / "local"
    package.mkdir()
    (package / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='local', version='1', py_modules=['local'])\n"
    )
    for number in (1, 2):
        (package / "local.py").write_text(f"number = {number}\n")
        built, _ = build(home, environment(f"local @ file://{package}", key=f"uv-{number}"))
        said = subprocess.check_output([built.interpreter, "-c", "import local; print(local.number)"])
        assert int(said) == number


def test_an_existing_interpreter_must_be_a_python(home, tmp_path):
    asked = {"kind": "existing", "key": "existing-1", "lock": {"interpreter": sys.executable}}
    assert builders.find(asked, home) == build(home, asked)[0] == builders.Built(sys.executable, None)
    asked["lock"]["interpreter"] = "/bin/true"
    with pytest.raises(BuildFailed, match="does not run as a Python"):
        build(home, asked)
    asked["lock"]["interpreter"] = str(tmp_path)
    assert builders.find(asked, home) is None
    with pytest.raises(BuildFailed, match="can't be executed"):
        build(home, asked)


def test_finding_imports_nothing_that_starts_processes(home):
    build(home, environment())
    code = """
import sys, json
from turnout.runtime import builders, layout
found = builders.find(json.loads(sys.argv[2]), layout.Home(sys.argv[1]))
print(found is not None, [name for name in ("subprocess", "shutil", "tempfile") if name in sys.modules])
"""
    said = subprocess.check_output(
        [sys.executable, "-S", "-c", code, home.root, json.dumps(environment())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert said.decode().strip() == "True []"


def test_a_package_that_has_to_be_built_and_can_not_be_offers_another_version_or_python(home, tmp_path):
    project = {
        "PKG-INFO": "Metadata-Version: 2.2\nName: old\nVersion: 1.0\n",
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": "import distutils_of_old\n",
    }
    with tarfile.open(tmp_path / "old-1.0.tar.gz", "w:gz") as archive:
        for name, text in project.items():
            member = tarfile.TarInfo(f"old-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    asked = environment("old==1.0", sources=["--no-index", f"--find-links {tmp_path}"])
    with pytest.raises(BuildFailed) as failure:
        builders.build(asked, home, io.BytesIO())
    assert "Failed to build `old==1.0`" in failure.value.reason
    assert failure.value.reason.endswith("or another Python (--python VERSION), or install what building needs")
    assert "distutils_of_old" in failure.value.words
    assert not os.path.exists(home.environment(asked["key"]))
