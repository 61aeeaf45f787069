"""Whom in Stripe the usage of an organization, an agent or a campaign is billed to."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from integrations.facts import ConversationFacts


class StripeCustomerQuerySet(models.QuerySet["StripeCustomer"]):
    """The customers, with the one question that is asked of them."""

    def find_for(self, conversation: ConversationFacts) -> "StripeCustomer | None":
        """Return the customer who pays for `conversation`: the most specific one wins."""
        ids = {
            StripeCustomer.Scope.CAMPAIGN: conversation.campaign_uuid,
            StripeCustomer.Scope.AGENT: conversation.agent_uuid,
            StripeCustomer.Scope.ORGANIZATION: conversation.organization_uuid,
        }
        wanted = Q(pk__in=[])
        for scope, uuid in ids.items():
            wanted |= Q(scope=scope, uuid=uuid) if uuid else Q()
        found = {customer.scope: customer for customer in self.filter(wanted)}
        return next((found[scope] for scope in ids if scope in found), None)


class StripeCustomer(models.Model):
    """A row of the table that staff edit: an account of the sender's and its Stripe customer."""

    class Scope(models.TextChoices):
        """What the id is the id of."""

        ORGANIZATION = "organization", "organization"
        AGENT = "agent", "agent"
        CAMPAIGN = "campaign", "campaign"

    id = models.BigAutoField(primary_key=True)
    scope = models.TextField(choices=Scope, default=Scope.ORGANIZATION)
    uuid = models.CharField(
        "id", max_length=255, help_text="The sender's id of the organization, agent or campaign."
    )
    customer_id = models.CharField(
        "Stripe customer",
        max_length=255,
        validators=[
            RegexValidator(
                r"\Acus_[A-Za-z0-9]+\Z", "A Stripe customer's id looks like cus_NffrFeUfNV2Hib."
            )
        ],
        help_text="Such as cus_NffrFeUfNV2Hib; Stripe shows it on the customer's page.",
    )
    note = models.CharField(
        max_length=255, blank=True, help_text="For people: who that is, or why it differs."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = StripeCustomerQuerySet.as_manager()

    class Meta:
        app_label = "integrations"
        verbose_name = "Stripe customer"
        ordering = ["scope", "uuid"]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "uuid"],
                name="stripecustomer_unique",
                violation_error_message="There is a Stripe customer for this id already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.uuid}"
