"""Texts cut to what HubSpot holds."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from integrations.clients.hubspot.texts import cut_html, cut_text, measure

PIECES = [
    "<p>",
    "</p>",
    "<ul><li>",
    "</li></ul>",
    "<br>",
    "&amp;",
    "&#x27;",
    "🎧",
    "a",
    "é",
    " ",
]
MARKUP = st.lists(st.sampled_from(PIECES)).map("".join)


class Balance(HTMLParser):
    """Counts what is open at the end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: object) -> None:
        """Note a tag that opens."""
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note a tag that closes."""
        if self.open[-1:] == [tag]:
            self.open.pop()


def test_what_fits_stays_as_it_is() -> None:
    """Nothing is touched that HubSpot takes, not even markup that is odd."""
    assert cut_html("<p>&", 4) == "<p>&"
    assert cut_text("four", 4) == "four"


def test_emoji_counts_as_two_characters() -> None:
    """HubSpot counts UTF-16, and half an emoji is none."""
    assert cut_text("🎧🎧🎧", 5) == "🎧🎧…"
    assert cut_text("🎧🎧🎧", 6) == "🎧🎧🎧"


def test_entity_and_tag_are_cut_out_whole() -> None:
    """What would be half an entity or half a tag is left out."""
    assert cut_html("abc&amp;defgh", 7) == "abc…"
    assert cut_html('abc<a href="x">d</a>', 12) == "abc…"


def test_open_elements_are_closed_at_the_cut() -> None:
    """The rest of the page does not end up in our list."""
    assert cut_html("<ul><li>abcdefghij</li></ul>", 22) == "<ul><li>abc…</li></ul>"


@given(MARKUP, st.integers(40, 80))
def test_cut_markup_fits_and_is_no_less_whole(markup: str, limit: int) -> None:
    """Whatever is cut keeps to the limit, and leaves nothing open at its end."""
    cut = cut_html(markup, limit)
    assert measure(cut) <= limit
    if cut != markup:
        balance = Balance()
        balance.feed(cut)
        assert not balance.open
        assert cut.count("&amp;") + cut.count("&#x27;") == cut.count("&")
