"""One thing that is not as it must be."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["lost", "doubled", "wrong", "unsound", "overlap", "poison", "refused", "not_broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it must be.

    `lost`: acknowledged but not stored, or owed and not applied. `doubled`: more than once.
    `wrong`: applied, and not what is owed. `unsound`: the product's books are not true.
    `overlap`: one effect run by two at the same time. `poison`: not where poison must end.
    `refused`: not acknowledged although all that an acknowledgement needs was well.
    `not_broken`: the run does not prove what it was to prove, for a fault was not carried out.
    """

    kind: Kind
    text: str
