"""A model field that Postgres only ever sees encrypted."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def build_cipher() -> MultiFernet:
    """Return the cipher under the keys that are configured now; the first one encrypts."""
    return MultiFernet([Fernet(key) for key in settings.SECRET_ENCRYPTION_KEYS])


def decrypt(value: bytes) -> str:
    """Return the text, or raise ImproperlyConfigured where no configured key can decrypt it."""
    try:
        return build_cipher().decrypt(value).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "A stored secret cannot be decrypted: SECRET_ENCRYPTION_KEYS lacks the key that"
            " encrypted it. Add that key back behind the current one."
        ) from error


class EncryptedTextField(models.BinaryField):  # type: ignore[type-arg] # generic for mypy alone
    """Text that is encrypted on its way into the database and decrypted on its way out."""

    description = "Encrypted text"

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Encrypt."""
        if isinstance(value, str):
            value = build_cipher().encrypt(value.encode())
        return super().get_db_prep_value(value, connection, prepared)

    def from_db_value(self, value: Any, *_: Any) -> str | None:
        """Decrypt, or raise ImproperlyConfigured where no configured key can."""
        return None if value is None else decrypt(bytes(value))
