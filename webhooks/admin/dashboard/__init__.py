"""How all is: the start page."""
