from __future__ import annotations

import io
import os
import sys
import threading

import pytest

from turnout.cli import streams


@pytest.fixture
def pipe():
    """A pipe, as the descriptor of its reader and a text stream over its writer."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, stream
    try:
        os.close(reader)
    except OSError:
        pass


def test_all_bytes_arrive_where_the_stream_does_not_block(pipe):
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    data = os.urandom(1 << 20)
    output = streams.Output(stream)
    writing = threading.Thread(target=lambda: (output.write(data), stream.close()))
    writing.start()
    with os.fdopen(os.dup(reader), "rb") as received:
        assert received.read() == data
    writing.join()


def test_text_that_was_printed_before_stays_before(pipe):
    reader, stream = pipe
    print("first", file=stream)
    streams.Output(stream).write(b"second\n")
    assert os.read(reader, 100) == b"first\nsecond\n"


def test_a_reader_that_left_ends_the_output_and_the_last_flush_is_no_error(pipe):
    reader, stream = pipe
    os.close(reader)
    with pytest.raises(streams.OutputGone) as gone:
        streams.Output(stream).write(b"text")
    assert gone.value.exit_code == 141
    assert gone.value.reason == "broken pipe"
    print("more", file=stream, flush=True)


def test_a_full_disk_ends_the_output_too():
    with open("/dev/full", "w") as stream, pytest.raises(streams.OutputGone) as gone:
        streams.Output(stream).write(b"text")
    assert gone.value.reason == "no space left on device"


def test_a_stream_in_memory_will_do():
    stream = io.TextIOWrapper(io.BytesIO())
    streams.Output(stream).write(b"text")
    assert stream.buffer.getvalue() == b"text"


def test_a_message_to_nobody_is_dropped(pipe, monkeypatch):
    reader, stream = pipe
    os.close(reader)
    discarded = []
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(streams, "discard", discarded.append)
    streams.say("is anybody there?")
    assert discarded == [2]
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())  # what was not said is still in the stream when that is closed
    os.close(null)
