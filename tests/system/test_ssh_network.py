"""A network that fails while a run is on its way, built, carried out and collected: nothing is missing, nothing twice."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from turnout.testing.remotehost import RemoteHost

pytestmark = pytest.mark.system

OUTAGE = 30.0
"""Seconds; longer than ssh needs to give the connection up."""
CURRENT = ("--environment", "current")
_PATIENCE = 120.0


def wait(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def outage(host: RemoteHost) -> None:
    host.cut()
    time.sleep(OUTAGE)  # the outage itself
    host.mend()


def ended(process: Any) -> tuple[str, str]:
    out, said = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, said.decode()
    return out.decode(), said.decode()


def test_in_the_middle_of_the_upload(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    generator = random.Random(1)
    for number in range(60):
        (turnout.directory / f"data{number}").write_bytes(generator.randbytes(200_000))
    turnout.script("import os; print(sum(os.path.getsize(name) for name in os.listdir() if name.startswith('data')))")
    turnout("submit", "--target", "local", *CURRENT, "train.py")  # what this machine needs is there
    remote_host.slow("8mbit")
    before = remote_host.bytes_sent()[0]
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    wait(lambda: remote_host.bytes_sent()[0] - before > 7_000_000)
    outage(remote_host)
    out, said = ended(process)
    assert out == "12000000\n"
    assert "uploading to box was interrupted, retrying" in said
    sent = remote_host.bytes_sent()[0] - before
    assert sent < 12_000_000 * 1.5, f"{sent} bytes were sent: it began anew"
    assert len(turnout.json("runs")) == 2
    assert remote_host.run("ls ~/.turnout/workspaces/*/runs | wc -l") == "1\n"


def test_in_the_middle_of_the_build(
    turnout: Any, remote_host: RemoteHost, make_package_index: Callable[..., Any]
) -> None:
    index = make_package_index(str(remote_host.link.near))
    index.resolution.set()
    turnout("target", "add", "box", "--ssh", remote_host.name)
    (turnout.directory / "requirements.txt").write_text("gated==1.0\n")
    turnout.script("import gated; print('imported')")
    process = turnout.start("submit", "--target", "box", "--environment", "requirements.txt", "train.py")
    assert index.asked_to_build.wait(_PATIENCE)
    outage(remote_host)
    index.build.set()
    out, _ = ended(process)
    assert out == "imported\n"
    assert remote_host.run("ls -d ~/.turnout/environments/uv-*.json | wc -l") == "1\n"


COUNTS = """import time
from turnout import Run
run = Run.get_context()
for step in range(400):
    run.log("step", step)
    print(step, flush=True)
    time.sleep(0.1)
"""


def test_in_the_middle_of_the_run(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script(COUNTS)
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"0\n"
    outage(remote_host)
    out, said = ended(process)
    assert out == "".join(f"{step}\n" for step in range(1, 400))
    assert "NotResponding: last seen" in said
    assert turnout.json("metrics", "@last")["step"] == list(range(400))
    assert turnout("logs", "@last").stdout == "".join(f"{step}\n" for step in range(400))
    assert turnout.json("show", "@last")["status"] == "Completed"


LEAVES = """import random
with open("outputs/large", "wb") as stream:
    stream.write(random.Random(7).randbytes(6_000_000))
for number in range(50):
    open("outputs/%d" % number, "w").write("%d" % number)
print("written")
"""


def test_in_the_middle_of_the_collection(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script(LEAVES)
    remote_host.slow("4mbit")
    before = remote_host.bytes_sent()[1]
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"written\n"
    wait(lambda: remote_host.bytes_sent()[1] - before > 2_000_000)
    outage(remote_host)
    remote_host.fast()
    ended(process)
    record = turnout.json("show", "@last")
    assert record["status"] == "Completed"
    outputs = os.path.join(record["directory"], "code", "outputs")
    with open(os.path.join(outputs, "large"), "rb") as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(random.Random(7).randbytes(6_000_000)).digest()
    assert sorted(os.listdir(outputs)) == sorted(["large", *map(str, range(50))])
    assert not os.path.exists(os.path.join(record["directory"], ".incoming"))


def test_connections_that_end_again_and_again(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script(COUNTS.replace("400", "60"))
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"0\n"
    while process.poll() is None:
        remote_host.kill_connections()
        time.sleep(0.7)  # the time between two failures
    out, _ = ended(process)
    assert out == "".join(f"{step}\n" for step in range(1, 60))
    assert turnout.json("metrics", "@last")["step"] == list(range(60))


def test_a_host_that_reboots(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script("import time; print('begun', flush=True); time.sleep(600)")
    process = turnout.start("submit", "--target", "box", *CURRENT, "train.py")
    assert process.stdout.readline() == b"begun\n"
    remote_host.reboot()
    _, said = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 125
    assert b"Failed" in said
    assert turnout("logs", "@last").stdout == "begun\n"


def test_a_host_that_is_off_when_its_run_ends(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script("import time; time.sleep(1); print('done'); open('outputs/a', 'w').write('b')")
    turnout("submit", "--detach", "--target", "box", *CURRENT, "train.py")
    remote_host.cut()
    shown = turnout.json("show", "@last")
    assert shown["status"] == "NotResponding"
    assert shown["reason"].startswith("last seen ")
    assert turnout.json("runs")[0]["status"] != "NotResponding"  # a list asks nobody
    assert turnout.json("sync", code=1)[0]["status"] == "NotResponding"
    remote_host.mend()
    wait(lambda: turnout.json("sync", code=0) == [])
    assert turnout("logs", "@last").stdout == "done\n"
    assert turnout("files", "@last").stdout.count("outputs/a") == 1


def test_a_cancel_that_nobody_hears_is_heard_later(turnout: Any, remote_host: RemoteHost) -> None:
    turnout("target", "add", "box", "--ssh", remote_host.name)
    turnout.script("import time; print('begun', flush=True); time.sleep(600)")
    turnout("submit", "--detach", "--target", "box", *CURRENT, "train.py")
    remote_host.cut()
    turnout.any("cancel", "@last")
    remote_host.mend()
    done = turnout.any("wait", "@last")
    assert turnout.json("show", "@last")["status"] == "Canceled", done.stderr
