"""A service of one's own that takes our webhooks, written as our documentation tells people to."""

from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.fakes.server import Call, FakeServer, Reply

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1mYWtlLXdlYmhvb2s="


class FakeWebhook(FakeServer):
    """Verifies, knows each `Idempotency-Key` again, and keeps a conversation's highest version."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.secret = SECRET
        self.records: dict[str, dict[str, Any]] = {}
        """By id: what it holds."""
        self.bodies: dict[str, bytes] = {}
        """By key: what came first."""
        self.calls: list[Call] = []
        """Every request that was verified."""
        self._answers: dict[str, Reply] = {}

    def handle(self, call: Call) -> Reply:
        """Take one webhook."""
        if call.path != "/hooks":
            return Reply(status=404)
        if call.method != "POST":
            return Reply(status=405, headers={"Allow": "POST"})
        try:
            message = Webhook(self.secret).verify(call.body, dict(call.headers))
        except WebhookVerificationError:
            return Reply(status=401, json={"error": "signature"})
        self.calls.append(call)
        key = call.headers["idempotency-key"]
        known = self._answers.get(key)
        if known is None:
            self.bodies[key] = call.body
            known = self._answers[key] = self._keep(key, message["type"], message["data"])
        return known

    def state(self) -> Any:
        """Return the records."""
        return self.records

    def _keep(self, key: str, kind: str, data: dict[str, Any]) -> Reply:
        conversation = data["conversation"]["conversation_uuid"]
        name = f"{kind}:{conversation if kind == 'crm.contact_update' else key}"
        held = self.records.get(name)
        if held is None or held.get("version", 0) < data.get("version", 0):
            self.records[name] = data
        place = list(self.records).index(name) + 1
        return Reply(json={"id": f"r-{place}", "url": f"https://desk.example.com/r/{place}"})


if __name__ == "__main__":
    FakeWebhook.main()
