"""Between httpx, which knows requests and answers, and our network, which knows their limits."""

from collections.abc import Iterator

import httpcore
import httpx

from integrations.http.network import Network

MOST_CONNECTIONS = 32
"""For one vendor in one process: more than a worker has threads."""
KEPT_SECONDS = 15
"""How long an idle connection is kept; vendors close theirs after a minute or more."""


class Transport(httpx.BaseTransport):
    """Sends requests over pooled connections of `network`; raises httpcore's exceptions."""

    def __init__(self, network: Network) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=network,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer as soon as its headers are there."""
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=AnswerStream(answer), extensions={}
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class AnswerStream(httpx.SyncByteStream):
    """An answer's body, as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        self._answer.close()
