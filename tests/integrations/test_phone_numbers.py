"""One spelling per phone number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.phone_numbers import normalise_phone_number


@pytest.mark.parametrize(
    "written",
    [
        "+49301234",
        "+49 30 1234",
        "0049301234",
        "0049 (30) 12-34",
        " +49/30.1234 ",
        "(+49) 30 1234",
        "\u200e+49\u00a030\u00a01234",
        "tel:+49-30-1234",
        "+٤٩٣٠١٢٣٤",
    ],
)
def test_formatting_differences_meet(written: str) -> None:
    """Spaces, punctuation, 00 for +, invisible marks and other scripts' digits are formatting."""
    assert normalise_phone_number(written) == "+49301234"


@pytest.mark.parametrize(
    ("one", "other"),
    [("030 1234", "+49 30 1234"), ("49301234", "+49301234"), ("+49 (0)30 1234", "+49 30 1234")],
)
def test_no_country_is_guessed(one: str, other: str) -> None:
    """Where only knowledge of a country could say that two numbers are one, they stay two."""
    assert normalise_phone_number(one) != normalise_phone_number(other)


@pytest.mark.parametrize(
    "written",
    ["", " ", "+", "00", "anonymous", "sip:2001@example.com", "+" + "1" * 16, "9" * 4000, "²³"],
)
def test_what_is_no_number_is_empty(written: str) -> None:
    """Hidden callers and SIP addresses get no number that another could share by accident."""
    assert normalise_phone_number(written) == ""


@given(st.text() | st.text("+0123456789 -()/"))
def test_any_text_becomes_a_number_that_stays_as_it_is(written: str) -> None:
    """Whatever is given, the result fits the column and is its own normal form."""
    number = normalise_phone_number(written)
    assert len(number) <= 16
    assert normalise_phone_number(number) == number
