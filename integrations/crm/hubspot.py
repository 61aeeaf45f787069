"""HubSpot as the CRM: a call for each conversation, on the contact of its phone number.

Names, values and units of a call's properties: HubSpot, "Activities | Calls",
https://developers.hubspot.com/docs/api-reference/latest/crm/activities/calls/guide.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from integrations.base import Result
from integrations.clients.hubspot.backend import HubSpotBackend
from integrations.clients.hubspot.client import Record
from integrations.clients.hubspot.contacts import read_e164
from integrations.clients.hubspot.options import HubSpotOptions
from integrations.clients.hubspot.properties import (
    CONVERSATION,
    PHONE,
    VERSION,
    make_unique_value,
)
from integrations.clients.hubspot.refusals import Busy, Conflict
from integrations.crm.base import CRM, ContactUpdate
from integrations.exceptions import AccessDenied, RateLimited, TemporaryFailure, Unreachable

NOT_WRITTEN = (Unreachable, RateLimited, AccessDenied, Conflict, Busy)
"""Failures for now that say that HubSpot did not, and will not, write."""

BODY = """
{% if conversation.summary %}<p>{{ conversation.summary|linebreaksbr }}</p>{% endif %}
{% if conversation.goals %}<ul>
{% for goal in conversation.goals %}<li>
{% if goal.achieved %}✓{% elif goal.achieved is None %}?{% else %}✗{% endif %} {{ goal.name }}
{% if goal.reason %}: {{ goal.reason }}{% endif %}</li>{% endfor %}
</ul>{% endif %}
{% if conversation.score is not None %}<p>Score: {{ conversation.score }}</p>{% endif %}
{% if conversation.answer_status %}<p>Answered by: {{ conversation.answer_status }}</p>{% endif %}
{% if conversation.status %}<p>Status: {{ conversation.status }}</p>{% endif %}
{% if conversation.url %}<p><a href="{{ conversation.url }}">Conversation</a></p>{% endif %}
"""

CALL_FIELDS = {
    "hs_timestamp": (
        "{% if conversation.started_at %}{{ conversation.started_at|date:'U' }}"
        "{% elif conversation.ended_at %}{{ conversation.ended_at|date:'U' }}"
        "{% else %}{{ event.created|date:'U' }}{% endif %}000"
    ),
    "hs_call_title": (
        "{% if conversation.direction == 'inbound' %}Inbound call"
        "{% elif conversation.direction == 'outbound' %}Outbound call"
        "{% else %}Conversation{% endif %}"
        "{% if conversation.agent_name %} with {{ conversation.agent_name }}{% endif %}"
    ),
    "hs_call_body": BODY,
    "hs_call_direction": (
        "{% if conversation.direction == 'inbound' %}INBOUND"
        "{% elif conversation.direction == 'outbound' %}OUTBOUND{% endif %}"
    ),
    "hs_call_status": (
        "{% if conversation.status == 'failed' %}FAILED"
        "{% elif conversation.status == 'completed' or conversation.status == 'transferred'"
        " or conversation.ended_at %}COMPLETED{% else %}IN_PROGRESS{% endif %}"
    ),
    # HubSpot's outcomes are an account's own list; these are the ones that each begins with.
    "hs_call_disposition": (
        "{% if conversation.answer_status == 'busy' %}9d9162e7-6cf3-4944-bf63-4dff82258764"
        "{% elif conversation.answer_status == 'no_answer' %}73a0d17f-1163-4015-bdd5-ec830791da20"
        "{% elif conversation.answer_status == 'voicemail' %}b2cf5968-551e-4856-9783-52b3da59a7d0"
        "{% elif conversation.status == 'completed' or conversation.status == 'transferred' %}"
        "f240bbac-87c9-4f6e-bf70-924b57d47db7{% endif %}"
    ),
    "hs_call_duration": (
        "{% if conversation.duration_seconds %}{{ conversation.duration_seconds }}000"
        "{% elif conversation.duration_seconds == 0 %}0{% endif %}"
    ),
    "hs_call_from_number": "{{ conversation.from_number }}",
    "hs_call_to_number": "{{ conversation.to_number }}",
}


class HubSpotCRMOptions(HubSpotOptions, frozen=True, kw_only=True):
    """What `OPTIONS` holds for the CRM."""

    # The two defaults together leave the account a little for others.
    default_rate: ClassVar[str] = "140/10s"

    call_fields: dict[str, str] = {}
    """Templates of the call's fields."""
    recheck_after: Annotated[int, Meta(ge=1, le=3600)] = 60
    """For how many seconds a call is left alone after a write of which nobody knows what became.

    HubSpot may still be at work on it, and it may land on top of a newer version that another
    effect writes meanwhile. Whoever looks again before it has landed takes the newer version for
    the last word; whoever looks afterwards finds the older one and writes again. What takes longer
    than we wait for an answer (25 seconds) can be expected to be over by then; HubSpot promises no
    limit.
    """


class HubSpotCRM(HubSpotBackend[ContactUpdate], CRM):
    """Keeps one call per conversation and one contact per phone number in E.164.

    Each step can be repeated, and each run begins with what is there, so that what one that was
    cut off left behind is finished by the next.

    HubSpot cannot be told to write only over an older version, so of two writes the one that lands
    later stays. The engine runs a conversation's updates in turn, which leaves two ways for an
    older version to land later. One is a write without an answer, which HubSpot may finish when we
    have long gone: its effect runs again after `RECHECK_AFTER`, with the conversation as it is
    then, and mends the call; what lands later still, or after the effect's last attempt, stays
    until the conversation's next update. The other is a worker that outlives its lease between this
    class's look at the version and its write.

    The other writes do no harm when they land late. The association says nothing but that the call
    is on its contact, and the adoption nothing but the contact's number. A contact is made with
    the same fields by everybody who makes it, unless templates in `CONTACT_FIELDS` speak of the
    conversation, and is never updated.
    """

    options_class = HubSpotCRMOptions
    options: HubSpotCRMOptions

    object_type = "calls"
    type_id = "0-48"
    properties = (PHONE, CONVERSATION, VERSION)
    identity = CONVERSATION
    field_option = "CALL_FIELDS"
    fields = CALL_FIELDS
    html = frozenset({"hs_call_body"})

    def get_overrides(self) -> Mapping[str, str]:
        """Return the templates of a call that the setting holds."""
        return self.options.call_fields

    def identify(self, request: ContactUpdate) -> str:
        """Return what stands for the conversation."""
        return make_unique_value(request.conversation.conversation_uuid)

    def render_record(self, request: ContactUpdate) -> dict[str, str]:
        """Return a call's fields, with the version that they are of."""
        return {**super().render_record(request), VERSION.name: str(request.version)}

    def apply(self, request: ContactUpdate) -> Result:
        """Write the call unless it is as new already, and put it on its contact."""
        conversation = self.identify(request)
        call = self.client.find(
            CONVERSATION, conversation, properties=[VERSION.name], with_contacts=True
        )
        number = read_e164(request.phone_number)
        contact = ""
        if number and not (call and call.contacts):
            contact = self.find_contact(request, number)
        if call is None or read_version(call) < request.version:
            call = self.write_call(conversation, self.render_record(request))
        if contact:
            self.client.associate("calls", call.id, contact)
        return Result(external_id=call.id, url=self.link(call.id))

    def write_call(self, conversation: str, fields: Mapping[str, str]) -> Record:
        """Write the call and return it; where it may still be written, it is left alone a while."""
        try:
            return self.client.upsert(CONVERSATION, conversation, fields)
        except NOT_WRITTEN:
            raise
        except TemporaryFailure as failure:
            recheck_after = timedelta(seconds=self.options.recheck_after)
            failure.retry_after = max(failure.retry_after or recheck_after, recheck_after)
            raise


def read_version(call: Record) -> float:
    """Return the version that a call is of; lower than any where somebody has emptied it."""
    try:
        return float(call.properties.get(VERSION.name) or -1)
    except ValueError:
        return -1
