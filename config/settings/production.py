"""Behind a TLS-terminating proxy, for real senders."""

from config.settings.base import *  # noqa: F403 -- a settings module is its names
from config.settings.environment import env, required

ALLOWED_HOSTS = [
    host.strip()
    for host in required("ALLOWED_HOSTS", "list the host names that senders and staff use.").split(
        ","
    )
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
# A sender that follows a redirect loses its body: a wrong address is answered 404 instead.
SECURE_REDIRECT_EXEMPT = [r"^webhooks/"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
