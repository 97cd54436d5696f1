"""Runs on a real remote host that shares nothing with the submitter but a network, by the real command line."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.targets import reach
from turnout.testing.remotehost import RemoteHost
from turnout.testing.targets import ReachSuite

pytestmark = pytest.mark.system

EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes"
CURRENT = ("--environment", "current")
Make = Callable[..., RemoteHost]


def add(turnout: Any, host: RemoteHost, *words: str, **options: Any) -> Any:
    return turnout("target", "add", "box", "--ssh", host.name, *words, **options)


class TestSshReach(ReachSuite):
    @pytest.fixture
    def workspace_layout(self, home: object, remote_host: RemoteHost) -> layout.WorkspaceLayout:
        from turnout.workspace import Workspace

        self.host = remote_host
        return Workspace.from_config().layout

    def make_reach(self, home: layout.Home) -> reach.Reach:
        return reach.make({"reach": "ssh", "address": self.host.name}, home)


def test_the_example_gives_the_same_metrics_there(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    found = []
    for target in ("local", "box"):
        turnout(
            "submit", "--target", target, "--source-directory", EXAMPLE, "--environment", EXAMPLE / "requirements.txt",
            "--experiment", "diabetes", "train.py",
        )  # fmt: skip
        names = sorted(row["name"] for row in turnout.json("files", "@last") if "system_logs" not in row["name"])
        found.append((turnout.json("metrics", "@last"), names))
    here, there = found
    assert len(here[0]["mse"]) == 20
    for name, values in here[0].items():
        assert there[0][name] == pytest.approx(values, rel=1e-9), name
    assert there[1] == here[1]
    assert turnout.json("show", "@last")["placement"]["host"] == remote_host.name
    assert not os.path.exists(remote_host.path("work"))


def test_only_what_changed_crosses(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    (turnout.directory / "data").write_bytes(os.urandom(3_000_000))
    turnout.script("print(1)")
    turnout("submit", "--target", "box", *CURRENT, "train.py")
    before = remote_host.bytes_sent()[0]
    turnout.script("print(2)")
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "2\n"
    assert remote_host.bytes_sent()[0] - before < 100_000


def test_a_submit_leaves_nothing_to_do_for_the_submitter(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script("import time; time.sleep(0.5); open('outputs/done', 'w').write('x'); print('alone')")
    turnout("submit", "--detach", "--target", "box", *CURRENT, "train.py")
    done = remote_host.run(
        "for n in $(seq 400); do cat ~/.turnout/workspaces/*/runs/*/result.json && break; sleep 0.05; done 2>/dev/null"
    )
    assert '"Completed"' in done
    assert turnout("logs", "-f", "@last").stdout == "alone\n"
    assert turnout("wait", "@last").returncode == 0
    assert "outputs/done" in turnout("files", "@last").stdout


def test_secrets_travel_and_stay_nowhere(turnout: Any, remote_host: RemoteHost, home: Path) -> None:
    add(turnout, remote_host)
    turnout.script("import os; print(len(os.environ['TOKEN']), os.environ.get('MINE'))")
    os.environ["MINE"] = "submitter"
    try:
        done = turnout("submit", "--target", "box", *CURRENT, "--secret", "TOKEN=s3cr3tvalue", "train.py")
    finally:
        del os.environ["MINE"]
    assert done.stdout == "11 None\n"
    assert remote_host.run("grep -r s3cr3tvalue ~ || echo nowhere") == "nowhere\n"
    for path in home.rglob("*"):
        assert not path.is_file() or b"s3cr3tvalue" not in path.read_bytes()


def test_a_cancel_reaches_it(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script("import time; print('begun', flush=True); time.sleep(600)")
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"begun\n"
    turnout("cancel", "@last")
    process.communicate(timeout=60)
    assert turnout.json("show", "@last")["status"] == "Canceled"
    assert remote_host.run("pgrep -f '[t]rain.py' || echo none") == "none\n"


def test_the_queue_there_is_shared(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host, "--slots", "1")
    turnout.script("import time; print('begun', flush=True); time.sleep(600)")
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"begun\n"
    turnout("submit", "--detach", "--target", "box", *CURRENT, "train.py")
    queue = turnout.json("queue", "--target", "box")
    assert (len(queue["started"]), len(queue["waiting"])) == (1, 1)
    refused = turnout("submit", "--target", "box", "--cpus", "2", *CURRENT, "train.py", code=2)
    assert "can't start on box" in refused.stderr
    removal = turnout("target", "remove", "box", code=2)
    assert "2 runs on box have not ended" in removal.stderr
    for name in turnout("runs", "-q").stdout.split():
        turnout("cancel", name)
    process.communicate(timeout=60)
    turnout("sync")
    turnout("target", "remove", "box")
    assert [row["name"] for row in turnout.json("target", "list")] == ["local"]


def test_outputs_may_stay_there(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script("open('outputs/large', 'w').write('x' * 100_000); open('outputs/small', 'w').write('y')")
    turnout("submit", "--target", "box", "--max-output", "10kB", *CURRENT, "train.py")
    files = {row["name"]: row.get("on_target", False) for row in turnout.json("files", "@last")}
    assert (files["outputs/small"], files["outputs/large"]) == (False, True)
    turnout("download", "@last", "--to", "here", "outputs/large")
    assert (turnout.directory / "here" / "outputs" / "large").read_text() == "x" * 100_000
    turnout("submit", "--target", "box", "--no-outputs", *CURRENT, "train.py")
    assert all(row["on_target"] for row in turnout.json("files", "@last") if row["name"].startswith("outputs/"))


def test_deleting_a_run_deletes_it_there(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script("print(1)")
    turnout("submit", "--target", "box", *CURRENT, "train.py")
    turnout("runs", "delete", "@last", "--yes")
    assert remote_host.run("ls ~/.turnout/workspaces/*/runs") == ""


def test_python_attaches_as_v1_did(turnout: Any, remote_host: RemoteHost) -> None:
    from turnout import ComputeTarget, RemoteCompute, Workspace
    from turnout.exceptions import ComputeTargetException

    workspace = Workspace.from_config()
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(workspace, "vm")
    configuration = RemoteCompute.attach_configuration(
        address=remote_host.address, ssh_port=22, username=remote_host.user, private_key_file=str(remote_host.key)
    )
    made = ComputeTarget.attach(workspace, "vm", configuration)
    made.wait_for_completion(show_output=True)
    assert isinstance(made, RemoteCompute)
    assert isinstance(ComputeTarget(workspace, "vm"), RemoteCompute)
    assert set(workspace.compute_targets) == {"local", "vm"}
    with pytest.raises(ComputeTargetException, match="already"):
        ComputeTarget.attach(workspace, "vm", configuration)
    made.detach()
    assert set(workspace.compute_targets) == {"local"}


NOISE = """echo welcome to this machine
echo and a warning >&2
printf 'no line end'
"""


@pytest.mark.parametrize(
    "options",
    [
        {"bashrc": NOISE, "banner": "Authorized use only."},
        {"shell": "/bin/sh"},
        {"home": "/home/a person/and more"},
    ],
    ids=["noise", "dash", "blanks"],
)
def test_odd_accounts(turnout: Any, make_remote_host: Make, options: dict[str, Any]) -> None:
    host = make_remote_host(network=False, **options)
    add(turnout, host)
    turnout.script("print('as ever')")
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "as ever\n"


def test_another_home_where_the_accounts_is_closed(turnout: Any, remote_host: RemoteHost) -> None:
    remote_host.run("mkdir -p /var/tmp/me; chmod 500 ~")
    refused = add(turnout, remote_host, code=2)
    assert "permission denied" in refused.stderr
    assert turnout.json("target", "list")[1:] == []
    add(turnout, remote_host, "--home", "/var/tmp/me/turnout")
    turnout.script("import os; print(os.getcwd().startswith('/var/tmp/me/turnout/'))")
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "True\n"


# Bad input: one line that names the host and the way out, and nothing is kept.


def refusal(turnout: Any, *words: str) -> str:
    done = turnout("target", "add", "box", *words, code=2)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert [row["name"] for row in turnout.json("target", "list")] == ["local"]
    return str(lines[0])


def test_wrong_addresses(turnout: Any, home: Path) -> None:
    assert "is no address" in refusal(turnout, "--ssh", "me@host:port")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        said = refusal(turnout, "--ssh", f"me@127.0.0.1:{port}")
        assert f"me@127.0.0.1:{port} refused the connection" in said
    assert "is not the name of a machine" in refusal(turnout, "--ssh", "nowhere.invalid")
    assert "can't be read" in refusal(turnout, "--ssh", "me@127.0.0.1", "--identity", "missing")


def test_hosts_that_refuse_or_say_nothing(turnout: Any, remote_host: RemoteHost, tmp_path: Path) -> None:
    remote_host.refuse()
    assert "refused the connection" in refusal(turnout, "--ssh", remote_host.name)
    remote_host.filtered()
    assert "doesn't answer" in refusal(turnout, "--ssh", remote_host.name)
    remote_host.mend()
    wrong = f"nobody@{remote_host.address}"
    assert "doesn't let this account in" in refusal(turnout, "--ssh", wrong, "--identity", str(remote_host.key))
    other = str(tmp_path / "other")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    assert "doesn't let this account in" in refusal(
        turnout, "--ssh", f"{remote_host.user}@{remote_host.address}", "--identity", other
    )


def test_host_keys_are_never_accepted_silently(turnout: Any, remote_host: RemoteHost) -> None:
    with open(remote_host.known_hosts) as stream:
        known = stream.read()
    os.truncate(remote_host.known_hosts, 0)
    said = refusal(turnout, "--ssh", remote_host.name)
    assert "is not known (ssh-ed25519 SHA256:" in said
    assert f"accept it: `ssh -F {remote_host.ssh_config} {remote_host.name}`" in said
    assert os.path.getsize(remote_host.known_hosts) == 0
    with open(remote_host.known_hosts, "w") as stream:
        stream.write(known)
    add(turnout, remote_host)
    remote_host.new_host_key()
    turnout.script("print(1)")
    done = turnout("submit", "--target", "box", *CURRENT, "train.py", code=2)
    assert "has changed to" in done.stderr
    assert "SHA256:" in done.stderr
    assert "ssh-keygen" in done.stderr
    assert turnout.json("runs") == []
    remote_host.accept_host_key()
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "1\n"


def test_no_python_there(turnout: Any, make_remote_host: Make) -> None:
    host = make_remote_host(network=False, python=False)
    assert "has no Python" in refusal(turnout, "--ssh", host.name)


def test_a_full_disk_there(turnout: Any, make_remote_host: Make) -> None:
    host = make_remote_host(network=False, home_size="8m")
    add(turnout, host)
    (turnout.directory / "data").write_bytes(os.urandom(9_000_000))
    turnout.script("print(1)")
    done = turnout("submit", "--target", "box", *CURRENT, "train.py", code=2)
    assert "no space left on device" in done.stderr
    assert host.name in done.stderr
    assert turnout.json("runs") == []
    assert (
        host.run("find ~/.turnout/objects -type f; find ~/.turnout/workspaces -name run.json 2>/dev/null; true") == ""
    )
    (turnout.directory / "data").unlink()
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "1\n"


def test_a_target_that_is_removed_while_its_run_runs(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script("import time; print('begun', flush=True); time.sleep(600)")
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"begun\n"
    assert "--force" in turnout("target", "remove", "box", code=2).stderr
    assert "lost to this workspace" in turnout("target", "remove", "--force", "box").stderr
    refused = turnout("submit", "--target", "box", *CURRENT, "train.py", code=2)
    assert "Unknown compute target box" in refused.stderr
    turnout("cancel", "@last")  # its record still knows the way
    process.communicate(timeout=60)
    assert turnout.json("show", "@last")["status"] == "Canceled"


CHILDREN = """from turnout import Run
run = Run.get_context()
for number in range(3):
    with run.child_run("part") as child:
        child.log("number", number)
        open("outputs/part", "w").write(str(number))
        child.upload_file("part.txt", "outputs/part")
        with child.child_run("deeper") as deeper:
            deeper.tag("depth", "2")
"""


def test_runs_that_the_script_begins_there_come_too(turnout: Any, remote_host: RemoteHost) -> None:
    from turnout import Workspace

    add(turnout, remote_host)
    turnout.script(CHILDREN)
    turnout("submit", "--target", "box", *CURRENT, "train.py")
    (run_id,) = turnout("runs", "-q").stdout.split()
    run = Workspace.from_config().get_run(run_id)
    children = list(run.get_children(recursive=True))
    assert [child.get_status() for child in children] == ["Completed"] * 6
    assert [child.get_metrics().get("number") for child in children[::2]] == [0, 1, 2]
    assert [child.get_tags() for child in children[1::2]] == [{"depth": "2"}] * 3
    assert [Path(child.record.artifact_path("part.txt")).read_text() for child in children[::2]] == ["0", "1", "2"]
    run.delete()
    assert remote_host.run("ls ~/.turnout/workspaces/*/runs") == ""


def test_metrics_are_seen_as_they_are_logged(turnout: Any, remote_host: RemoteHost) -> None:
    add(turnout, remote_host)
    turnout.script(
        "from turnout import Run; import time; Run.get_context().log('a', 1); print('logged', flush=True); time.sleep(600)"
    )
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"logged\n"
    assert turnout.json("metrics", "@last") == {"a": 1}
    assert turnout("logs", "@last").stdout == "logged\n"
    turnout("cancel", "@last")
    process.communicate(timeout=60)


KEYRING = """import json, os
from keyring.backend import KeyringBackend

PATH = os.path.join(os.path.dirname(__file__), "kept.json")

class Keyring(KeyringBackend):
    priority = 1

    def _all(self):
        return json.load(open(PATH)) if os.path.exists(PATH) else {}

    def _keep(self, values):
        json.dump(values, open(PATH, "w"))

    def get_password(self, service, name):
        return self._all().get(service + name)

    def set_password(self, service, name, value):
        self._keep({**self._all(), service + name: value})

    def delete_password(self, service, name):
        values = self._all()
        del values[service + name]
        self._keep(values)
"""


def test_a_password_comes_from_the_keyring(
    turnout: Any, make_remote_host: Make, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_remote_host(network=False, password="0pen sesame")
    backend = tmp_path / "backend"
    backend.mkdir()
    (backend / "filekeyring.py").write_text(KEYRING)
    monkeypatch.setenv("PYTHONPATH", str(backend))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "filekeyring.Keyring")
    host.ssh_config.write_text(
        f'Host *\n  UserKnownHostsFile "{host.known_hosts}"\n  PubkeyAuthentication no\n  GlobalKnownHostsFile /dev/null\n'
    )
    turnout.script(
        "from turnout import *; ws = Workspace.from_config()\n"
        f"way = RemoteCompute.attach_configuration(address={host.address!r}, username={host.user!r}, password=open(0).read())\n"
        "ComputeTarget.attach(ws, 'box', way)\n",
        "attach.py",
    )
    import sys

    def attach(password: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "attach.py"], cwd=turnout.directory, input=password, capture_output=True, text=True
        )

    assert "doesn't let this account in" in attach("wrong").stderr
    assert (backend / "kept.json").read_text() == "{}"
    done = attach("0pen sesame")
    assert done.returncode == 0, done.stderr
    turnout.script("print('let in')")
    assert turnout("submit", "--target", "box", *CURRENT, "train.py").stdout == "let in\n"
    for path in home.rglob("*"):
        assert not path.is_file() or b"0pen sesame" not in path.read_bytes()
    turnout("target", "remove", "box")
    assert (backend / "kept.json").read_text() == "{}"
