"""What is typed at a shell; each command calls one function of `operations`."""
