"""What an interpreter tells of itself, whichever it is."""

import glob
import json
import os
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from turnout.runtime.builders import inside, inspection, uvtool, words
from turnout.runtime.layout import Home

OTHERS = sorted(
    {sys.executable, *glob.glob("/usr/bin/python3"), *glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))}
)


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_every_distribution_is_told_as_importlib_sees_it():
    told = {entry["name"]: entry["version"] for entry in inspection.inspect(sys.executable)["packages"]}
    assert told.items() >= {name: metadata.version(name) for name in ("pytest", "hypothesis", "click")}.items()


@pytest.mark.parametrize("interpreter", OTHERS)
def test_any_python_from_3_6_on_answers(interpreter):
    facts = inspection.inspect(interpreter)
    assert "error" not in facts
    assert facts["python"]["executable"] == interpreter
    assert tuple(int(part) for part in facts["python"]["version"].split(".")) >= (3, 6)


def test_of_two_distributions_the_first_on_the_path_counts(tmp_path):
    for directory, version in (("first", "1"), ("second", "2")):
        for name in ("a.b", "only" + version):
            information = tmp_path / directory / f"{name}-{version}.dist-info"
            information.mkdir(parents=True)
            (information / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n\nName: not a header\n")
    (tmp_path / "first" / "old.egg-info").write_text("Metadata-Version: 1.0\nName: old\nVersion: 3\n")
    (tmp_path / "first" / "broken-1.dist-info").mkdir()
    found = inside.distributions([str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "missing.zip")])
    assert [(entry["name"], entry["version"]) for entry in found] == [
        ("a.b", "1"), ("old", "3"), ("only1", "1"), ("only2", "2"),
    ]  # fmt: skip


def test_where_a_distribution_came_from_is_told_without_credentials(tmp_path):
    path = tmp_path / "direct_url.json"
    origin = {"url": "https://user:secret@host/p.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    path.write_text(json.dumps(origin))
    assert inside.installed_from(str(path)) == "https://host/p.git@abc"
    path.write_text("[")
    assert inside.installed_from(str(path)) == ""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("exit 3", "status 3"),
        ("echo no >&2; exit 1", "status 1: no"),
        ("echo '[1]'", "status 0"),
        ("exec sleep 60", "no answer"),
    ],
)
def test_no_answer_is_told_and_raises_nothing(tmp_path, text, error):
    facts = inspection.inspect(script(tmp_path / "python", text), 0.5)
    assert error in facts["error"]
    assert facts["packages"] == []


def test_an_interpreter_that_is_not_there_is_told():
    pending = inspection.begin("/nowhere/python")
    assert pending.pid == 0
    assert "/nowhere/python" in pending.finish(1.0)["error"]


def test_what_start_up_prints_does_not_disturb(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('hello')\n")
    facts = inspection.inspect(sys.executable, 30.0, {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert "error" not in facts


def test_a_long_answer_does_not_wait_for_a_reader(tmp_path):
    done = tmp_path / "done"
    pending = inspection.begin(script(tmp_path / "python", f"head -c 1000000 /dev/zero | tr '\\0' x; touch {done}"))
    deadline = time.monotonic() + 10
    while not done.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "error" in pending.finish(5.0)


# What tools say


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "warning: x\nerror: No solution\n  cause: Because a\n         and b.\n  cause: detail\n",
            "No solution: Because a and b.",
        ),
        (
            "  \u00d7 No solution found:\n  \u2570\u2500\u25b6 Because a\n      and b.\n\n      hint: c\n",
            "No solution found: Because a and b.",
        ),
        ("error: Couldn't parse\n  cause: Expected\n         six==\n             ^^\n", "Couldn't parse: Expected"),
        ("one\ntwo\n", "one"),
        ("", ""),
    ],
)
def test_a_failure_is_told_in_one_line(said, expected):
    assert words.headline(words.meaningful(said)) == expected


def test_words_have_no_colours_and_no_credentials():
    assert words.clean("\x1b[31merror\x1b[0m: https://user:secret@host/x") == "error: https://host/x"
    assert words.clean("git+ssh://git@host and https://${USER}:${TOKEN}@host") == (
        "git+ssh://git@host and https://${USER}:${TOKEN}@host"
    )


# What uv is given


def test_pips_settings_are_handed_to_uv_unless_it_has_its_own(tmp_path):
    given = {
        "PIP_INDEX_URL": "https://one",
        "PIP_EXTRA_INDEX_URL": "https://two\n https://three",
        "PIP_FIND_LINKS": f"{tmp_path} /nowhere https://links",
        "PIP_CERT": "/c",
    }
    values = uvtool.variables(given)
    assert values["UV_INDEX_URL"] == "https://one"
    assert values["UV_EXTRA_INDEX_URL"] == "https://two https://three"
    assert values["UV_FIND_LINKS"] == f"{tmp_path},https://links"
    assert values["SSL_CERT_FILE"] == "/c"
    own = {"UV_DEFAULT_INDEX": "https://mine", "UV_INDEX": "https://more", "UV_FIND_LINKS": "/l", "SSL_CERT_FILE": "/d"}
    values = uvtool.variables({**given, **own})
    assert "UV_INDEX_URL" not in values
    assert "UV_EXTRA_INDEX_URL" not in values
    assert (values["UV_FIND_LINKS"], values["SSL_CERT_FILE"]) == ("/l", "/d")


def test_what_would_mislead_uv_is_kept_from_it():
    given = {"VIRTUAL_ENV": "/v", "UV_PYTHON": "3.8", "PYTHONPATH": "/p", "HOME": "/h", "UV_CACHE_DIR": "/cache"}
    kept = uvtool.variables(given)
    assert kept == {"HOME": "/h", "UV_CACHE_DIR": "/cache", "NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_NO_WRAP": "1"}


def test_uv_is_looked_for_where_the_person_says_then_in_the_home_then_on_the_path(tmp_path):
    home = Home(str(tmp_path))
    on_path, linked, named = (script(tmp_path / name, "") for name in ("uv", "linked", "named"))
    assert uvtool.find(home, {"PATH": "/nowhere"}) == ""
    assert uvtool.find(home, {"PATH": str(tmp_path)}) == on_path
    Path(home.tools).mkdir()
    os.symlink(linked, os.path.join(home.tools, "uv"))
    assert uvtool.find(home, {"PATH": str(tmp_path)}) == os.path.join(home.tools, "uv")
    assert uvtool.find(home, {"PATH": str(tmp_path), "TURNOUT_UV": named}) == named
