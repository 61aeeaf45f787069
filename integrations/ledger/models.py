"""The ledger's tables.

Free text is TextField throughout: a length limit would turn a talkative sender into a failed
effect. `app_label` is explicit so that a backend can be imported, and can report so in its
check, where the app is not installed.
"""

from django.db import models


class WorkStatus(models.TextChoices):
    """How far people are with a ticket or a follow-up."""

    OPEN = "open", "open"
    DONE = "done", "done"


class LedgerRecord(models.Model):
    """What the tables have in common. Newest first, by an index, in every list."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        abstract = True


class EffectRecord(LedgerRecord):
    """A record that one effect creates once and no later effect changes."""

    idempotency_key = models.CharField(
        max_length=255,
        help_text="The key of the effect that created this; a second one with it adds nothing.",
    )
    conversation_uuid = models.CharField(
        "conversation", max_length=255, help_text="The sender's id of the conversation."
    )

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="%(class)s_key_unique"),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="%(class)s_newest"),
            models.Index(fields=["conversation_uuid"], name="%(class)s_conversation"),
        ]


class WorkRecord(EffectRecord):
    """A record that people work on until it is done."""

    phone_number = models.CharField(
        max_length=16,
        blank=True,
        help_text="The other party's number; empty for web calls and hidden numbers.",
    )
    status = models.TextField(choices=WorkStatus, default=WorkStatus.OPEN)
    updated_at = models.DateTimeField(
        auto_now=True, help_text="When the status was last changed, or the record created."
    )

    class Meta(EffectRecord.Meta):
        abstract = True
        indexes = [
            *EffectRecord.Meta.indexes,
            models.Index(fields=["phone_number"], name="%(class)s_phone"),
            # Open work is a small part of all work, and the list that people live in.
            models.Index(
                fields=["-created_at"],
                condition=models.Q(status=WorkStatus.OPEN),
                name="%(class)s_open",
            ),
        ]


class LedgerContact(LedgerRecord):
    """A person whom conversations were held with, known by their phone number."""

    phone_number = models.CharField(
        max_length=16, help_text="Digits, with a + where the country is part of the number."
    )

    class Meta:
        app_label = "ledger"
        verbose_name = "contact"
        constraints = [
            models.UniqueConstraint(fields=["phone_number"], name="ledgercontact_phone_unique"),
        ]
        indexes = [models.Index(fields=["-created_at"], name="ledgercontact_newest")]

    def __str__(self) -> str:
        return f"Contact {self.pk}"


class LedgerActivity(LedgerRecord):
    """What is known of one conversation: the CRM's call record."""

    class Direction(models.TextChoices):
        """The sender's words; others are kept as they come."""

        INBOUND = "inbound", "inbound"
        OUTBOUND = "outbound", "outbound"
        INTERNAL = "internal", "internal"

    class Status(models.TextChoices):
        """The sender's words; others are kept as they come."""

        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"
        TRANSFERRED = "transferred", "transferred"

    conversation_uuid = models.CharField(
        "conversation", max_length=255, help_text="The sender's id of the conversation."
    )
    contact = models.ForeignKey(
        LedgerContact,
        # Erasing a person erases what was said with them.
        on_delete=models.CASCADE,
        related_name="activities",
        null=True,
        blank=True,
        db_index=False,
        help_text="Empty for web calls and hidden numbers.",
    )
    version = models.BigIntegerField(
        help_text="Grows with all that is known of the conversation; a lower one changes nothing."
    )
    direction = models.TextField(choices=Direction, blank=True)
    channel = models.TextField(blank=True)
    status = models.TextField(choices=Status, blank=True)
    agent_name = models.TextField("agent", blank=True)
    organization_name = models.TextField("organization", blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    duration_seconds = models.BigIntegerField("duration in seconds", null=True, blank=True)
    answer_status = models.TextField(blank=True)
    summary = models.TextField(blank=True, help_text="The analysis's summary of the conversation.")
    score = models.FloatField(null=True, blank=True, help_text="As the analysis scored it.")
    goals = models.JSONField(
        default=list,
        blank=True,
        help_text="Each goal of the analysis: its name, whether it was achieved, and the reason.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "ledger"
        verbose_name = "activity"
        verbose_name_plural = "activities"
        constraints = [
            models.UniqueConstraint(
                fields=["conversation_uuid"], name="ledgeractivity_conversation_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="ledgeractivity_newest"),
            models.Index(fields=["contact", "-created_at"], name="ledgeractivity_contact"),
        ]

    def __str__(self) -> str:
        return f"Activity {self.pk}"


class LedgerTicket(WorkRecord):
    """A request for people's attention."""

    class Priority(models.TextChoices):
        """How soon; the same words as a ticket request's."""

        LOW = "low", "low"
        NORMAL = "normal", "normal"
        HIGH = "high", "high"
        URGENT = "urgent", "urgent"

    subject = models.TextField()
    description = models.TextField(blank=True)
    priority = models.TextField(choices=Priority)
    tags = models.JSONField(default=list, blank=True)

    class Meta(WorkRecord.Meta):
        app_label = "ledger"
        verbose_name = "ticket"

    def __str__(self) -> str:
        return f"Ticket {self.pk}"


class LedgerUsageRecord(EffectRecord):
    """The billable length of one conversation."""

    organization_uuid = models.TextField("organization")
    agent_uuid = models.TextField("agent", blank=True)
    campaign_uuid = models.TextField("campaign", blank=True)
    seconds = models.PositiveBigIntegerField()
    occurred_at = models.DateTimeField(
        help_text="When the conversation ended, by the sender's clock."
    )

    class Meta(EffectRecord.Meta):
        app_label = "ledger"
        verbose_name = "usage record"

    def __str__(self) -> str:
        return f"Usage record {self.pk}"


class LedgerFollowUp(WorkRecord):
    """One thing to do after a conversation."""

    title = models.TextField()
    description = models.TextField(blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    assignee = models.TextField(blank=True)

    class Meta(WorkRecord.Meta):
        app_label = "ledger"
        verbose_name = "follow-up"

    def __str__(self) -> str:
        return f"Follow-up {self.pk}"
