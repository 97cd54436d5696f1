"""Reads the files of a tabular dataset into a pandas DataFrame, and applies its steps. pandas is the caller's."""

import datetime
import re

from turnout.runtime.script.assets import needs, sources
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional

PATH_COLUMN = "Path"
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\Z")
_SAMPLE = 50
_EMPTY = ["", "NaN", "nan"]

NO_HEADERS, FIRST_FILE, COMBINED, SAME_HEADERS = 0, 1, 2, 3
"""v1's PromoteHeadersBehavior."""


def read(place: "Any", definition: "Dict[str, Any]") -> "Any":
    """Return a dataset as a DataFrame.

    Args:
        place: of the dataset's workspace.
        definition: the dataset's.

    Raises:
        UserErrorException: pandas is missing, or a file can't be read.
    """
    pandas = needs.package("pandas", "reading a tabular dataset")
    steps = definition.get("steps") or []
    how = definition["read"]
    limit = _limit(steps) if how["format"] == "delimited" else None
    frames = []
    rows = 0
    names: "Optional[List[str]]" = None
    for item in sources.items(place, definition):
        if limit is not None and rows >= limit:
            break
        with item.file.storage.open(item.file.path) as stream:
            try:
                frame = _READERS[how["format"]](pandas, stream, how, names, None if limit is None else limit - rows)
            except (ValueError, UnicodeError, pandas.errors.ParserError) as error:
                raise UserErrorException("%s can't be read as %s: %s" % (item.name, how["format"], error)) from error
        if how.get("header") == FIRST_FILE and names is None:
            names = list(frame.columns)
        if how.get("partition_format"):
            frame = _partitioned(frame, how["partition_format"], "/" + item.name)
        if how.get("include_path"):
            frame.insert(0, PATH_COLUMN, "/" + item.name)
        rows += len(frame)
        frames.append(frame)
    whole = frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)
    whole = _typed(pandas, whole, how)
    for step, values in steps:
        whole = _STEPS[step](pandas, whole, values)
    return whole


def _limit(steps: "List[Any]") -> "Optional[int]":
    """Return how many rows have to be read at most, when the first steps say so."""
    skipped = 0
    for step, values in steps:
        if step == "skip":
            skipped += int(values["count"])
        elif step == "take":
            return skipped + int(values["count"])
        elif step not in ("keep", "drop", "timestamps"):
            return None
    return None


def _delimited(
    pandas: "Any", stream: "Any", how: "Dict[str, Any]", names: "Optional[List[str]]", limit: "Optional[int]"
) -> "Any":
    header = how["header"]
    own_header = header != NO_HEADERS and not (header == FIRST_FILE and names is not None)
    options: "Dict[str, Any]" = {
        "sep": how["separator"],
        "header": 0 if own_header else None,
        "encoding": how["encoding"],
        "keep_default_na": False,
        "na_values": [] if how.get("empty_as_string") else _EMPTY,
        "skip_blank_lines": True,
        "nrows": limit,
    }
    if len(how["separator"]) > 1:
        options["engine"] = "python"
    if how.get("skip_rows"):
        options["skiprows"] = how["skip_rows"]
    if not how["infer"]:
        options["dtype"] = str
    try:
        frame = pandas.read_csv(stream, **options)
    except pandas.errors.EmptyDataError:
        return pandas.DataFrame()
    if not own_header:
        frame.columns = names or ["Column%d" % (number + 1) for number in range(len(frame.columns))]
    else:
        frame.columns = [str(column) for column in frame.columns]
    return frame


def _json_lines(
    pandas: "Any", stream: "Any", how: "Dict[str, Any]", names: "Optional[List[str]]", limit: "Optional[int]"
) -> "Any":
    import json

    rows = []
    for number, line in enumerate(stream, start=1):
        text = line.decode(how["encoding"]).strip()
        if not text:
            continue
        try:
            row = json.loads(text)
            if not isinstance(row, dict):
                raise ValueError("it is no JSON object")
        except ValueError as error:
            if how["invalid_lines"] == "drop":
                continue
            raise ValueError("line %d: %s" % (number, error)) from error
        rows.append(row)
    return pandas.DataFrame(rows)


def _parquet(
    pandas: "Any", stream: "Any", how: "Dict[str, Any]", names: "Optional[List[str]]", limit: "Optional[int]"
) -> "Any":
    import io

    needs.package("pyarrow", "reading Parquet files")
    return pandas.read_parquet(io.BytesIO(stream.read()))


_READERS = {"delimited": _delimited, "jsonlines": _json_lines, "parquet": _parquet}


def _typed(pandas: "Any", frame: "Any", how: "Dict[str, Any]") -> "Any":
    """Give columns their types: those that were set, and dates where types are inferred (v1's rule)."""
    asked = how.get("types") or {}
    for column, kind in asked.items():
        if column not in frame.columns:
            raise UserErrorException(
                "set_column_types names the column %r; there are: %s" % (column, ", ".join(map(str, frame.columns)))
            )
        frame[column] = _converted(pandas, frame[column], kind)
    if how["format"] == "delimited" and how["infer"]:
        for column in frame.columns:
            if column not in asked and _looks_like_dates(frame[column]):
                converted = pandas.to_datetime(frame[column], errors="coerce", utc=True)
                if converted.isna().sum() == frame[column].isna().sum():
                    frame[column] = converted.dt.tz_localize(None)
    return frame


def _looks_like_dates(column: "Any") -> bool:
    if str(column.dtype) not in ("object", "str", "string"):
        return False
    first = [value for value in column.head(_SAMPLE) if isinstance(value, str)]
    return bool(first) and all(_DATE.match(value) for value in first)


def _converted(pandas: "Any", column: "Any", kind: "Dict[str, Any]") -> "Any":
    """Return a column of another type; what can't be converted becomes empty, as in v1."""
    name = kind["type"]
    if name == "string":
        return column.map(lambda value: value if value is None or value != value else str(value))
    if name == "bool":
        words = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
        return column.map(lambda value: words.get(str(value).strip().lower()))
    if name == "datetime":
        formats = kind.get("formats") or [None]
        result = None
        for form in formats:
            found = pandas.to_datetime(column, format=form, errors="coerce")
            result = found if result is None else result.fillna(found)
        return result
    if name == "float" and kind.get("decimal_mark", ".") == ",":
        column = column.map(lambda value: value.replace(",", ".") if isinstance(value, str) else value)
    numbers = pandas.to_numeric(column, errors="coerce")
    if name == "long" and not numbers.isna().any():
        return numbers.astype("int64")
    return numbers


def _partitioned(frame: "Any", form: str, name: str) -> "Any":
    """Add the columns that a partition format takes from a file's path: `/{Country}/{Day:yyyy/MM/dd}/data.csv`."""
    columns, expression, dates = partition(form)
    found = expression.search(name)
    if found is None:
        raise UserErrorException("the path %s does not have the partition format %s" % (name, form))
    for position, column in enumerate(columns):
        text = found.group(position + 1)
        if column in dates:
            frame[column] = datetime.datetime.strptime(text, dates[column])
        else:
            frame[column] = text
    return frame


def partition(form: str) -> "Any":
    """Return a partition format's columns, the regular expression that finds them in a path, and strptime's form of dates."""
    columns: "List[str]" = []
    dates: "Dict[str, str]" = {}
    words = []
    for part in re.split(r"(\{[^}]*\})", form):
        if not part.startswith("{"):
            words.append(".*".join(re.escape(piece) for piece in part.split("*")))
            continue
        column, _, date = part[1:-1].partition(":")
        columns.append(column)
        if not date:
            words.append("([^/]+)")
            continue
        for letters, code in (("yyyy", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S")):
            date = date.replace(letters, code)
        dates[column] = date
        words.append("(%s)" % re.sub(r"%\w", lambda code: r"\d{4}" if code.group() == "%Y" else r"\d{2}", date))
    return columns, re.compile("".join(words)), dates


def _columns(frame: "Any", asked: "List[str]") -> "List[str]":
    missing = [column for column in asked if column not in frame.columns]
    if missing:
        raise UserErrorException(
            "the dataset has no column %s; it has: %s" % (", ".join(missing), ", ".join(map(str, frame.columns)))
        )
    return asked


def _drawn(step: str) -> "Any":
    def apply(pandas: "Any", frame: "Any", values: "Dict[str, Any]") -> "Any":
        keep = list(sources.drawn(len(frame), step, values))
        return frame[keep].reset_index(drop=True)

    return apply


def _time(pandas: "Any", frame: "Any", values: "Dict[str, Any]") -> "Any":
    column = pandas.to_datetime(frame[_columns(frame, [values["column"]])[0]])
    keep = column.notna()
    for name, inclusive in (("after", values.get("with_after")), ("before", values.get("with_before"))):
        if values.get(name) is not None:
            moment = pandas.Timestamp(values[name])
            over = column >= moment if inclusive else column > moment
            under = column <= moment if inclusive else column < moment
            keep &= over if name == "after" else under
    return frame[keep].reset_index(drop=True)


_STEPS = {
    "keep": lambda pandas, frame, values: frame[_columns(frame, values["columns"])],
    "drop": lambda pandas, frame, values: frame.drop(columns=_columns(frame, values["columns"])),
    "take": lambda pandas, frame, values: frame.head(values["count"]),
    "skip": lambda pandas, frame, values: frame.iloc[values["count"] :].reset_index(drop=True),
    "split": _drawn("split"),
    "sample": _drawn("sample"),
    "time": _time,
    "timestamps": lambda pandas, frame, values: frame,
}
