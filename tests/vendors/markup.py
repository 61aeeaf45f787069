"""The words of a vendor's HTML, whatever lies between them."""

from html.parser import HTMLParser

BLOCKS = frozenset({"p", "li"})


class BlockReader(HTMLParser):
    """Collects the text of each paragraph and list item."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self._is_inside = False

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        """Begin a block."""
        if tag in BLOCKS:
            self.blocks.append("")
            self._is_inside = True

    def handle_endtag(self, tag: str) -> None:
        """End it."""
        if tag in BLOCKS:
            self._is_inside = False

    def handle_data(self, data: str) -> None:
        """Add to it; what is in none is a block of its own."""
        if self._is_inside:
            self.blocks[-1] += data
        elif data.strip():
            self.blocks.append(data)


def read_blocks(html: str) -> list[str]:
    """Return the blocks of `html` without any white space."""
    reader = BlockReader()
    reader.feed(html)
    reader.close()
    return [squeeze(block) for block in reader.blocks]


def squeeze(text: str) -> str:
    """Return `text` without white space."""
    return "".join(text.split())
