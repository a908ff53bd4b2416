"""How the fields of account forms look: a label, the field, and what is wrong with it."""

from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.forms.utils import ErrorList
from django.utils.safestring import SafeString

register = template.Library()


@register.inclusion_tag("parts/form_field.html")
def form_field(field: BoundField) -> dict[str, Any]:
    """Draw one field of a form; without a placeholder, as that only repeats the label."""
    attributes: dict[str, Any] = {"placeholder": False}
    if field.errors:
        attributes["aria-invalid"] = "true"
    if field.errors or field.help_text:
        attributes["aria-describedby"] = f"{field.auto_id}-hint"
    widget: SafeString = field.as_widget(attrs=attributes)
    errors: ErrorList = field.errors
    is_choice = isinstance(field.field.widget, CheckboxInput)
    return {"field": field, "widget": widget, "errors": errors, "is_choice": is_choice}
