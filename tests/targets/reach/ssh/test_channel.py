"""Real processes in ssh's place that hang, end, or print what nobody asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from turnout.runtime import processes
from turnout.runtime.serving import frames
from turnout.targets.reach.ssh import channel
from turnout.targets.reach.ssh.channel import Channel, ChannelBroken

SOON = 0.3
HANGS = "exec sleep 600"


@pytest.fixture
def connect() -> Iterator[Callable[[str], Channel]]:
    """Return a function that opens a channel to a shell's command."""
    opened: list[Channel] = []

    def make(command: str) -> Channel:
        opened.append(Channel(["/bin/sh", "-c", command], {"PATH": os.environ["PATH"]}))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def talking(frame: bytes, rest: str = HANGS) -> str:
    octal = "".join(f"\\{byte:03o}" for byte in frame)
    return f"printf '{octal}'; {rest}"


def is_gone(opened: Channel) -> bool:
    return processes.start_time(opened._process.pid) is None


def test_what_is_printed_before_the_word_is_passed_over(connect: Callable[[str], Channel]) -> None:
    frame = frames.encode({"reply": {"x": 1}}, b"\nword\n")
    opened = connect(f"printf 'Welcome word\\nwords\\n\\nword\\n'; {talking(frame)}")
    opened.await_word(b"word", 10)
    assert opened.read() == ({"reply": {"x": 1}}, b"\nword\n")
    assert opened.received == len(b"Welcome word\nwords\n\nword\n") + len(frame)


def test_a_beat_is_no_answer(connect: Callable[[str], Channel]) -> None:
    beat = frames.encode({"beat": True})
    opened = connect(talking(beat + beat + frames.encode({"reply": {}}) + beat))
    assert opened.read() == ({"reply": {}}, b"")


def test_beats_keep_a_slow_answer_from_being_given_up(
    connect: Callable[[str], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PATIENCE", 2.0)
    beat = talking(frames.encode({"beat": True}), "sleep 0.25")
    answer = talking(frames.encode({"reply": {"late": True}}))
    opened = connect("; ".join([beat] * 10 + [answer]))
    began = time.monotonic()
    assert opened.read()[0] == {"reply": {"late": True}}
    assert time.monotonic() - began > 2.0


def test_a_connection_that_hangs_is_given_up_and_ended(
    connect: Callable[[str], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PATIENCE", SOON)
    opened = connect(talking(frames.encode({"reply": {}}, b"x" * 100)[:50]))  # in the middle of a frame
    with pytest.raises(ChannelBroken, match="didn't answer in time") as caught:
        opened.read()
    assert caught.value.status is None
    assert is_gone(opened)


def test_a_connection_that_takes_nothing_is_given_up(
    connect: Callable[[str], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "PATIENCE", SOON)
    opened = connect(HANGS)
    with pytest.raises(ChannelBroken):
        opened.write(bytes(1 << 22))
    assert 0 < opened.sent < 1 << 22
    assert is_gone(opened)


def test_a_word_that_doesnt_come_is_not_waited_for_longer_than_asked(connect: Callable[[str], Channel]) -> None:
    opened = connect(f"echo hello; echo 'a warning' >&2; {HANGS}")
    with pytest.raises(ChannelBroken, match=r"a warning\n\nit didn't answer in time"):
        opened.await_word(b"word", SOON)
    assert is_gone(opened)


def test_how_it_ended_and_what_it_said_is_kept(connect: Callable[[str], Channel]) -> None:
    opened = connect("echo printed; echo 'ssh: connect to host x port 22: Connection refused' >&2; exit 255")
    with pytest.raises(ChannelBroken) as caught:
        opened.await_word(b"word", 10)
    assert (caught.value.status, caught.value.said) == (255, "ssh: connect to host x port 22: Connection refused\n")


def test_a_login_that_says_nothing_on_its_error_output_is_quoted(connect: Callable[[str], Channel]) -> None:
    opened = connect("echo 'not available'; exit 1")
    opened._process.wait()
    with pytest.raises(ChannelBroken) as caught:
        opened.write(b"x")
    assert (caught.value.status, caught.value.said) == (1, "not available\n")


def test_what_ends_in_the_middle_of_a_session_is_not_quoted(connect: Callable[[str], Channel]) -> None:
    half = frames.encode({"reply": {}}, b"content")[:-3]
    opened = connect("printf '\\nword\\n'; " + talking(half, "exit 255"))
    opened.await_word(b"word", 10)
    with pytest.raises(ChannelBroken) as caught:
        opened.read()
    assert (caught.value.status, caught.value.said) == (255, "")


def test_a_login_that_prints_without_an_end_is_left(connect: Callable[[str], Channel]) -> None:
    opened = connect("exec yes 'a line of somebody' 2>/dev/null")
    with pytest.raises(ChannelBroken, match="prints without an end"):
        opened.await_word(b"word", 60)
    assert opened.received < 16 << 20
    assert is_gone(opened)


@pytest.mark.parametrize(
    "sent", [b"\xff" * 8 + b"x" * 100, frames.HEADER.pack(2, 0) + b"[]", frames.HEADER.pack(2, 0) + b"{,"]
)
def test_what_is_no_frame_breaks_the_connection(connect: Callable[[str], Channel], sent: bytes) -> None:
    opened = connect(talking(sent))
    with pytest.raises(ChannelBroken):
        opened.read()
    assert is_gone(opened)


def test_one_that_heeds_no_signal_is_killed(connect: Callable[[str], Channel]) -> None:
    opened = connect("trap '' TERM; printf '\\nword\\n'; while :; do sleep 600; done")
    opened.await_word(b"word", 10)
    opened.close()
    opened.close()
    assert is_gone(opened)


def test_ctrl_c_in_the_terminal_is_not_its_own(connect: Callable[[str], Channel]) -> None:
    opened = connect(HANGS)
    assert os.getsid(opened._process.pid) == opened._process.pid != os.getsid(0)


def test_bytes_go_through_both_ways_at_once(connect: Callable[[str], Channel]) -> None:
    """What is written is more than any buffer, and is read there to its end."""
    counting = (
        "import sys; n = len(sys.stdin.buffer.read(5 << 20)); sys.stdout.write('\\n%d\\n' % n); sys.stdout.flush()"
    )
    opened = connect(f'exec "{sys.executable}" -c "{counting}"'.replace("\\n", "\\\\n"))
    opened.write(bytes(5 << 20))
    opened.await_word(b"%d" % (5 << 20), 30)
    assert opened.sent == 5 << 20
