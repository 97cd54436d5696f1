from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turnout.runtime import events
from turnout.runtime.script import charts
from turnout.runtime.script.exceptions import UserErrorException
from turnout.runtime.script.run import Run

MATRIX = {
    "schema_type": "confusion_matrix",
    "schema_version": "1.0.0",
    "data": {"class_labels": ["a", "b"], "matrix": [[1, 2], [3, 4]]},
}


def reference(run: Run, name: str) -> str:
    return f"aml://artifactId/ExperimentRun/dcid.{run.id}/{name}"


class Plot:
    """Like matplotlib.pyplot."""

    def savefig(self, path: str) -> None:
        Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(8))


def test_one_value_is_a_scalar_and_several_are_a_list(interactive: Run) -> None:
    interactive.log("once", 1)
    interactive.log("twice", 0.5)
    interactive.log("twice", 0.25)
    interactive.log("text", "é")
    interactive.log("none", None)
    assert interactive.get_metrics() == {"once": 1, "twice": [0.5, 0.25], "text": "é"}


def test_names_with_blanks_colons_and_quotes_are_names(interactive: Run) -> None:
    for name in ("Label:0", "mean squared error", 'say "x"', "π", "a/b"):
        interactive.log(name, 1)
        assert interactive.get_metrics(name) == {name: 1}
    assert interactive.get_metrics("unknown") == {}


def test_steps_and_descriptions_are_kept(interactive: Run) -> None:
    interactive.log("loss", 0.5, "how wrong", 3)
    interactive.log("loss", 0.25, step=np.int64(4))
    interactive.log("loss", 0.125, description="x")
    found = [event for event in interactive.record.events() if event["e"] == "metric"]
    assert [event.get("step") for event in found] == [3, 4, None]
    assert [event.get("description") for event in found] == ["how wrong", None, "x"]
    assert [point["value"] for point in events.points(found)] == [0.5, 0.25, 0.125]


def test_a_refused_value_leaves_no_trace(interactive: Run) -> None:
    interactive.log("good", 1)
    before = len(interactive.record.events())
    with pytest.raises(UserErrorException):
        interactive.log("bad", [1])
    with pytest.raises(UserErrorException):
        interactive.log("bad", 1, step="x")  # type: ignore[arg-type]
    with pytest.raises(UserErrorException):
        interactive.log("", 1)
    assert len(interactive.record.events()) == before


def numbers() -> Iterator[float]:
    yield 1.5
    yield math.nan


def test_lists_are_joined_under_one_name(interactive: Run) -> None:
    interactive.log_list("l", [1, 2])
    interactive.log_list("l", numbers(), description="d")
    interactive.log_list("l", [])
    interactive.log_list("empty", ())
    found = interactive.get_metrics()
    assert found["l"][:3] == [1, 2, 1.5]
    assert math.isnan(found["l"][3])
    assert len(found["l"]) == 4
    assert [event["value"] for event in interactive.record.events() if event.get("name") == "empty"] == [[]]


def test_rows_and_tables_are_columns(interactive: Run) -> None:
    interactive.log_row("r", x=1, y=0.5)
    assert interactive.get_metrics() == {"r": {"x": 1, "y": 0.5}}
    interactive.log_row("r", "a description", x=2, y=np.float32(1.5))
    interactive.log_table("t", {"x": [1, 2], "y": np.array([3, 4])})
    assert interactive.get_metrics() == {"r": {"x": [1, 2], "y": [0.5, 1.5]}, "t": {"x": [1, 2], "y": [3, 4]}}


def test_an_image_file_is_an_artifact_of_its_path(interactive: Run, image: Path) -> None:
    os.mkdir("plots")
    os.rename(image, "plots/a.png")
    interactive.log_image("curve", "./plots/a.png")
    interactive.log_image("absolute", path=os.path.abspath("plots/a.png"))
    assert interactive.get_metrics() == {
        "curve": reference(interactive, "plots/a.png"),
        "absolute": reference(interactive, "a.png"),
    }
    assert interactive.get_file_names() == ["a.png", "plots/a.png"]


def test_an_image_outside_the_working_directory_keeps_its_base_name(interactive: Run, image: Path) -> None:
    os.rename(image, "../outside.png")
    interactive.log_image("m", "../outside.png")
    assert interactive.get_file_names() == ["outside.png"]


def test_plots_of_one_name_and_second_are_kept_apart(interactive: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1700000000.5)
    for _ in range(3):
        interactive.log_image("loss/curve", plot=Plot())
    expected = ["loss_curve_1700000000.png", "loss_curve_1700000000_1.png", "loss_curve_1700000000_2.png"]
    assert interactive.get_file_names() == sorted(expected)
    assert interactive.get_metrics("loss/curve")["loss/curve"] == [reference(interactive, name) for name in expected]
    assert [name for name in os.listdir(interactive.layout.root) if name.startswith(".")] == []


def test_a_plot_that_fails_leaves_nothing(interactive: Run) -> None:
    class Broken:
        def savefig(self, path: str) -> None:
            Path(path).write_bytes(b"half")
            raise RuntimeError("no display")

    with pytest.raises(RuntimeError, match="no display"):
        interactive.log_image("m", plot=Broken())
    assert interactive.get_file_names() == []
    assert [name for name in os.listdir(interactive.layout.root) if name.startswith(".")] == []


@pytest.mark.parametrize("arguments", [{}, {"path": "plot.png", "plot": Plot()}])
def test_log_image_wants_exactly_one_of_path_and_plot(interactive: Run, image: Path, arguments: Any) -> None:
    with pytest.raises(UserErrorException, match="either a path or a plot"):
        interactive.log_image("m", **arguments)


def test_a_plot_without_savefig_is_refused(interactive: Run) -> None:
    with pytest.raises(UserErrorException, match="without savefig"):
        interactive.log_image("m", plot=3)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\nrest",
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"BM1234",
        b"II*\x00",
        b"MM\x00*",
        b"RIFF\x10\0\0\0WEBPVP8 ",
        b"<svg xmlns='x'>",
        b"<?xml version='1.0'?>\n<svg>",
        b"\xef\xbb\xbf<svg>",
        b"P6\n",
    ],
)
def test_images_are_known_by_their_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(content)
    charts.check_image(str(path))


@pytest.mark.parametrize("content", [b"", b"text", b"RIFF\x10\0\0\0WAVE", b"<?xml version='1.0'?><html>", b"%PDF-1.4"])
def test_other_files_are_no_images_whatever_they_are_called(interactive: Run, content: bytes) -> None:
    Path("x.png").write_bytes(content)
    with pytest.raises(UserErrorException, match="is no image"):
        interactive.log_image("m", "x.png")
    assert interactive.get_file_names() == []


def test_a_missing_image_is_named(interactive: Run) -> None:
    with pytest.raises(UserErrorException, match=r"none\.png can't be read"):
        interactive.log_image("m", "none.png")


@pytest.mark.parametrize("given_value", [MATRIX, json.dumps(MATRIX), json.dumps(MATRIX).encode()])
def test_a_confusion_matrix_is_an_artifact_named_like_the_metric(interactive: Run, given_value: Any) -> None:
    interactive.log_confusion_matrix("validation", given_value)
    assert interactive.get_metrics() == {"validation": reference(interactive, "validation")}
    assert interactive.get_metrics(populate=True) == {"validation": MATRIX}
    interactive.download_file("validation")
    assert Path("validation").read_text() == json.dumps(MATRIX)


@pytest.mark.parametrize("kind", sorted(charts.SCHEMAS))
def test_every_chart_has_its_method_and_its_schema(interactive: Run, kind: str) -> None:
    value = {"schema_type": kind, "schema_version": "1.0.1", "data": {part: [1] for part in charts.SCHEMAS[kind]}}
    getattr(interactive, "log_" + kind)("chart", value, "description")
    [metric] = [event for event in interactive.record.events() if event["e"] == "metric"]
    assert (metric["kind"], metric["value"]) == (kind, {"$artifact": "chart"})
    for part in charts.SCHEMAS[kind]:
        lacking = dict(value, data={key: [1] for key in charts.SCHEMAS[kind] if key != part})
        with pytest.raises(UserErrorException, match=f"lacks {part}"):
            getattr(interactive, "log_" + kind)("chart", lacking)


def test_arrays_in_charts_become_lists(interactive: Run) -> None:
    data = {"class_labels": np.array(["a", "b"]), "matrix": np.eye(2, dtype=np.int64)}
    interactive.log_confusion_matrix("m", dict(MATRIX, data=data))
    found = interactive.get_metrics(populate=True)["m"]["data"]
    assert found == {"class_labels": ["a", "b"], "matrix": [[1, 0], [0, 1]]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "is no JSON"),
        ([1], "is a list"),
        (dict(MATRIX, schema_type="residuals"), '"schema_type": "confusion_matrix", not \'residuals\''),
        ({"schema_type": "confusion_matrix", "data": {}}, "schema_version"),
        (dict(MATRIX, data=[1]), "lacks class_labels, matrix"),
        (dict(MATRIX, data={"class_labels": [object()], "matrix": []}), "can't be written as JSON"),
    ],
)
def test_a_chart_of_another_form_is_refused(interactive: Run, value: Any, words: str) -> None:
    with pytest.raises(UserErrorException, match=words):
        interactive.log_confusion_matrix("m", value)
    assert interactive.get_file_names() == []


def test_metrics_of_runs_below_are_found_by_id(interactive: Run) -> None:
    interactive.log("m", 1)
    child = interactive.child_run("kid")
    child.log("m", 2)
    grandchild = child.child_run()
    grandchild.log("n", 3)
    expected = {interactive.id: {"m": 1}, child.id: {"m": 2}, grandchild.id: {"n": 3}}
    assert interactive.get_metrics(recursive=True) == expected
    assert interactive.get_metrics("n", recursive=True)[grandchild.id] == {"n": 3}
    assert interactive.get_metrics(recursive=True, run_type="azureml.scriptrun") == {interactive.id: {"m": 1}}
