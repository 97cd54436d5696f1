"""What the submitter's settings say of package indexes."""

from __future__ import annotations

import base64
import urllib.request
from pathlib import Path

import pytest

from turnout.environments import download, indexes

HOST = "packages.example:8443"


@pytest.mark.parametrize(
    ("values", "sources"),
    [
        ({"UV_INDEX_URL": f"https://me:p%40ss@{HOST}/simple"}, []),
        ({"UV_EXTRA_INDEX_URL": f"https://other.example/a https://me:p%40ss@{HOST}/simple"}, []),
        ({"UV_FIND_LINKS": f"/somewhere,https://me:p%40ss@{HOST}/files"}, []),
        ({"UV_INDEX": f"inner=https://me:p%40ss@{HOST}/simple"}, []),
        (
            {
                "UV_INDEX": f"in-ner=https://{HOST}/simple",
                "UV_INDEX_IN_NER_USERNAME": "me",
                "UV_INDEX_IN_NER_PASSWORD": "p@ss",
            },
            [],
        ),
        ({"USER_NAME": "me", "WORD": "p%40ss"}, [f"--index-url https://${{USER_NAME}}:${{WORD}}@{HOST}/simple"]),
    ],
)
def test_credentials_are_found_where_uv_finds_them(values: dict[str, str], sources: list[str]) -> None:
    assert indexes.credentials(values, sources) == {HOST: ("me", "p@ss")}


@pytest.mark.parametrize(
    ("values", "sources", "found"),
    [
        ({}, [], False),
        ({"UV_INDEX_URL": "https://packages.example/simple"}, ["--extra-index-url https://other.example/"], False),
        ({"UV_FIND_LINKS": "https://packages.example/,/somewhere"}, [], True),
        ({"UV_INDEX": "inner=file:///somewhere"}, [], True),
        ({}, ["--find-links file:///somewhere"], True),
        ({}, ["--no-index", "--trusted-host packages.example"], False),
    ],
)
def test_folders_of_this_machine_are_known(values: dict[str, str], sources: list[str], found: bool) -> None:
    assert indexes.local(values, sources) is found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://packages.example/a.whl", "me:word"),
        ("https://us%65r:other@packages.example/a.whl", "user:other"),
        ("https://elsewhere.example/a.whl", None),
    ],
)
def test_a_request_gets_the_credentials_of_its_host(tmp_path: Path, url: str, expected: str | None) -> None:
    (tmp_path / ".netrc").write_text("machine packages.example login me password word\n")
    handler = download.Credentials({}, {"HOME": str(tmp_path)})
    request = handler.https_request(urllib.request.Request(url))
    sent = request.unredirected_hdrs.get("Authorization")
    assert sent == (f"Basic {base64.b64encode(expected.encode()).decode()}" if expected else None)
    assert "@" not in request.full_url
