"""What crosses a connection: a JSON object and bytes that belong to it.

A frame is two lengths (32 bits each, network order), the object as UTF-8, and the content.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Dict, Optional, Tuple

HEADER = struct.Struct(">II")
LIMIT = 64 << 20
"""Bytes of an object, and of a content, at most: a length beyond it is no frame."""


class FrameError(ValueError):
    """What came is no frame."""


def encode(value: Dict[str, Any], content: bytes = b"") -> bytes:
    """Return a frame."""
    text = json.dumps(value).encode("ascii")
    return b"".join((HEADER.pack(len(text), len(content)), text, content))


def lengths(header: bytes) -> Tuple[int, int]:
    """Return the lengths of object and content. Raises FrameError when they can't be meant."""
    text, content = HEADER.unpack(header)
    if not 2 <= text <= LIMIT or content > LIMIT:
        raise FrameError("a frame of %d and %d bytes" % (text, content))
    return text, content


def decode(text: bytes) -> Dict[str, Any]:
    """Return a frame's object. Raises FrameError when it is none."""
    try:
        value = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise FrameError(str(error)) from error
    if not isinstance(value, dict):
        raise FrameError("a frame without an object")
    return value


def read(stream: BinaryIO) -> Optional[Tuple[Dict[str, Any], bytes]]:
    """Return the next frame of a blocking stream; None at its end, also when that comes within a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length, size = lengths(header)
    text, content = stream.read(length), stream.read(size) if size else b""
    if len(text) < length or len(content) < size:
        return None
    return decode(text), content
