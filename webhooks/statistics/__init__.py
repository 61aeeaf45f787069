"""Count what happens, so that a page can show a week of it at once."""
