"""Mails that could not be sent yet, under /admin."""

from django.contrib import admin

from geoscope.portal.letters.models import Letter
from geoscope.portal.read_only_admin import ReadOnlyAdmin


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    """To whom, and why not yet; the text may hold a code, and is not shown."""

    list_display = ("to", "subject", "created", "tries", "problem")
    exclude = ("text",)
