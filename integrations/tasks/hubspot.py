"""HubSpot as the task list: a task for each follow-up, on the contact of its phone number.

Names and values of a task's properties: HubSpot, "Activities | Tasks",
https://developers.hubspot.com/docs/api-reference/latest/crm/activities/tasks/guide.
"""

from collections.abc import Mapping
from typing import ClassVar

from integrations.base import Result
from integrations.clients.hubspot.backend import HubSpotBackend
from integrations.clients.hubspot.contacts import read_e164
from integrations.clients.hubspot.options import HubSpotOptions
from integrations.clients.hubspot.properties import KEY, PHONE, make_unique_value
from integrations.tasks.base import FollowUp, Tasks

BODY = """
{% if request.description %}<p>{{ request.description|linebreaksbr }}</p>{% endif %}
{% if request.assignee %}<p>For: {{ request.assignee }}</p>{% endif %}
{% if conversation.url %}<p><a href="{{ conversation.url }}">Conversation</a></p>{% endif %}
"""

TASK_FIELDS = {
    "hs_task_subject": "{{ request.title }}",
    "hs_task_body": BODY,
    "hs_task_status": "NOT_STARTED",
    "hs_task_type": "TODO",
}

DAY = 24 * 60 * 60 * 1000


class HubSpotTasksOptions(HubSpotOptions, frozen=True, kw_only=True):
    """What `OPTIONS` holds for the task list."""

    default_rate: ClassVar[str] = "40/10s"

    fields: dict[str, str] = {}
    """Templates of the task's fields."""
    assignees: dict[str, str] = {}
    """Which owner's id in HubSpot stands for which assignee; small and capital letters alike."""


class HubSpotTasks(HubSpotBackend[FollowUp], Tasks):
    """Adds one task per idempotency key, and leaves it to people from then on."""

    options_class = HubSpotTasksOptions
    options: HubSpotTasksOptions

    object_type = "tasks"
    type_id = "0-27"
    properties = (PHONE, KEY)
    identity = KEY
    field_option = "FIELDS"
    fields = TASK_FIELDS
    html = frozenset({"hs_task_body"})

    def get_overrides(self) -> Mapping[str, str]:
        """Return the templates of a task that the setting holds."""
        return self.options.fields

    def identify(self, request: FollowUp) -> str:
        """Return what stands for the idempotency key."""
        return make_unique_value(request.idempotency_key)

    def render_record(self, request: FollowUp) -> dict[str, str]:
        """Return a task's fields: due when it was asked for, or a day after it came up.

        Nothing here hangs on the time at which it is rendered.
        """
        due = read_milliseconds(request)
        owners = {name.casefold(): owner for name, owner in self.options.assignees.items()}
        owner = owners.get(request.assignee.strip().casefold())
        return {
            "hs_timestamp": str(due),
            **({"hubspot_owner_id": owner} if owner else {}),
            **super().render_record(request),
        }

    def apply(self, request: FollowUp) -> Result:
        """Add the task unless it is there, and put it on its contact."""
        key = self.identify(request)
        task = self.client.find(KEY, key, with_contacts=True)
        number = read_e164(request.phone_number)
        contact = ""
        if number and not (task and task.contacts):
            contact = self.find_contact(request, number)
        if task is None:
            task = self.client.upsert(KEY, key, self.render_record(request))
        if contact:
            self.client.associate("tasks", task.id, contact)
        return Result(external_id=task.id, url=self.link(task.id))


def read_milliseconds(request: FollowUp) -> int:
    """Return when the task is due, in milliseconds since 1970."""
    if request.due_at is not None:
        return int(request.due_at.timestamp() * 1000)
    return int(request.event.created.timestamp() * 1000) + DAY
