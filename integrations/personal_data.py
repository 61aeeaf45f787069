"""Who may see what was said, wherever it is stored and through whichever door they come."""

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin


def may_see_payload(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether `user` may see bodies, transcripts, phone numbers and what is made of them.

    Asked by the admin, the ledger's pages among it, and by the API. It is not enough: whoever has
    the permission asks row by row, and each look is written down.
    """
    return isinstance(user, PermissionsMixin) and user.has_perm(
        settings.ADMIN_PERSONAL_DATA_PERMISSION
    )
