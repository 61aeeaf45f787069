"""A TCP proxy in a process of its own, which can be told to misbehave.

    with Proxy("/run/postgres/.s.PGSQL.5432") as proxy:      # or "127.0.0.1:5672"
        connect("127.0.0.1", proxy.port)
        proxy.hang()

`python -m tests.faults.proxy PORT TARGET` reads one command a line from its standard input (`pass`,
`refuse`, `hang`, `slow SECONDS`), answers each with a line when it holds, and ends with its input.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from tests.faults.ports import choose_port
from tests.processes import BASE_DIR

CHUNK = 65536


class Proxy:
    """The process, from outside; forwards everything until it is told otherwise."""

    def __init__(self, target: str, port: int | None = None) -> None:
        self.port = port or choose_port()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.proxy", str(self.port), target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=BASE_DIR,
            start_new_session=True,
        )
        self.forward()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def forward(self) -> None:
        """Forward everything at once."""
        self._tell("pass")

    def refuse(self) -> None:
        """Close every connection and refuse new ones."""
        self._tell("refuse")

    def hang(self) -> None:
        """Keep every connection, take new ones, and forward nothing of either."""
        self._tell("hang")

    def slow(self, seconds: float) -> None:
        """Hold up each piece of data for so long."""
        self._tell(f"slow {seconds}")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(f"{command}\n".encode())
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer == b"done\n", f"the proxy did not take {command!r}"


class Forwarder:
    """The process, from inside."""

    def __init__(self, port: int, target: str) -> None:
        self._target = target
        self._port = port
        # Keeps the port ours while nobody listens on it: connections are refused then.
        self._holder = self._bind()
        self._server: asyncio.Server | None = None
        self._may_pass = asyncio.Event()
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()

    async def obey(self, command: str, argument: str = "0") -> None:
        """Change to what `command` asks for; returns when it holds."""
        self._delay = float(argument)
        if command == "refuse":
            await self._close_all()
            return
        if command == "hang":
            self._may_pass.clear()
        else:
            self._may_pass.set()
        if self._server is None:
            listener = self._bind()
            self._server = await asyncio.start_server(self._serve, sock=listener, backlog=512)

    def _bind(self) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", self._port))
        return bound

    async def _close_all(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        onward: asyncio.StreamWriter | None = None
        try:
            await self._may_pass.wait()
            answers, onward = await self._connect()
            self._writers.add(onward)
            await asyncio.gather(self._pump(reader, onward), self._pump(answers, writer))
        except OSError:
            pass  # either side has gone: the other side learns of it below
        finally:
            for ended in (writer, onward):
                if ended is not None:
                    self._writers.discard(ended)
                    ended.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.startswith("/"):
            return await asyncio.open_unix_connection(self._target)
        host, port = self._target.rsplit(":", 1)
        return await asyncio.open_connection(host, int(port))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._may_pass.wait()
            writer.write(chunk)
            await writer.drain()
        await self._may_pass.wait()
        writer.close()


async def main(port: int, target: str) -> None:
    """Forward from `port` to `target`, as standard input says, until that ends."""
    forwarder = Forwarder(port, target)
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        await forwarder.obey(*line.decode().split())
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
