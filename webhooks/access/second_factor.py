"""The second factor: an app that shows a code every 30 seconds, and codes on paper for its loss."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

import qrcode
import qrcode.image.svg
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.safestring import SafeString
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what looks alike on paper."""

RECOVERY_CODES = 10
RECOVERY_LENGTH = 12
"""Characters; somebody who guesses is slowed down, and has 10^17 to try."""

DIGEST_LENGTH = 16
"""What django-otp's column has room for."""


class TooSoonError(ValueError):
    """Codes were wrong before, and another is not looked at before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"The next code is looked at {until}.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app has to be told: as a picture, and to be typed."""

    picture: SafeString
    key: str


def has_second_factor(user: User) -> bool:
    """Tell whether a log-in of `user` takes a code."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def begin_setup(user: User) -> Setup:
    """Return what the user's app is to be told; the same until it is confirmed."""
    device = TOTPDevice.objects.filter(user=user, confirmed=False).order_by("pk").first()
    if device is None:
        device = TOTPDevice.objects.create(user=user, confirmed=False, name="authenticator app")
    return Setup(draw_code(device.config_url), write_key(device))


def write_key(device: TOTPDevice) -> str:
    """Return the device's key as apps take it, in groups that can be typed."""
    key = device.config_url.partition("secret=")[2].partition("&")[0].replace("%3D", "")
    return " ".join(key[start : start + 4] for start in range(0, len(key), 4))


def draw_code(address: str) -> SafeString:
    """Return a QR code as an SVG element: nothing of the key leaves for another host."""
    image = qrcode.make(address, image_factory=qrcode.image.svg.SvgPathImage, border=2)
    return SafeString(image.to_string(encoding="unicode"))


@transaction.atomic
def confirm_setup(user: User, code: str) -> list[str]:
    """Take the app into use if it shows `code` now; return the recovery codes, for this once.

    An app that was in use before is no longer; nothing is returned where the code is wrong. Raises
    TooSoonError.
    """
    devices = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False)
    device = devices.order_by("pk").first()
    if device is None or not is_right(device, code):
        return []
    TOTPDevice.objects.filter(user=user).exclude(pk=device.pk).delete()
    device.confirmed = True
    device.save()
    return renew_recovery_codes(user)


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """Put new recovery codes in the place of those that there are; return them, for this once."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, confirmed=True, name="recovery codes")
    codes = [
        "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    for code in codes:
        device.token_set.create(token=make_digest(code))
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def count_recovery_codes(user: User) -> int:
    """Return how many recovery codes are left."""
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def make_digest(code: str) -> str:
    """Return what is stored of a recovery code: it is random, so a plain hash is enough."""
    return hashlib.sha256(code.encode()).hexdigest()[:DIGEST_LENGTH]


@transaction.atomic
def find_device(user: User, code: str) -> Device | None:
    """Return what `code` is of: the user's app, or their recovery codes; nothing if it is wrong.

    Either takes a code once. Raises TooSoonError.
    """
    typed = code.replace(" ", "").replace("-", "").lower()
    is_of_app = typed.isdecimal()
    model = TOTPDevice if is_of_app else StaticDevice
    device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
    if device is None:
        return None
    return device if is_right(device, typed if is_of_app else make_digest(typed)) else None


def is_right(device: TOTPDevice | StaticDevice, code: str) -> bool:
    """Tell whether the device takes the code; each wrong one makes the next wait longer.

    Raises TooSoonError.
    """
    allowed, details = device.verify_is_allowed()
    if not allowed:
        raise TooSoonError(details["locked_until"])
    return bool(device.verify_token(code.replace(" ", "")))


@transaction.atomic
def remove_second_factor(user: User) -> bool:
    """Have the user log in with their password alone; return whether there was anything else."""
    removed, _ = TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return bool(removed)


def end_other_sessions(user: User, kept: str | None) -> None:
    """End the user's sessions but the one with the key `kept`.

    Sessions say only inside whose they are, so all are read: there are as many as there are staff.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    alive = Session.objects.filter(expire_date__gt=timezone.now())
    for session in alive.exclude(session_key=kept):
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            store(session.session_key).delete()


def seconds_until(moment: datetime) -> int:
    """Return how many whole seconds it is until then, and at least one."""
    return max(1, int(moment.timestamp() - time.time()) + 1)
