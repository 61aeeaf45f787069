"""What acknowledgements are measured against, on the same server with the same middleware."""

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from webhooks.ingest.body import read_body
from webhooks.ingest.envelope import Envelope, read_envelope
from webhooks.ingest.signatures import verify
from webhooks.ingest.sources import subscriptions

CREATE_TABLE = "CREATE TABLE IF NOT EXISTS bare (event_id uuid PRIMARY KEY, body bytea)"
INSERT = "INSERT INTO bare VALUES (%s, %b) ON CONFLICT DO NOTHING"


def verify_and_decode(request: HttpRequest) -> tuple[Envelope, bytes]:
    """Do what any receiver must before it stores anything."""
    subscription = subscriptions.find("bench")
    if subscription is None:
        raise LookupError("the benchmark's source is missing")
    body = read_body(request)
    verify(subscription.scheme, subscription.keys, request.headers, body, timezone.now())
    return read_envelope(body), body


@csrf_exempt
def store_nothing(request: HttpRequest) -> HttpResponse:
    """Verify, decode and answer: as fast as this server can take a signed event in."""
    envelope, _ = verify_and_decode(request)
    return JsonResponse({"status": "accepted", "event_id": str(envelope.event_id)}, status=202)


@csrf_exempt
def insert_only(request: HttpRequest) -> HttpResponse:
    """Do the same and store the bytes by one bare INSERT, with no delivery, log line or hint."""
    envelope, body = verify_and_decode(request)
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [envelope.event_id, body])
    return JsonResponse({"status": "accepted", "event_id": str(envelope.event_id)}, status=202)
