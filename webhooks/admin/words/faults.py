"""What to make of an attempt that failed: by its error's class, or by the words of one error.

Classes are those that backends may raise (`integrations.exceptions` and what is made of them). An
error of any other class is a fault of ours.
"""

from collections.abc import Mapping, Sequence

from webhooks.admin.words.advice import Advice, Place, Whose

OURS = Advice(
    Whose.OURS,
    "Tell whoever looks after Switchboard, with the time and the idempotency key: its log has the"
    " rest.",
)
TROUBLE = Advice(
    Whose.VENDOR, "Mostly it passes. If it lasts, see whether the vendor reports trouble."
)
ODD_ANSWER = Advice(
    Whose.VENDOR,
    "If it lasts, tell whoever looks after Switchboard: the vendor has changed its answers, or"
    " something else answers in its place.",
)
KEY = Advice(
    Whose.SETUP,
    "Have the key in the settings and its rights at the vendor checked; then resume the"
    " integration. All its effects wait until then, and none uses up attempts.",
    Place.INTEGRATION,
)
ADDRESS = Advice(
    Whose.SETUP, "Have the address in the integration's settings corrected.", Place.INTEGRATION
)
TEMPLATE = Advice(
    Whose.SETUP,
    "Have the template of that field in the integration's settings corrected.",
    Place.INTEGRATION,
)
CUSTOMER = Advice(
    Whose.SETUP,
    "Add or correct the customer among the Stripe customers.",
    Place.CUSTOMERS,
)
REFUSED = Advice(
    Whose.SETUP,
    "The vendor does not take what it is asked for: mostly a field that it wants or does not know,"
    " or something that was deleted there. Have that mended, at the vendor or in the settings.",
    Place.INTEGRATION,
)
TOO_FAST = Advice(
    Whose.NOBODY,
    "It goes on by itself. Should it happen day by day, have a lower rate set for the integration.",
    Place.INTEGRATION,
)
PASSES = Advice(Whose.NOBODY, "It goes on by itself.")

CLASSES: Mapping[str, Advice] = {
    "IntegrationError": OURS,
    "TemporaryFailure": TROUBLE,
    "Unreachable": Advice(
        Whose.VENDOR,
        "Mostly the vendor is down, and it passes. If others reach it, have our own network looked"
        " at.",
        Place.INTEGRATION,
    ),
    "RateLimited": TOO_FAST,
    "OutOfSlots": TOO_FAST,
    "AccessDenied": KEY,
    "KeyRejected": KEY,
    "PermanentFailure": REFUSED,
    "Conflict": PASSES,
    "Busy": Advice(Whose.VENDOR, "It goes on by itself when the vendor is done."),
    "TimeLimit": TROUBLE,
    "Fault": OURS,
}
"""By the class's name, as attempts keep it."""

WORDS: Sequence[tuple[str, Advice]] = (
    ("The name in the address of", ADDRESS),
    ("redirects to another address", ADDRESS),
    ("is not one of the public internet", ADDRESS),
    ("takes nothing at its address", ADDRESS),
    ("There is no Zendesk account at the address", ADDRESS),
    (
        "The certificate of",
        Advice(
            Whose.VENDOR,
            "Its certificate has run out or is not meant for this address. If the vendor's own page"
            " is fine, something in our network stands between.",
        ),
    ),
    ("something that is not JSON", ODD_ANSWER),
    ("in another shape than expected", ODD_ANSWER),
    ("something that is no", ODD_ANSWER),
    ("something else than was asked for", ODD_ANSWER),
    ("sent an answer that", ODD_ANSWER),
    (
        "No event says how long the conversation was",
        Advice(
            Whose.SENDER,
            "Wait until an event says how long it was. If none ever does, bill it by hand.",
        ),
    ),
    ("is not one that this version can read", OURS),
    ("The ledger cannot hold this request", OURS),
    (
        "The ledger was not written",
        Advice(Whose.OURS, "Switchboard's own database had trouble. Mostly it passes."),
    ),
    ("No Stripe customer is mapped", CUSTOMER),
    ("Stripe does not know the customer", CUSTOMER),
    (
        "Stripe has no active meter",
        Advice(Whose.SETUP, "Have the meter made or reactivated at Stripe.", Place.INTEGRATION),
    ),
    (
        "Stripe never said whether",
        Advice(
            Whose.VENDOR,
            "Look it up at Stripe first, as it says: billed twice is worse than billed late.",
            Place.METER_EVENTS,
        ),
    ),
    ("more than 35 days ago", Advice(Whose.NOBODY, "Bill it by hand.")),
    (
        "more than the 15 digits",
        Advice(Whose.SENDER, "No conversation is that long: ask the sender, and bill it by hand."),
    ),
    ("The template of", TEMPLATE),
    (
        "Linear refused the issue",
        Advice(
            Whose.SETUP,
            "See whether the team and what the settings name are still there in Linear.",
            Place.INTEGRATION,
        ),
    ),
    ("is still at work on this key", PASSES),
    ("Another change got in the way", PASSES),
    ("has seen this key with another content", PASSES),
    ("takes one meter event of a customer's at a time", PASSES),
    (
        "did not come back",
        Advice(
            Whose.OURS,
            "A worker was restarted or died in the middle. Once is nothing; if it goes on, tell"
            " whoever looks after Switchboard.",
        ),
    ),
    (
        "The worker came back late",
        Advice(
            Whose.OURS,
            "The worker was slower than its lease, and another took over. Both used the same key,"
            " so the vendor did it once.",
        ),
    ),
)
"""By what an error says, where that tells more than its class; the first that fits counts."""


def find_fault(error_class: str, error: str) -> Advice:
    """Return whose fault an attempt's failure is and what is to be done about the cause.

    Called for attempts that failed, and with the reason of an effect that did.
    """
    for words, advice in WORDS:
        if words in error:
            return advice
    return CLASSES.get(error_class, OURS)
