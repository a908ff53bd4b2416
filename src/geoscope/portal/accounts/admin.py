"""What the operator edits under /admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from geoscope.portal.accounts.models import User

admin.site.register(User, UserAdmin)
admin.site.site_header = admin.site.site_title = "Geoscope"
