"""How people come in, how long they stay, and what their browsers are told to refuse."""

from datetime import timedelta
from typing import Any

from config.settings.environment import env, seconds, whole_number

# ---------------------------------------------------------------------------- coming in

AUTHENTICATION_BACKENDS = [
    # Turns away who has failed too often, before a password is even looked at.
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = whole_number("LOGIN_FAILURE_LIMIT", 5)
AXES_COOLOFF_TIME = timedelta(seconds=seconds("LOGIN_LOCKOUT", 900))
"""How long a name is locked out from an address, counted from the last failure that was let in."""
LOGIN_ADDRESS_FAILURE_LIMIT = whole_number("LOGIN_ADDRESS_FAILURE_LIMIT", 50)
"""How often an address may fail under any names: far more, since an office may share one."""
# Of a name from an address: nobody can lock somebody else out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# A lockout has an end that can be told, however often it is tried meanwhile.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_HANDLER = "webhooks.access.failures.FailureHandler"
AXES_CLIENT_IP_CALLABLE = "webhooks.access.failures.read_network"
# axes stores what was sent: no code, no password, and no password typed as a name.
AXES_USERNAME_CALLABLE = "webhooks.access.failures.name_attempt"
AXES_SENSITIVE_PARAMETERS = [
    "username",
    "password",
    "code",
    "old_password",
    "new_password1",
    "new_password2",
    "password1",
    "password2",
    "csrfmiddlewaretoken",
    "ip_address",
]
AXES_LOCKOUT_CALLABLE = "webhooks.access.lockout.show_lockout"
# Who logged in is in the audit list, and who is locked out, too.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

ADMIN_REQUIRES_SECOND_FACTOR = env.bool("ADMIN_REQUIRES_SECOND_FACTOR", default=False)
"""Whether whoever is logged in gets no further than to setting up a second factor without one."""
OTP_TOTP_ISSUER = "Switchboard"

# ---------------------------------------------------------------------------- staying

SESSION_IDLE_LIMIT = timedelta(seconds=seconds("SESSION_IDLE_LIMIT", 8 * 3600))
SESSION_LONGEST = timedelta(seconds=seconds("SESSION_LONGEST", 24 * 3600))
"""However busy somebody is."""
SESSION_COOKIE_AGE = int(SESSION_LONGEST.total_seconds())
SESSION_COOKIE_HTTPONLY = True
# Lax and not Strict: a link in a ticket or a chat leads somebody who is logged in to the page.
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True

# ---------------------------------------------------------------------------- browsers

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        # Alpine.js, which all of unfold is made of, reads what its attributes say as code.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": [
            "'self'",
            # unfold's one inline style, of lists without actions (admin/change_list.html).
            "'sha256-+MEQ/O07HiRf96s+FyiSQj7xKrHjGPZWCed2MyGUBF4='",
        ],
        # Widths of bars and of the actions' line.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
"""For pages; what is none is answered with a policy that allows nothing (`config.middleware`)."""
