"""Which contact a phone number belongs to."""

from integrations.ledger.models import LedgerContact
from integrations.phone_numbers import normalise_phone_number


def find_or_create_contact(phone_number: str) -> LedgerContact | None:
    """Return the contact with `phone_number`, however it is written; None where it is no number.

    Safe beside other transactions that meet the same caller at the same time.
    """
    number = normalise_phone_number(phone_number)
    if not number:
        return None
    contacts = LedgerContact.objects
    # A caller is mostly known already, and an insert that conflicts takes a number from the
    # sequence each time.
    known = contacts.filter(phone_number=number).first()
    if known is not None:
        return known
    contacts.bulk_create([LedgerContact(phone_number=number)], ignore_conflicts=True)
    return contacts.get(phone_number=number)
