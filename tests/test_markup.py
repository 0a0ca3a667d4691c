from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisect.markup import Markup, breaking, element, joined, printable, text


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@given(st.text())
def test_any_text_stays_text_in_content_and_attributes(content: str) -> None:
    page = read(element("p", content, title=content))
    assert page.tags == ["p"]
    assert "".join(page.words) == printable(content) and page.values == [printable(content)]


@given(st.text())
def test_any_text_can_be_stored(content: str) -> None:
    assert all(character.isprintable() or character.isspace() for character in printable(content))
    assert not set(printable(content)) & set("\n\r\x00\u2028")
    assert text(content).encode().decode() == text(content)


def test_markup_is_not_escaped_twice_and_joined_text_is_escaped() -> None:
    bold = element("b", "1 < 2")
    assert text(bold) is bold
    assert joined([bold, " & <i>"]) == "<b>1 &lt; 2</b> &amp; &lt;i&gt;"
    assert text(bold + "<script>") == "&lt;b&gt;1 &amp;lt; 2&lt;/b&gt;&lt;script&gt;", "a sum is text again"


def test_elements_without_an_end_and_names_that_break() -> None:
    assert element("img", src="x", alt='"') == '<img src="x" alt="&quot;">'
    assert element("p", "x", class_="note") == '<p class="note">x</p>'
    assert breaking("a_<b") == "a_<wbr>&lt;b" and isinstance(breaking("a"), Markup)


@pytest.mark.parametrize(
    ("hidden", "shown"), [("a\x00", "a\\x00"), ("\u202eabc", "\\u202eabc"), ("\ud800", "\\ud800"), ("a\nb", "a b")]
)
def test_hidden_characters_are_shown(hidden: str, shown: str) -> None:
    assert printable(hidden) == shown
