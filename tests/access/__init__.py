"""Who may what, how people come in, and what is written down of it."""
