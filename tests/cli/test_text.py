import pytest

from turnout.cli import text


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (None, "-"),
        (-1, "0.00 s"),
        (0, "0.00 s"),
        (0.4239, "0.42 s"),
        (0.994, "0.99 s"),
        (0.996, "1 s"),
        (4.24, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m 0 s"),
        (72, "1 m 12 s"),
        (3599.7, "1 h 0 m"),
        (7500, "2 h 5 m"),
        (86399.9, "1 d 0 h"),
        (273600, "3 d 4 h"),
    ],
)
def test_durations_read_in_their_two_largest_units(seconds, read):
    assert text.duration(seconds) == read


@pytest.mark.parametrize(
    ("count", "read"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (38_123_456, "38.1 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**18, "1000.0 PB"),
    ],
)
def test_sizes_are_decimal(count, read):
    assert text.size(count) == read


def test_times_are_local_for_people_and_utc_for_programs(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert text.local_time(1_700_000_000.25) == "2023-11-15 03:43:20"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert text.iso_time(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
    assert text.iso_time(1_700_000_000.9996) == "2023-11-14T22:13:21.000Z"
    assert text.local_time(None) == "-"
    assert text.iso_time(None) is None


def test_what_a_terminal_would_obey_is_not_printed():
    assert (
        text.plain("a\x1b[31mb\x9bc\x07")
        == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    )
    assert text.plain("two\nlines\there") == "two lines here"
    assert text.plain("naïve 日本") == "naïve 日本"
    assert text.plain(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\udce9"
    assert text.plain({"a": [1, None]}) == '{"a": [1, null]}'


def test_json_has_words_for_what_it_lacks():
    value = {"a": float("nan"), "b": [float("inf"), -float("inf"), 1.5], 3: None}
    assert text.strict(value) == {"a": "NaN", "b": ["Infinity", "-Infinity", 1.5], "3": None}


def test_numbers_are_short_in_tables_and_exact_point_by_point():
    assert (text.number(3295.7123456), text.number(1e-9), text.number(7), text.number(True)) == (
        "3295.71",
        "1e-09",
        "7",
        "True",
    )
    assert (text.exact(0.1 + 0.2), text.exact(7), text.exact("x")) == ("0.30000000000000004", "7", "x")
