from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.exceptions import ComputeTargetException
from turnout.runtime import layout
from turnout.targets.reach.ssh import askpass

SECRETS = {askpass.PASSWORD: "pass word", askpass.PASSPHRASE: "phrase\u00e4"}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("me@gpu-box's password: ", "pass word"),
        ("(me@gpu-box) Password: ", "pass word"),
        ("Enter passphrase for key '/home/me/.ssh/id_ed25519': ", "phrase\u00e4"),
        ("Enter passphrase for key '/home/me/password': ", "phrase\u00e4"),
        (
            "The host key is not known.\nAre you sure you want to continue connecting (yes/no/[fingerprint])? ",
            None,
        ),
        ("Please type 'yes', 'no' or the fingerprint: ", None),
        ("(me@gpu-box) Verification code: ", None),
        ("Confirm user presence for key ED25519-SK SHA256:abc", None),
        ("", None),
    ],
)
def test_only_questions_for_a_secret_are_answered(question: str, answer: str | None) -> None:
    assert askpass.answer(question, SECRETS) == answer


def test_a_secret_that_is_not_kept_is_no_answer() -> None:
    assert askpass.answer("me@gpu-box's password: ", {askpass.PASSPHRASE: "phrase"}) is None
    assert askpass.answer("me@gpu-box's password: ", {askpass.PASSWORD: ""}) is None


def test_ssh_gets_what_was_kept_and_nothing_once_it_is_forgotten(
    backend: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    askpass.keep("one", SECRETS)
    askpass.keep("two", {askpass.PASSWORD: "other"})
    monkeypatch.setattr(sys, "argv", ["askpass", "me@gpu-box's password: "])
    answers = []
    for name in ("one", "two", "three"):
        monkeypatch.setenv("TURNOUT_ASKPASS_NAME", name)
        answers.append((askpass.main(), capsys.readouterr().out))
    assert answers == [(0, "pass word\n"), (0, "other\n"), (1, "")]
    askpass.forget("two")
    askpass.forget("two")  # twice is no error
    monkeypatch.setenv("TURNOUT_ASKPASS_NAME", "two")
    assert (askpass.main(), capsys.readouterr().out) == (1, "")
    assert list(backend.kept) == [(askpass.SERVICE, "one")]


def test_a_keyring_that_takes_nothing_is_said_without_the_secret(backend: Any) -> None:
    backend.locked = True
    with pytest.raises(ComputeTargetException, match="the collection is locked; use a key without") as caught:
        askpass.keep("one", SECRETS)
    assert "pass word" not in str(caught.value)


def test_what_ssh_starts_asks_the_keyring(tmp_path: Path) -> None:
    """The real script, in a process of its own, with a keyring that a module of the test's provides."""
    module = "from keyring.backend import KeyringBackend\n\nclass Kept(KeyringBackend):\n    priority = 1\n\n"
    module += "    def get_password(self, service, username):\n"
    module += """        return '{"password": "from %s"}' % username if service == "turnout" else None\n"""
    module += "    def set_password(self, *given): ...\n    def delete_password(self, *given): ...\n"
    (tmp_path / "kept.py").write_text(module)
    home = layout.Home(str(tmp_path / "my home"))
    made = askpass.variables(home, "abc")
    assert askpass.variables(home, "abc") == made
    script = made["SSH_ASKPASS"]
    assert stat.S_IMODE(os.stat(script).st_mode) == 0o700
    assert os.listdir(home.tools) == ["askpass"]
    assert made["SSH_ASKPASS_REQUIRE"] == "force"
    assert "from abc" not in Path(script).read_text() + str(made)
    environment = {**os.environ, **made, "PYTHONPATH": str(tmp_path), "PYTHON_KEYRING_BACKEND": "kept.Kept"}
    asked = subprocess.run([script, "me@gpu-box's password: "], env=environment, capture_output=True, text=True)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "from abc\n", "")
    asked = subprocess.run([script, "continue connecting (yes/no)? "], env=environment, capture_output=True, text=True)
    assert (asked.returncode, asked.stdout, asked.stderr) == (1, "", "")
