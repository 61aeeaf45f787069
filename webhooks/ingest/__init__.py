"""From a request's bytes to a durable row.

`views` goes the way: sources, body, address, signatures, envelope, recorder;
`deadline` bounds how long it waits for Postgres on the way.
"""
