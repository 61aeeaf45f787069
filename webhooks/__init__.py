"""The receiver.

Follow an event: `ingest` verifies and records it, `processing` turns it into its effects, and
`operations` is what people do with what is stored, through the doors `admin`, `api` and
`management`.
"""
