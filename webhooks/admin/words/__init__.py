"""Say what happened to a row, whose fault it was and what to do, in words for people."""
