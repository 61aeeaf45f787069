"""How times and numbers are written, by language; see Django's FORMAT_MODULE_PATH."""
