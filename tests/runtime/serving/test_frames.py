from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime.serving import frames

_VALUES = st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text())))


@given(st.lists(st.tuples(_VALUES, st.binary(max_size=64)), max_size=4))
def test_frames_follow_each_other_and_are_read_as_they_were(sent: list[tuple[dict, bytes]]) -> None:
    stream = io.BytesIO(b"".join(frames.encode(*each) for each in sent))
    assert [frames.read(stream) for _ in sent] == sent
    assert frames.read(stream) is None


@given(_VALUES, st.binary(max_size=16), st.data())
def test_a_stream_that_ends_within_a_frame_has_ended(value: dict, content: bytes, data: st.DataObject) -> None:
    whole = frames.encode(value, content)
    kept = data.draw(st.integers(0, len(whole) - 1))
    assert frames.read(io.BytesIO(whole[:kept])) is None


@pytest.mark.parametrize("sizes", [(0, 0), (1, 0), (frames.LIMIT + 1, 0), (2, frames.LIMIT + 1)])
def test_lengths_that_no_frame_has_are_refused_before_anything_is_read(sizes: tuple[int, int]) -> None:
    with pytest.raises(frames.FrameError, match="a frame of"):
        frames.lengths(frames.HEADER.pack(*sizes))
    stream = io.BytesIO(frames.HEADER.pack(*sizes) + b"rest")
    with pytest.raises(frames.FrameError):
        frames.read(stream)
    assert stream.read() == b"rest"


def test_the_longest_frame_is_one() -> None:
    assert frames.lengths(frames.HEADER.pack(frames.LIMIT, frames.LIMIT)) == (frames.LIMIT, frames.LIMIT)


@pytest.mark.parametrize("text", [b"{,", b"[]", b'"text"', b"null", b"\xff\xfe"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.decode(text)


def test_names_of_files_that_are_no_text_survive() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    frame = frames.encode({"name": name})
    assert frames.read(io.BytesIO(frame)) == ({"name": name}, b"")
    assert json.loads(frame[frames.HEADER.size :]) == {"name": name}
