"""Keys and passwords in a source directory are pointed out, before they are packed; what only sounds like them isn't."""

import os

import pytest

from turnout.snapshots import sensitive
from turnout.snapshots.survey import survey
from turnout.snapshots.take import take

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n"
OTHERS = (
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----BEGIN RSA PRIVATE KEY-----\r\n",
    b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    b"Bag Attributes\n    friendlyName: me\n-----BEGIN EC PRIVATE KEY-----\n",
    b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n",
)
LINE = (
    "the snapshot holds what looks like secrets: {}; leave them out with a line in .gitignore, and give the script what"
)


def put(source, name, content=b"x"):
    path = source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        *(".env", "config/.env", ".env.local", ".env.production", ".netrc", "_netrc", ".pypirc", ".git-credentials"),
        *("id_rsa", "keys/id_ed25519", "id_ecdsa_sk", ".aws/credentials", "a/.aws/credentials"),
        "application_default_credentials.json",
    ],
)
def test_a_name_that_says_enough(source, store_home, pack, name):
    put(source, "train.py")
    put(source, name)
    line = LINE.format(name)
    assert [notice[: len(line)] for notice in pack().notices] == [line]
    assert pack().notices == survey(str(source), store_home).notices  # again, with the stat cache; and without packing


@pytest.mark.parametrize("name", ["server.pem", "deep/server.key", "id_rsa_work", "id_ed25519.old"])
@pytest.mark.parametrize("content", [KEY, *OTHERS], ids=range(6))
def test_a_name_that_needs_a_look_and_a_key_in_it(source, pack, name, content):
    put(source, name, content)
    assert pack().notices[0].startswith(LINE.format(name))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cacert.pem", b"-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("public.pem", b"-----BEGIN PUBLIC KEY-----\n"),
        ("talk.key", b"PK\x03\x04" + b"\0" * 9000),
        ("late.pem", b"x" * 10_000 + b"\n" + KEY),
        ("quoted.pem", b"it begins with -----BEGIN PRIVATE KEY-----"),
        ("id_rsa.pub", KEY),
        ("id_rsa_test.py", b"print()"),
        ("ids_rsa", KEY),
        (".env.example", KEY),
        (".env.local.template", KEY),
        (".environment", KEY),
        ("credentials", KEY),
        ("aws/credentials", KEY),
        ("my.env", KEY),
        ("notes.md", KEY),
    ],
)
def test_what_is_none_is_not_mentioned(source, pack, name, content):
    put(source, name, content)
    assert pack().notices == []


def test_three_are_named_and_the_others_counted(source, pack):
    for name in ("d/.env", "c/.env", "b/.env", "a/.env", "e.pem"):
        put(source, name, KEY)
    assert "secrets: a/.env, b/.env, c/.env and 2 more; leave them out" in pack().notices[0]


def test_it_is_said_before_anything_is_read(source, store_home, reads):
    put(source, ".env")
    put(source, "train.py")
    when = []
    take(str(source), store_home, store_home.workspace("w"), lambda line: when.append((list(reads), line[:12])))
    assert when == [([], "the snapshot")]
    assert sorted(reads) == [".env", "train.py"]


def test_each_notice_is_reported_once(source, store_home, calm):
    put(source, ".env")
    os.mkfifo(source / "pipe")
    for _ in range(2):
        said = []
        snapshot = take(str(source), store_home, store_home.workspace("w"), said.append)
        assert said == snapshot.notices
        assert len(said) == 2


def test_what_is_left_out_is_not_mentioned(source, pack):
    put(source, ".gitignore", b".env\n/keys/\n")
    put(source, ".env")
    put(source, "keys/id_rsa")
    assert pack().notices == []


def test_an_unchanged_tree_is_not_looked_into_again(source, pack, calm, monkeypatch):
    put(source, "a/server.pem", KEY)
    put(source, "b/.env")
    put(source, "train.py")
    first = pack()
    monkeypatch.setattr(sensitive, "_holds_key", None)
    monkeypatch.setattr(sensitive, "_may_be_secret", None)
    assert pack().notices == first.notices != []


def test_what_changes_between_two_snapshots_is_seen(source, pack, calm):
    put(source, "train.py")
    put(source, "b/train.py")
    pem = put(source, "a/server.pem", b"-----BEGIN CERTIFICATE-----\n")
    assert pack().notices == []
    pem.write_bytes(KEY)  # in place: no directory changes
    assert "secrets: a/server.pem;" in pack().notices[0]
    put(source, "b/.env")
    assert "secrets: a/server.pem, b/.env;" in pack().notices[0]
    pem.unlink()
    assert "secrets: b/.env;" in pack().notices[0]
    put(source, ".gitignore", b".env\n")
    assert pack().notices == []
