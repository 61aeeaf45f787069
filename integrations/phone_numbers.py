"""One spelling for each phone number, so that a caller meets their own contact."""

MAX_DIGITS = 15
"""E.164's limit; what is longer is no number that anyone can dial."""


def normalise_phone_number(written: str) -> str:
    """Return the digits of `written`, with a leading `+` where it was written with `+` or `00`.

    `+49 30 1234`, `0049301234` and `+49301234` are one number. The rule knows no country: a
    number written without its country stays as it is and never meets one written with it, and a
    trunk zero in brackets stays a digit. Empty for what is no phone number: nothing, letters (a
    SIP address, `anonymous`), more than 15 digits.
    """
    number = written.strip().removeprefix("tel:")
    if any(character.isalpha() for character in number):
        return ""
    signs = [character for character in number if character == "+" or character.isdecimal()]
    # isdecimal() holds for the digits of every script, and int() reads them all.
    digits = "".join(str(int(sign)) for sign in signs if sign != "+")
    international = signs[:1] == ["+"]
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if not 0 < len(digits) <= MAX_DIGITS:
        return ""
    return f"+{digits}" if international else digits


def describe_end(number: str) -> str:
    """Return of a phone number how it ends: enough to tell two apart, and too little to dial."""
    digits = normalise_phone_number(number)
    return f"phone number, ends in {digits[-2:]}" if len(digits) > 6 else "phone number"  # noqa: PLR2004 -- of a short one two digits are much


def mask_phone_number(number: str) -> str:
    """Return enough of `number` to tell two apart in a list, and too little to dial."""
    return f"{number[:3]}…{number[-2:]}" if len(number) > 7 else "…"  # noqa: PLR2004
