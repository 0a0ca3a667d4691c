"""HTML whose text cannot become code: whatever is put into a page goes through `text`, which escapes it."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable

VOID = ("img", "br", "wbr", "meta")
"""Elements without an end tag."""
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories of characters that cannot be seen, reorder their neighbours, or cannot be stored."""


class Markup(str):
    """Finished HTML, made by the functions of this module; any other string is text and is escaped."""


def text(content: object) -> Markup:
    """The content as escaped text; `Markup` is returned as it is.

    Example:
        >>> text("<b> & co")
        '&lt;b&gt; &amp; co'
    """
    return content if isinstance(content, Markup) else Markup(html.escape(printable(str(content))))


def element(tag: str, *content: object, **attributes: object) -> Markup:
    """An element with its content, in order; attributes are quoted and escaped.

    Args:
        tag: name of the element, a constant of the program.
        content: text, or `Markup`.
        attributes: name -> value; a final underscore of a name is dropped (``class_``).

    Example:
        >>> element("p", "a < b", class_="note")
        '<p class="note">a &lt; b</p>'
    """
    assert tag.isalnum()
    pairs = "".join(f' {name.rstrip("_")}="{text(str(value))}"' for name, value in attributes.items())
    return Markup(f"<{tag}{pairs}>" + ("" if tag in VOID else f"{joined(content)}</{tag}>"))


def joined(parts: Iterable[object]) -> Markup:
    """Several texts or pieces of `Markup`, one after the other."""
    return Markup("".join(map(text, parts)))


def breaking(name: str) -> Markup:
    """A name that may be broken into lines after its underscores."""
    return Markup(text(name).replace("_", "_<wbr>"))


def printable(content: str) -> str:
    r"""The text with hidden characters written as codes; line breaks and tabs become spaces.

    Example:
        >>> printable("a\tb\x00")
        'a b\\x00'
    """
    if content.isprintable():
        return content
    return "".join(map(_seen, content))


def _seen(character: str) -> str:
    if character in "\n\t\r":
        return " "
    return ascii(character)[1:-1] if unicodedata.category(character) in HIDDEN else character
