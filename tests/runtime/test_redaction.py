"""Whatever text a secret stands in, in whatever form tools print it, it is gone."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime import redaction

# The mask itself is no secret: a value made of its characters would be found in it.
VALUES = st.text(
    st.one_of(
        st.characters(exclude_characters="*", exclude_categories=["Cs"]),
        st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),  # bytes that are no UTF-8
    ),
    min_size=redaction.SHORTEST,
    max_size=12,
)
FORMS = (str, repr, json.dumps, lambda value: quote(value.encode("utf-8", "surrogateescape")), str.strip)


@given(st.lists(st.one_of(VALUES, st.text()), max_size=8), st.lists(VALUES, min_size=1, max_size=3), st.data())
def test_no_value_is_left_in_any_text(texts, values, data):
    said = texts.copy()
    for value in values:
        said.insert(data.draw(st.integers(0, len(said))), data.draw(st.sampled_from(FORMS))(value))
    left = redaction.redactor(values)("".join(said))
    assert not [value for value in values if value in left]


@given(VALUES, st.sampled_from(FORMS))
def test_each_form_is_found(value, form):
    said = redaction.redactor([value])(f"<{form(value)}>")
    around = set("<>*\"'") | {character for character in value if character.isspace()}
    assert not set(said) - around or len(form(value).strip()) < redaction.SHORTEST


@pytest.mark.parametrize(
    ("values", "text", "left"),
    [
        (["hunter2"], "say hunter2, hunter2!", "say ***, ***!"),
        (["abcdef", "defghi"], "<abcdefghi>", "<***>"),
        (["abab"], "<ababab>", "<***>"),
        (["p@ss/word"], "https://me:p%40ss%2Fword@host p%40ss/word", "https://me:***@host ***"),
        (['quo"te\n'], 'KeyError: \'quo"te\\n\' {"a": "quo\\"te\\n"}', 'KeyError: \'***\' {"a": "***"}'),
        (["first line\nsecond line\n"], "log: second line", "log: ***"),
        (["abc", ""], "abc", "abc"),
    ],
    ids=["plain", "overlapping", "with itself", "in a URL", "escaped", "a line of several", "too short"],
)
def test_the_forms_that_tools_print(values, text, left):
    assert redaction.redactor(values)(text) == left


def test_without_secrets_nothing_is_hidden_and_with_unknown_ones_nothing_is_said():
    assert redaction.redactor([])("text") == redaction.unknown([])("text") == "text"
    assert redaction.unknown(["TOKEN"])("text") == ""
