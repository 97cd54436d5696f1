"""Reads the files of a tabular dataset into a pandas DataFrame, and applies its steps. pandas is the caller's."""

import codecs
import datetime
import re
import warnings

from turnout.runtime.script.assets import needs, sources
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List, Optional

PATH_COLUMN = "Path"
_DATE_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\Z")
_SAMPLE = 50
_EMPTY = ["", "NaN", "nan"]
_V1_ENCODINGS = {"iso88591": "iso-8859-1", "utf8bom": "utf-8-sig", "windows1252": "cp1252"}

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
    limit = _limit(steps)
    frames: "List[Any]" = []
    rows = 0
    names: "Optional[List[str]]" = None
    for item in sources.items(place, definition):
        if limit is not None and rows >= limit and frames:
            break
        with item.file.storage.open(item.file.path) as stream:
            try:
                frame = _READERS[how["format"]](pandas, stream, how, names, None if limit is None else limit - rows)
            except (ValueError, LookupError, pandas.errors.ParserError) as error:
                words = " ".join(str(error).split())
                raise UserErrorException("%s can't be read as %s: %s" % (item.name, how["format"], words)) from error
        if how.get("header") == FIRST_FILE and names is None:
            names = list(frame.columns)
        if how.get("partition_format"):
            frame = _partitioned(frame, how["partition_format"], "/" + item.file.path)
        if how.get("include_path"):
            if PATH_COLUMN in frame.columns:
                raise UserErrorException(
                    "%s has a column %s of its own; leave include_path out" % (item.name, PATH_COLUMN)
                )
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
    separator = how["separator"]
    options: "Dict[str, Any]" = {
        "sep": re.escape(separator) if len(separator) > 1 else separator,
        "header": 0 if own_header else None,
        "index_col": False,  # a line that ends with a separator makes no index of the first column
        "encoding": _encoding(how),
        "keep_default_na": False,
        "na_values": [] if how.get("empty_as_string") else _EMPTY,
        "skip_blank_lines": True,
        "nrows": limit,
    }
    if len(separator) > 1:
        options["engine"] = "python"
    if how.get("skip_rows"):
        options["skiprows"] = how["skip_rows"]
    if how["infer"]:
        # What is to have a type that was set is read as it stands: 007 stays that, as text.
        asked = how.get("types") or {}
        options["dtype"] = {_position(column, own_header, names): str for column in asked}
    else:
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


def _position(column: str, own_header: bool, names: "Optional[List[str]]") -> "Any":
    """Return what pandas calls a column while it reads: its name, or its number where the file has no names."""
    if own_header:
        return column
    if names:
        return names.index(column) if column in names else column
    return int(column[6:]) - 1 if re.match(r"Column\d+\Z", column) else column


def _encoding(how: "Dict[str, Any]") -> str:
    """Return an encoding by Python's name for it, or by v1's."""
    return _V1_ENCODINGS.get(how["encoding"], str(how["encoding"]))


def _json_lines(
    pandas: "Any", stream: "Any", how: "Dict[str, Any]", names: "Optional[List[str]]", limit: "Optional[int]"
) -> "Any":
    import json

    rows: "List[Any]" = []
    encoding = _encoding(how)
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))  # their line ends are no single byte
    lines = stream.read().decode(encoding).encode("utf-8").split(b"\n") if wide else stream
    for number, line in enumerate(lines, start=1):
        if limit is not None and len(rows) >= limit:
            break
        try:
            text = line.decode("utf-8" if wide else encoding).strip().lstrip("\ufeff")
            if not text:
                continue
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
                frame[column] = _dates(pandas, frame[column])
    return frame


def _dates(pandas: "Any", column: "Any") -> "Any":
    """Return a column of ISO dates as dates, in UTC where they have zones; as it is when some are none."""
    ways: "List[Dict[str, Any]]" = [{}]
    if int(pandas.__version__.split(".", 1)[0]) >= 2:
        ways.insert(0, {"format": "ISO8601"})  # with and without a time side by side
    for way in ways:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where it can't guess the form
            converted = pandas.to_datetime(column, errors="coerce", utc=True, **way)
        if converted.isna().sum() == column.isna().sum():
            return converted.dt.tz_localize(None)
    return column


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
    """Add the columns that a partition format takes from a file's path in its datastore.

    The format `/{Country}/{Day:yyyy/MM/dd}/data.csv` is about the end of the path (v1's rule).
    """
    columns, expression, dates = partition(form)
    found = re.search(expression + r"\Z", name) or re.search(expression, name)
    if found is None:
        raise UserErrorException("the path %s does not have the partition format %s" % (name, form))
    for position, column in enumerate(columns):
        text = found.group(position + 1)
        if column in dates:
            try:
                frame[column] = datetime.datetime.strptime(text, dates[column])
            except ValueError:
                raise UserErrorException("the path %s has no date for %s: %s" % (name, column, text)) from None
        else:
            frame[column] = text
    return frame


def partition(form: str) -> "Any":
    """Return a partition format's columns, a regular expression that finds them in a path, and strptime's form of dates."""
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
        pieces = re.split("(%s)" % "|".join(_DATE_PARTS), date)
        dates[column] = "".join(_DATE_PARTS.get(piece, piece.replace("%", "%%")) for piece in pieces)
        digits = [r"\d{%d}" % len(piece) if piece in _DATE_PARTS else re.escape(piece) for piece in pieces]
        words.append("(%s)" % "".join(digits))
    return columns, "".join(words), dates


def _columns(frame: "Any", asked: "List[str]") -> "List[str]":
    missing = [column for column in asked if column not in frame.columns]
    if missing:
        raise UserErrorException(
            "the dataset has no column %s; it has: %s" % (", ".join(missing), ", ".join(map(str, frame.columns)))
        )
    return asked


def _drawn(step: str) -> "Any":
    def apply(pandas: "Any", frame: "Any", values: "Dict[str, Any]") -> "Any":
        drawn = sources.drawn(len(frame), step, values)
        return frame.iloc[[row for row, keep in enumerate(drawn) if keep]].reset_index(drop=True)

    return apply


def _time(pandas: "Any", frame: "Any", values: "Dict[str, Any]") -> "Any":
    column = pandas.to_datetime(frame[_columns(frame, [values["column"]])[0]], utc=True)
    keep = column.notna()
    for name, inclusive in (("after", values.get("with_after")), ("before", values.get("with_before"))):
        if values.get(name) is not None:
            moment = pandas.to_datetime(values[name], utc=True)  # without a zone, a time is UTC
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
