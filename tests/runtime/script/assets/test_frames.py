"""Tables: what becomes of headers, types, dates and empty values, of several files, and of steps in their order."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime.script.assets import frames, sources
from turnout.runtime.script.assets.dataset import Dataset, PromoteHeadersBehavior
from turnout.runtime.script.assets.factories import DataType
from turnout.runtime.script.exceptions import UserErrorException

Put = Callable[..., Path]
Tabular = Dataset.Tabular


@pytest.fixture
def table(store: Any, put: Put) -> Callable[..., Any]:
    """Read delimited text as a table."""

    def read(text: str | bytes, **options: Any) -> Any:
        put("t/table.csv", text)
        return Tabular.from_delimited_files((store, "t/table.csv"), **options).to_pandas_dataframe()

    return read


def test_types_are_inferred(table: Callable[..., Any]) -> None:
    frame = table("n,x,yes,word,day\n1,0.5,true,a,2020-01-02\n2,1.5,False,b,2020-01-03\n")
    assert frame.n.dtype == "int64"
    assert frame.x.dtype == "float64"
    assert frame.yes.dtype == "bool"
    assert list(frame.word) == ["a", "b"]
    assert list(frame.day) == [pandas.Timestamp("2020-01-02"), pandas.Timestamp("2020-01-03")]


def test_without_inference_all_is_text(table: Callable[..., Any]) -> None:
    frame = table("n,day\n01,2020-01-02\n", infer_column_types=False)
    assert frame.iloc[0].to_dict() == {"n": "01", "day": "2020-01-02"}


def test_a_type_that_is_set_is_not_inferred_first(table: Callable[..., Any]) -> None:
    types = {"zip": DataType.to_string(), "day": DataType.to_datetime("%d%m%Y"), "n": DataType.to_long()}
    frame = table("zip,day,n\n00501,01022020,7\n", set_column_types=types)
    assert frame.iloc[0].to_dict() == {"zip": "00501", "day": pandas.Timestamp("2020-02-01"), "n": 7}


@pytest.mark.parametrize("header", [False, PromoteHeadersBehavior.NO_HEADERS])
def test_columns_without_names_have_types_by_their_numbers(table: Callable[..., Any], header: Any) -> None:
    frame = table("007,1\n008,2\n", header=header, set_column_types={"Column1": DataType.to_string()})
    assert list(frame.columns) == ["Column1", "Column2"]
    assert list(frame.Column1) == ["007", "008"]
    assert list(frame.Column2) == [1, 2]


def test_what_has_not_the_type_that_was_set_is_empty(table: Callable[..., Any]) -> None:
    types = {
        "b": DataType.to_bool(),
        "f": DataType.to_float(decimal_mark=","),
        "l": DataType.to_long(),
        "d": DataType.to_datetime(["%Y", "%d.%m.%y"]),
    }
    frame = table("b;f;l;d\ntrue;1,5;1;2020\nno?;x;y;5.6.21\n", separator=";", set_column_types=types)
    assert frame.b[0] is True
    assert frame.isna().sum().to_dict() == {"b": 1, "f": 1, "l": 1, "d": 0}
    assert frame.f[0] == 1.5
    assert list(frame.d) == [pandas.Timestamp("2020-01-01"), pandas.Timestamp("2021-06-05")]


def test_a_type_for_a_column_that_is_not_there_is_refused_with_those_that_are(table: Callable[..., Any]) -> None:
    with pytest.raises(UserErrorException, match="names the column 'age'; there are: a, b"):
        table("a,b\n1,2\n", set_column_types={"age": DataType.to_long()})


def test_empty_values_are_missing_or_kept_as_text(table: Callable[..., Any]) -> None:
    text = "word,n\n,1\nNA,\n"
    assert table(text).isna().values.tolist() == [[True, False], [False, True]]
    kept = table(text, empty_as_string=True)
    assert kept.values.tolist() == [["", "1"], ["NA", ""]]


@pytest.mark.parametrize(
    ("values", "dates"),
    [
        (["2020-01-02T03:04:05Z", "2020-01-02T03:04:05+02:00"], True),
        (["2020-01-02 03:04", ""], True),
        (["2020-01-02", "2020-01-02 03:04:05.678"], True),
        (["2020-1-2", "2020-10-12"], True),
        (["2020-01-02", "soon"], False),
        (["2020-13-45", "2020-01-02"], False),
        (["20200102", "20200103"], False),
    ],
)
def test_only_a_column_that_is_dates_throughout_becomes_dates(
    table: Callable[..., Any], values: list[str], dates: bool
) -> None:
    frame = table("x,day\n" + "".join(f"1,{value}\n" for value in values))
    assert str(frame.day.dtype).startswith("datetime64") is dates
    if dates:
        assert frame.day.dt.tz is None


def test_a_date_with_a_zone_is_told_in_utc(table: Callable[..., Any]) -> None:
    assert table("d\n2020-01-02T03:04:05+02:00\n").d[0] == pandas.Timestamp("2020-01-02 01:04:05")


def test_a_separator_of_several_characters_is_taken_as_it_stands(table: Callable[..., Any]) -> None:
    assert table("a||b\n1||2\n", separator="||").to_dict("list") == {"a": [1], "b": [2]}


def test_lines_that_end_with_a_separator_make_no_index(table: Callable[..., Any]) -> None:
    assert table("a,b\n1,2,\n3,4,\n").to_dict("list") == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [("utf8bom", "utf-8-sig"), ("iso88591", "latin-1"), ("windows1252", "cp1252"), ("utf16", "utf-16")],
)
def test_encodings_have_the_names_of_v1(table: Callable[..., Any], encoding: str, codec: str) -> None:
    assert table("naïve\n1\n".encode(codec), encoding=encoding).columns.tolist() == ["naïve"]


def test_an_encoding_that_nobody_knows_is_refused_in_one_line(table: Callable[..., Any]) -> None:
    with pytest.raises(UserErrorException, match=r"table\.csv can't be read as delimited: unknown encoding: klingon"):
        table("a\n1\n", encoding="klingon")


def test_values_in_quotes_may_have_line_ends(table: Callable[..., Any]) -> None:
    assert table('a,b\n"1\n2",3\n').a[0] == "1\n2"


@pytest.mark.parametrize("header", ["first", 4, -1])
def test_a_header_mode_that_there_is_not_is_refused(table: Callable[..., Any], header: Any) -> None:
    with pytest.raises(UserErrorException, match="header is True, False or a PromoteHeadersBehavior"):
        table("a\n", header=header)


@pytest.mark.parametrize("separator", ["", None])
def test_an_empty_separator_is_refused(table: Callable[..., Any], separator: Any) -> None:
    with pytest.raises(UserErrorException, match="the separator is text"):
        table("a\n", separator=separator)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, {"a": ["1", "3"], "b": ["2", "4"]}),
        (PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS, {"a": ["1", "3"], "b": ["2", "4"]}),
        (PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS, {"a": ["1", "a", "3"], "b": ["2", "b", "4"]}),
        (PromoteHeadersBehavior.NO_HEADERS, {"Column1": ["a", "1", "a", "3"], "Column2": ["b", "2", "b", "4"]}),
    ],
)
def test_headers_of_several_files_are_read_as_asked(
    store: Any, put: Put, header: Any, expected: dict[str, list[str]]
) -> None:
    put("several/1.csv", "a,b\n1,2\n")
    put("several/2.csv", "a,b\n3,4\n")
    dataset = Tabular.from_delimited_files((store, "several"), header=header, infer_column_types=False)
    assert dataset.to_pandas_dataframe().to_dict("list") == expected


def test_columns_that_one_file_lacks_are_empty_there(store: Any, put: Put) -> None:
    put("several/1.csv", "a,b\n1,2\n")
    put("several/2.csv", "b,c\n3,4\n")
    frame = Tabular.from_delimited_files((store, "several/*.csv"), header=2).to_pandas_dataframe()
    assert frame.fillna(0).to_dict("list") == {"a": [1, 0], "b": [2, 3], "c": [0, 4]}


def test_an_empty_file_adds_no_rows(store: Any, put: Put) -> None:
    put("several/1.csv", "a,b\n1,2\n")
    put("several/2.csv", "")
    assert len(Tabular.from_delimited_files((store, "several")).to_pandas_dataframe()) == 1


def test_the_path_is_a_column_if_asked_for(store: Any, put: Put) -> None:
    put("several/x/1.csv", "a\n1\n")
    put("several/2.csv", "a\n2\n")
    frame = Tabular.from_delimited_files((store, "several"), include_path=True).to_pandas_dataframe()
    assert frame.to_dict("list") == {"Path": ["/2.csv", "/x/1.csv"], "a": [2, 1]}


def test_a_table_with_a_column_called_path_says_how_to_be_read(table: Callable[..., Any]) -> None:
    with pytest.raises(UserErrorException, match="has a column Path of its own; leave include_path out"):
        table("Path\n1\n", include_path=True)


@pytest.mark.parametrize("path", ["sales", "sales/*/**", "sales/France/2019/07/30/data.csv", "sales/France"])
def test_a_partition_format_is_about_the_end_of_the_path_however_the_dataset_names_it(
    store: Any, put: Put, path: str
) -> None:
    put("sales/France/2019/07/30/data.csv", "n\n1\n")
    form = "/{Country}/{Day:yyyy/MM/dd}/data.csv"
    dataset = Tabular.from_delimited_files((store, path), partition_format=form)
    assert dataset.partition_keys == ["Country", "Day"]
    row = dataset.to_pandas_dataframe().iloc[0].to_dict()
    assert row == {"n": 1, "Country": "France", "Day": pandas.Timestamp("2019-07-30")}


@pytest.mark.parametrize(
    ("form", "path", "expected"),
    [
        ("/{At:yyyy-MM-dd-HH-mm-ss}.csv", "2019-07-30-01-02-03.csv", datetime.datetime(2019, 7, 30, 1, 2, 3)),
        ("/{At:yyyyMMddHHmmss}.csv", "20190730010203.csv", datetime.datetime(2019, 7, 30, 1, 2, 3)),
        ("/{At:MMmmyyyy}.csv", "07022019.csv", datetime.datetime(2019, 7, 1, 0, 2)),
        ("/{At:yyyy.MM}/*.csv", "2019.07/x.csv", datetime.datetime(2019, 7, 1)),
    ],
)
def test_dates_of_paths_are_read_as_their_format_says(
    store: Any, put: Put, form: str, path: str, expected: Any
) -> None:
    put(path, "n\n1\n")
    assert Tabular.from_delimited_files((store, "**"), partition_format=form).to_pandas_dataframe().At[0] == expected


@pytest.mark.parametrize(
    ("path", "says"), [("x.csv", "does not have the partition format"), ("2019/13/x.csv", "has no date for Day")]
)
def test_a_path_without_its_partition_is_refused(store: Any, put: Put, path: str, says: str) -> None:
    put(path, "n\n1\n")
    dataset = Tabular.from_delimited_files((store, "**"), partition_format="/{Day:yyyy/MM}/x.csv")
    with pytest.raises(UserErrorException, match=says):
        dataset.to_pandas_dataframe()


def test_json_lines_are_read_and_bad_ones_refused_or_dropped(store: Any, put: Put) -> None:
    put("l.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2, "b": "x"}\nnot json\n[1]\n{"a": "\xff"}\n')
    with pytest.raises(UserErrorException, match=r"l\.jsonl can't be read as jsonlines: line 4"):
        Tabular.from_json_lines_files((store, "l.jsonl")).to_pandas_dataframe()
    frame = Tabular.from_json_lines_files((store, "l.jsonl"), invalid_lines="drop").to_pandas_dataframe()
    assert frame.fillna("").to_dict("list") == {"a": [1, 2], "b": ["", "x"]}


def test_json_lines_may_be_wide_characters(store: Any, put: Put) -> None:
    put("l.jsonl", '{"a": "ö"}\n{"a": "ü"}\n'.encode("utf-16"))
    dataset = Tabular.from_json_lines_files((store, "l.jsonl"), encoding="utf16")
    assert list(dataset.to_pandas_dataframe().a) == ["ö", "ü"]


def test_what_to_do_with_bad_lines_is_one_of_two_words(store: Any) -> None:
    with pytest.raises(UserErrorException, match="invalid_lines is error or drop, not 'skip'"):
        Tabular.from_json_lines_files((store, "x"), validate=False, invalid_lines="skip")


def test_parquet_files_are_read_with_their_types(store: Any, put: Put) -> None:
    made = pandas.DataFrame({"n": [1, 2], "day": pandas.to_datetime(["2020-01-01", "2020-01-02"]), "w": ["a", None]})
    buffer = io.BytesIO()
    made.to_parquet(buffer)
    put("p/1.parquet", buffer.getvalue())
    put("p/2.parquet", buffer.getvalue())
    frame = Tabular.from_parquet_files((store, "p"), set_column_types={"n": DataType.to_string()}).to_pandas_dataframe()
    assert list(frame.n) == ["1", "2", "1", "2"]
    assert frame.day[1] == pandas.Timestamp("2020-01-02")
    assert frame.w.isna().tolist() == [False, True, False, True]


def test_a_file_that_is_no_parquet_is_named(store: Any, put: Put) -> None:
    put("p/1.parquet", "not at all")
    with pytest.raises(UserErrorException, match=r"1\.parquet can't be read as parquet"):
        Tabular.from_parquet_files((store, "p")).to_pandas_dataframe()


def test_a_file_that_is_gone_is_named(store: Any, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("gone.csv", "a\n1\n")
    dataset = Tabular.from_delimited_files((store, "gone.csv"))
    look = sources.items

    def items(*arguments: Any) -> Any:
        found = look(*arguments)
        path.unlink(missing_ok=True)  # between the look and the reading
        return found

    monkeypatch.setattr(sources, "items", items)
    with pytest.raises(UserErrorException, match=r"gone\.csv can't be read: no such file or directory"):
        dataset.to_pandas_dataframe()


@pytest.fixture
def numbers(store: Any, put: Put) -> Any:
    put("numbers/1.csv", "n,m\n" + "".join(f"{n},{-n}\n" for n in range(5)))
    put("numbers/2.csv", "n,m\n" + "".join(f"{n},{-n}\n" for n in range(5, 10)))
    return Tabular.from_delimited_files((store, "numbers"))


def test_steps_are_applied_in_their_order(numbers: Any) -> None:
    assert list(numbers.take(4).skip(2).to_pandas_dataframe().n) == [2, 3]
    assert list(numbers.skip(2).take(4).to_pandas_dataframe().n) == [2, 3, 4, 5]
    assert list(numbers.skip(8).take(4).to_pandas_dataframe().n) == [8, 9]
    assert list(numbers.keep_columns("n").take(1).to_pandas_dataframe().columns) == ["n"]
    with pytest.raises(UserErrorException, match="the dataset has no column n; it has: m"):
        numbers.drop_columns("n").keep_columns(["n"]).to_pandas_dataframe()


def test_nothing_taken_is_a_table_without_rows(numbers: Any) -> None:
    frame = numbers.take(0).to_pandas_dataframe()
    assert (list(frame.columns), len(frame)) == (["n", "m"], 0)


def test_take_opens_only_the_files_that_it_needs(numbers: Any, put: Put) -> None:
    put("numbers/2.csv", b"n\n\xff\xfe\n")
    assert len(numbers.take(5).to_pandas_dataframe()) == 5
    with pytest.raises(UserErrorException, match=r"2\.csv can't be read"):
        numbers.take(6).to_pandas_dataframe()


def test_take_reads_only_the_lines_of_json_that_it_needs(store: Any, put: Put) -> None:
    put("l.jsonl", '{"a": 1}\n{"a": 2}\nbroken\n')
    dataset = Tabular.from_json_lines_files((store, "l.jsonl"))
    assert list(dataset.take(2).to_pandas_dataframe().a) == [1, 2]
    assert list(dataset.skip(1).take(1).to_pandas_dataframe().a) == [2]


def test_a_sample_before_take_needs_all_rows(numbers: Any) -> None:
    frame = numbers.take_sample(0.5, seed=3).take(3).to_pandas_dataframe()
    assert list(frame.n) == list(numbers.take_sample(0.5, seed=3).to_pandas_dataframe().n)[:3]


@given(st.integers(0, 60), st.floats(0, 1), st.integers(0, 2**40))
def test_the_parts_of_a_split_complete_each_other(count: int, share: float, seed: int) -> None:
    rows = pandas.DataFrame({"n": range(count)})
    parts = [
        frames._STEPS["split"](pandas, rows, {"percentage": share, "seed": seed, "part": part}).n.tolist()
        for part in (0, 1)
    ]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert all(part == sorted(part) for part in parts)
    again = frames._STEPS["split"](pandas, rows, {"percentage": share, "seed": seed, "part": 0})
    assert again.n.tolist() == parts[0]


def test_the_parts_of_an_empty_table_keep_its_columns(numbers: Any) -> None:
    for part in numbers.take(0).random_split(0.5):
        assert list(part.to_pandas_dataframe().columns) == ["n", "m"]


def test_a_split_without_a_seed_is_the_same_each_time_that_it_is_read(numbers: Any) -> None:
    left, right = numbers.random_split(0.5)
    assert list(left.to_pandas_dataframe().n) == list(left.to_pandas_dataframe().n)
    assert sorted([*left.to_pandas_dataframe().n, *right.to_pandas_dataframe().n]) == list(range(10))


@pytest.fixture
def times(store: Any, put: Put) -> Callable[[str], Any]:
    def made(zone: str) -> Any:
        put("t.jsonl", "".join(f'{{"at": "2020-01-0{n}T00:00:00{zone}", "n": {n}}}\n' for n in (1, 2, 3)))
        return Tabular.from_json_lines_files((store, "t.jsonl")).with_timestamp_columns("at")

    return made


@pytest.mark.parametrize("zone", ["", "Z"])
@pytest.mark.parametrize("zoned", [False, True])
def test_records_are_chosen_by_time_with_and_without_zones(times: Any, zone: str, zoned: bool) -> None:
    moment = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc if zoned else None)
    table = times(zone)
    assert list(table.time_before(moment).to_pandas_dataframe().n) == [1, 2]
    assert list(table.time_before(moment, include_boundary=False).to_pandas_dataframe().n) == [1]
    assert list(table.time_after(moment, include_boundary=False).to_pandas_dataframe().n) == [3]
    assert list(table.time_between(moment, moment).to_pandas_dataframe().n) == [2]
    assert list(table.time_recent(datetime.timedelta(days=1)).to_pandas_dataframe().n) == []


def test_a_table_without_a_column_of_times_is_not_chosen_from_by_time(numbers: Any) -> None:
    with pytest.raises(UserErrorException, match="no timestamp column; name it with with_timestamp_columns"):
        numbers.time_before(datetime.datetime(2020, 1, 1))


def test_columns_are_looked_for_at_once_if_asked(numbers: Any) -> None:
    assert numbers.keep_columns(["missing"]).id
    with pytest.raises(UserErrorException, match="the dataset has no column missing"):
        numbers.keep_columns(["missing"], validate=True)
    with pytest.raises(UserErrorException, match="the dataset has no column missing"):
        numbers.with_timestamp_columns("missing", validate=True)


@pytest.mark.parametrize("count", [-1, 1.5, True, "1"])
def test_a_number_of_records_is_a_whole_number(numbers: Any, count: Any) -> None:
    with pytest.raises(UserErrorException, match="a whole number from 0"):
        numbers.take(count)


def test_a_number_of_records_may_be_numpys(numbers: Any) -> None:
    count = pandas.Series([2]).to_numpy()[0]
    assert json.dumps(numbers.take(count)._definition["steps"]) == '[["take", {"count": 2}]]'


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "half"])
def test_a_share_is_between_0_and_1(numbers: Any, share: Any) -> None:
    with pytest.raises(UserErrorException, match="between 0 and 1"):
        numbers.random_split(share)
