"""What would stand in the log: lines as the product's own handler formats them."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def read_log() -> Iterator[io.StringIO]:
    """Give the text that is logged in the block, from any thread of this process."""
    root, text = logging.getLogger(), io.StringIO()
    formatters = {type(handler): handler.formatter for handler in root.handlers}
    handler = logging.StreamHandler(text)
    handler.setFormatter(formatters[logging.StreamHandler])
    root.addHandler(handler)
    try:
        yield text
    finally:
        root.removeHandler(handler)
