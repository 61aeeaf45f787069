"""A vendor that speaks HTTP as it should."""

from tests.fakes.server import Call, FakeServer, Reply


class Vendor(FakeServer):
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.reply = Reply(json={"id": 1})

    def handle(self, call: Call) -> Reply:
        """Answer with `reply`."""
        self.calls.append(call)
        return self.reply
