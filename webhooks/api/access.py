"""Who may see what through the API: Django's own view permissions, and one more for payload."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from rest_framework.permissions import BasePermission, DjangoModelPermissions
from rest_framework.request import Request
from rest_framework.views import APIView

VIEW = "%(app_label)s.view_%(model_name)s"


class ViewPermission(DjangoModelPermissions):
    """Lets those in who may view the model, by the same permission as in the admin.

    REST framework's own class lets anybody read who has an account.
    """

    perms_map = {"GET": [VIEW], "HEAD": [VIEW]}


class PayloadPermission(BasePermission):
    """Lets those in who may see what was said."""

    message = "The permission webhooks.view_payload is needed to see this."

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 -- DRF's signature
        """Tell whether the user may see payload."""
        return may_see_payload(request.user)


def may_see_payload(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether `user` may see bodies, transcripts, phone numbers and what is made of them."""
    return isinstance(user, PermissionsMixin) and user.has_perm("webhooks.view_payload")
