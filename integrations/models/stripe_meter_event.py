"""Which meter events were sent to Stripe, and which of them Stripe is known to have."""

from django.db import models


class StripeMeterEvent(models.Model):
    """One meter event, by the identifier that Stripe knows it by.

    `integrations.usage.stripe_sends` explains what it is kept for, and writes it.
    """

    id = models.BigAutoField(primary_key=True)
    identifier = models.CharField(max_length=100)
    livemode = models.BooleanField(
        "live mode", help_text="What went to a sandbox counts for nothing in live mode."
    )
    event_name = models.CharField("meter", max_length=100)
    customer_id = models.CharField("Stripe customer", max_length=255)
    created_at = models.DateTimeField()
    open_sends = models.PositiveIntegerField(
        "unanswered sends",
        help_text="How often it left without an answer that says what came of it.",
    )
    open_since = models.DateTimeField(
        "unanswered since", null=True, help_text="When the first of those sends left."
    )
    confirmed_at = models.DateTimeField(
        null=True, help_text="When Stripe said that it has the event; empty until then."
    )

    class Meta:
        app_label = "integrations"
        verbose_name = "Stripe meter event"
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "livemode"], name="stripemeterevent_unique"
            ),
        ]
        indexes = [
            # Both for the list and for finding what is old enough to be forgotten.
            models.Index(fields=["-created_at"], name="stripemeterevent_newest"),
            # What waits for an answer or a person is a tiny part of the table.
            models.Index(
                fields=["-created_at"],
                condition=models.Q(open_sends__gt=0),
                name="stripemeterevent_open",
            ),
        ]

    def __str__(self) -> str:
        return self.identifier
