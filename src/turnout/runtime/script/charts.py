"""Checks the artifacts that metrics refer to: images by their first bytes, and v1's charts by their schema."""

import json
import os

from turnout.runtime.script import values
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any

SCHEMAS = {
    "confusion_matrix": ("class_labels", "matrix"),
    "accuracy_table": (
        "probability_tables",
        "percentile_tables",
        "probability_thresholds",
        "percentile_thresholds",
        "class_labels",
    ),
    "residuals": ("bin_edges", "bin_counts"),
    "predictions": ("bin_averages", "bin_errors", "bin_counts", "bin_edges"),
}
"""The kind of a chart → what its `data` must hold. Source: the schemas that v1's documentation gives per method."""

_IMAGE_STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",  # jpeg
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\x00",  # tiff, both byte orders
    b"MM\x00*",
    b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n",  # the netpbm formats
    b"\x76\x2f\x31\x01",  # OpenEXR
)  # fmt: skip
_TEXT_BYTES = 1024


def check_image(path: str) -> None:
    """Refuse a file that is no image, by its content (v1's rule; the name says nothing).

    Raises:
        UserErrorException: it can't be read, or is none of png, jpeg, gif, bmp, tiff, webp, svg, netpbm, exr.
    """
    try:
        with open(path, "rb") as stream:
            head = stream.read(_TEXT_BYTES)
    except OSError as error:
        raise UserErrorException("run.log_image: %s can't be read: %s" % (path, error.strerror or error)) from None
    if not (head.startswith(_IMAGE_STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_svg(head)):
        raise UserErrorException(
            "run.log_image: %s is no image (png, jpeg, gif, bmp, tiff, webp, svg, netpbm, exr); "
            "run.upload_file keeps any file" % path
        )


def chart_text(kind: str, name: str, value: "Any") -> str:
    """Return the JSON text of one of v1's charts.

    Args:
        kind: a key of `SCHEMAS`, also the suffix of the method of `Run`.
        name: the metric.
        value: a dict, or its JSON text; arrays in it become lists.

    Raises:
        UserErrorException: it is no JSON, of another kind, or lacks a part.
    """
    call = "run.log_%s: metric %r" % (kind, name)
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value.decode("utf-8") if isinstance(value, bytes) else value)
        except ValueError as error:
            raise UserErrorException("%s is no JSON: %s" % (call, error)) from None
    if not isinstance(value, dict):
        raise UserErrorException("%s is a %s; give a dict or its JSON text" % (call, type(value).__name__))
    if value.get("schema_type") != kind:
        raise UserErrorException('%s needs "schema_type": "%s", not %r' % (call, kind, value.get("schema_type")))
    if not isinstance(value.get("schema_version"), str):
        raise UserErrorException('%s needs a "schema_version", such as "1.0.0"' % call)
    data = value.get("data")
    missing = [part for part in SCHEMAS[kind] if not isinstance(data, dict) or part not in data]
    if missing:
        raise UserErrorException('%s lacks %s in its "data"' % (call, ", ".join(missing)))
    try:
        return json.dumps(value, default=values.plain)
    except (TypeError, ValueError) as error:
        raise UserErrorException("%s can't be written as JSON: %s" % (call, error)) from None


def plot_name(metric: str, second: int, attempt: int) -> str:
    """Return the artifact's name for a plot: `<metric>_<unix seconds>.png` (v1's), safe as a file name.

    Args:
        metric: the metric's name.
        second: when it was logged, in unix seconds.
        attempt: 0, or a number that tells plots of one metric and second apart.
    """
    safe = "".join(character if character.isalnum() or character in "-_. " else "_" for character in metric)
    return "%s_%d%s.png" % (safe.lstrip(".")[:100] or "plot", second, "_%d" % attempt if attempt else "")


def image_name(path: str) -> str:
    """Return the artifact's name for an image file: its relative path (v1's); its base name when that leads out."""
    normal = os.path.normpath(path)
    return os.path.basename(normal) if os.path.isabs(normal) or normal.split(os.sep)[0] == os.pardir else normal


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text)
