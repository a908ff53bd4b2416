"""The portal as a WSGI application: `geoscope.portal.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "geoscope.portal.settings")

application = get_wsgi_application()
