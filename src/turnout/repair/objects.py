"""Objects whose content no longer has the digest that names them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from turnout.repair.finding import Examination, Finding, names
from turnout.runtime.objects import ObjectStore, StoreError, file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIX, _REST = 2, 62


def damaged(examination: Examination) -> Iterator[Finding]:
    """Read every object, if that is asked for; a damaged one is set aside, and the next snapshot stores it anew."""
    if not examination.objects:
        return
    root = examination.home.objects
    store = ObjectStore(root)
    for prefix in names(root):
        if len(prefix) != _PREFIX:
            continue
        for rest in names(os.path.join(root, prefix)):
            digest = prefix + rest
            if len(rest) == _REST and _digest(store.path(digest)) != digest:
                yield Finding(store.path(digest), "its content has another digest", mend=_set_aside(store, digest))


def _digest(path: str) -> str:
    try:
        return file_digest(path)
    except FileNotFoundError:
        return path[-_REST - _PREFIX - 1 :].replace("/", "")  # removed meanwhile: nothing to say


def _set_aside(store: ObjectStore, digest: str) -> Callable[[], str]:
    def mend() -> str:
        try:
            store.set_aside(digest)
        except StoreError as error:
            raise error.error from error
        return "set aside; a submit from the sources stores it anew"

    return mend
