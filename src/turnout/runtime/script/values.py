"""Says what may be logged, and turns it into plain Python values that JSON can hold.

Never imports numpy, torch or pandas: an array is known by having a `dtype` and a `shape`. What v1 silently turned
into its `repr` (dicts, tuples, any object) is refused with the way out, so that no chart is lost to a typing slip.
"""

from turnout.runtime.script import writer
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, List

_MAX_BITS = 4300 * 3
"""Larger integers are refused: Python 3.11 reads no decimal text of more than 4300 digits back (3.3 bits each)."""

_SMALL = 1 << 63
_RESERVED = "$float"


def metric_name(name: "Any") -> str:
    """Return a metric's name. Raises UserErrorException for anything but a string that isn't empty."""
    if not isinstance(name, str) or not name:
        raise UserErrorException("a metric's name must be a string that isn't empty, not %r" % (name,))
    return str.__str__(name)


def scalar_text(name: str, value: "Any") -> str:
    """Return the JSON text of a value given to `run.log`; plain floats and integers take the short way."""
    kind = type(value)
    if kind is float:
        if value - value == 0.0:  # finite
            return repr(value)
    elif kind is int and -_SMALL < value < _SMALL:
        return repr(value)
    return writer.json_text(scalar("log", "metric %r" % (name,), value))


def scalar(call: str, what: str, value: "Any") -> "Any":
    """Return `value` as a bool, int, float, str or None.

    Scalars of numpy and its kin, and their arrays of one element, give that element; Decimal and Fraction give the
    nearest float. NaN and infinities stay, integers stay exact.

    Args:
        call: the method of `Run` that was called, for the error.
        what: what the value is, for the error.
        value: what the script gave.

    Raises:
        UserErrorException: bytes, a collection, or an object that is no number or string.
    """
    if value is None or isinstance(value, (bool, float)):
        return value if type(value) is bool or value is None else float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _integer(call, what, int(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise _refused(call, what, "is bytes; decode it, or keep it with run.upload_file")
    if is_array(value):
        return _element(call, what, value)
    if hasattr(value, "keys"):
        raise _refused(call, what, "run.%s does not support %s type. Use run.log_row or run.log_table instead", value)
    if hasattr(value, "__iter__") or hasattr(value, "__next__"):
        raise _refused(call, what, "run.%s does not support %s type. Use run.log_list instead", value)
    return _number(call, what, value)


def is_array(value: "Any") -> bool:
    """Say whether `value` is an array or a scalar of numpy, torch, pandas, tensorflow or the like."""
    return hasattr(value, "dtype") and hasattr(value, "shape")


def sequence(call: str, what: str, value: "Any") -> "List[Any]":
    """Return a list, tuple, range, generator or one-dimensional array as a list of scalars; it may be empty.

    Raises:
        UserErrorException: no sequence, an array of more than one dimension, or an item that is no scalar.
    """
    if isinstance(value, (str, bytes, bytearray, memoryview)) or (hasattr(value, "keys") and not is_array(value)):
        raise _refused(call, what, "is a %s; give a list, tuple, range, generator or array" % _kind(value))
    if is_array(value):
        value = _flat(call, what, value)
    try:
        items = iter(value)
    except TypeError:
        raise _refused(
            call, what, "is a %s; give a list, tuple, range, generator or array, or use run.log" % _kind(value)
        ) from None
    return [
        item if type(item) is float or item is None else scalar(call, "%s, item %d" % (what, position), item)
        for position, item in enumerate(items)
    ]


def row(name: str, columns: "Dict[str, Any]") -> "Dict[str, Any]":
    """Return the columns of one row of a table as scalars. Raises UserErrorException, for a list in a column too."""
    if not columns:
        raise UserErrorException("run.log_row: metric %r has no columns; give them as keyword arguments" % name)
    found = {}
    for column, value in columns.items():
        found[_column(name, column)] = scalar("log_row", "metric %r, column %r" % (name, column), value)
    return found


def table(name: str, value: "Any") -> "Dict[str, List[Any]]":
    """Return a table as a dict of columns of one length; a dict of scalars is a table of one row.

    Raises:
        UserErrorException: no dict, no columns, columns of different lengths, or an item that is no scalar.
    """
    if not hasattr(value, "items"):
        raise UserErrorException("run.log_table: metric %r is a %s; give a dict of columns" % (name, _kind(value)))
    found = {}
    for column, items in value.items():
        what = "metric %r, column %r" % (name, column)
        found[_column(name, column)] = (
            sequence("log_table", what, items) if _is_column(items) else [scalar("log_table", what, items)]
        )
    if not found:
        raise UserErrorException("run.log_table: metric %r has no columns; give a dict of columns" % name)
    if len({len(items) for items in found.values()}) > 1:
        lengths = ", ".join("%s: %d" % (column, len(items)) for column, items in found.items())
        raise UserErrorException("run.log_table: the columns of metric %r differ in length (%s)" % (name, lengths))
    return found


def step(name: str, value: "Any") -> "Any":
    """Return a metric's step as an integer. Raises UserErrorException for anything else."""
    number = scalar("log", "the step of metric %r" % (name,), value)
    if isinstance(number, float) and number == number // 1:
        number = int(number)
    if not isinstance(number, int):
        raise UserErrorException("run.log: the step of metric %r must be an integer, not %r" % (name, value))
    return int(number)


def plain(value: "Any") -> "Any":
    """Return an array or a scalar of numpy and its kin as lists and numbers; for the json module's `default`."""
    if is_array(value) and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError("a %s has no JSON form" % _kind(value))


def _element(call: str, what: str, value: "Any") -> "Any":
    count = 1
    for size in value.shape:
        count *= int(size)
    if count != 1:
        raise _refused(call, what, "run.%s does not support %s type. Use run.log_list instead", value)
    _check_no_time(call, what, value)
    element = value.item() if hasattr(value, "item") else value.numpy()
    if type(element) is type(value):  # numpy.longdouble, whose element is of its own kind
        return _number(call, what, element)
    return scalar(call, what, element)


def _flat(call: str, what: str, value: "Any") -> "Any":
    dimensions = len(value.shape)
    if dimensions != 1:
        way_out = "use run.log" if dimensions == 0 else "log it row by row, or with run.log_table"
        raise _refused(call, what, "is an array of %d dimensions; give one of 1, or %s" % (dimensions, way_out))
    _check_no_time(call, what, value)
    return value.tolist() if hasattr(value, "tolist") else list(value)


def _check_no_time(call: str, what: str, value: "Any") -> None:
    if getattr(value.dtype, "kind", "") in ("m", "M"):  # their elements may be bare integers
        raise _refused(call, what, "is a time; log it as a string, or as a number of seconds")


def _integer(call: str, what: str, value: int) -> int:
    if value.bit_length() > _MAX_BITS:
        raise _refused(call, what, "is an integer of %d bits; log it as a float or a string" % value.bit_length())
    return value


def _number(call: str, what: str, value: "Any") -> "Any":
    """Return what an object that is no number itself can be turned into."""
    try:
        if hasattr(value, "__index__"):
            return _integer(call, what, value.__index__())
        if hasattr(value, "__float__"):
            number = float(value)
            if number - number == 0.0 or value == number or value != value:
                return number
    except (TypeError, ValueError, ArithmeticError):
        pass
    way_out = "give a number, a string, a bool or None (str(value) for its text)"
    raise _refused(call, what, "is a %s; %s" % (_kind(value), way_out))


def _is_column(items: "Any") -> bool:
    if isinstance(items, (str, bytes, bytearray)):
        return False
    return bool(items.shape) if is_array(items) else hasattr(items, "__iter__") or hasattr(items, "__next__")


def _column(name: str, column: "Any") -> str:
    text = str(column)
    if text == _RESERVED:
        raise UserErrorException("metric %r: a column can't be called %s" % (name, _RESERVED))
    return text


def _kind(value: "Any") -> str:
    return type(value).__name__


def _refused(call: str, what: str, why: str, value: "Any" = None) -> UserErrorException:
    if value is not None:
        why = why % (call, _kind(value))
        return UserErrorException("%s: %s" % (what, why))
    return UserErrorException("run.%s: %s %s" % (call, what, why))
