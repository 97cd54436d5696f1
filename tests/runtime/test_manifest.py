"""The manifest's format, and what it refuses to read."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime import manifest
from turnout.runtime.manifest import Entry

DIGEST = "ab" * 32
NAMES = st.binary(min_size=1, max_size=6).filter(lambda name: not set(name) & set(b"\0/") and name not in (b".", b".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/".join(parts)))
FILES = st.builds(Entry, st.sampled_from("fx"), st.just(DIGEST), st.integers(0, 1 << 62), PATHS)
LINKS = st.builds(Entry, st.just("l"), st.binary(min_size=1).map(os.fsdecode), st.just(0), PATHS)
DIRECTORIES = st.builds(Entry, st.just("d"), st.just(""), st.just(0), PATHS)
ENTRIES = st.lists(FILES | LINKS | DIRECTORIES, max_size=8, unique_by=lambda entry: entry.path)


@given(ENTRIES)
def test_entries_survive(entries):
    data = manifest.serialise(entries)
    assert manifest.parse(data) == sorted(entries, key=lambda entry: os.fsencode(entry.path))


@given(ENTRIES)
def test_the_id_does_not_depend_on_the_order(entries):
    assert manifest.digest(manifest.serialise(entries)) == manifest.digest(manifest.serialise(entries[::-1]))


def test_the_format_is_the_documented_one():
    entries = [Entry("l", "a b", 0, "link"), Entry("f", DIGEST, 7, "a\nb c"), Entry("d", "", 0, "empty")]
    rows = [b"turnout-manifest 1", b"f %s 7 a\nb c" % DIGEST.encode(), b"d - 0 empty", b"l a%20b 0 link", b""]
    assert manifest.serialise(entries) == b"\0".join(rows)


def test_a_record_gives_back_path_and_digest():
    row = manifest.record("f", DIGEST, 7, b"a b/c d")
    assert (manifest.path_in(row), manifest.digest_in(row)) == (b"a b/c d", DIGEST)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "./a", "a//b", "a/", ""])
def test_a_path_that_leads_out_is_refused(path):
    data = manifest.join([b"f %s 1 %s" % (DIGEST.encode(), path.encode())])
    with pytest.raises(manifest.ManifestError, match="a path outside the tree"):
        manifest.parse(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not a snapshot manifest"),
        (b"turnout-manifest 2\0", "not a snapshot manifest of version 1"),
        (b"turnout-manifest 1\0f %s 1 a" % DIGEST.encode(), "not a snapshot manifest"),
        (b"turnout-manifest 1\0f a\0", "a broken record"),
        (b"turnout-manifest 1\0f %s many a\0" % DIGEST.encode(), "a broken record"),
        (b"turnout-manifest 1\0p - 0 a\0", "unknown kind 'p'"),
        (b"turnout-manifest 1\0f ../../../etc/passwd 1 a\0", "is no digest"),
        (b"turnout-manifest 1\0f - 1 a\0", "is no digest"),
    ],
)
def test_what_is_no_manifest_is_refused(data, what):
    with pytest.raises(manifest.ManifestError, match=what):
        manifest.parse(data)
