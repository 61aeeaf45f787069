"""How people get in, and what is written down of what they do there.

`site.py` is the admin's site, which sends a log-in on to the second factor; the others are the
steps of it, and what Django, django-axes and django-otp call on the way.
"""
