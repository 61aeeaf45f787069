"""The HTTP layer under all vendors."""
