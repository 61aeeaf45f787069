"""The budget of an integration: how fast all workers together call it, and whether they may.

    admit           may an effect begin?                    once per effect, before it is claimed
    take_slot       waits for the turn of one request       before every request to a vendor
    hold            the vendor wants to be left alone       on a 429, or when its limit is used up
    record_success  the vendor works                        once per effect that was applied
    record_failure  the vendor does not                     once per effect that failed for now
    return_probe    nothing was learned about the vendor    once per effect that ended otherwise
    pause, resume   a person's decision

The truth is a row of `Budget` per integration. Every decision is one statement on that row, so no
worker needs to know of another, and nothing is kept in a database session: any connection will do,
PgBouncer's in transaction mode included. All times are the database's, whatever a worker's clock
says.
"""

from integrations.budget.admission import Admission, admit, return_probe
from integrations.budget.circuit import record_failure, record_success
from integrations.budget.holding import hold
from integrations.budget.pausing import NOTHING_TO_LIFT, pause, resume
from integrations.budget.slots import OutOfSlots, take_slot

__all__ = [
    "NOTHING_TO_LIFT",
    "Admission",
    "OutOfSlots",
    "admit",
    "hold",
    "pause",
    "record_failure",
    "record_success",
    "resume",
    "return_probe",
    "take_slot",
]
