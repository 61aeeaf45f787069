"""How vendors are called over HTTP: time, size, address and words are all bounded here, once."""
