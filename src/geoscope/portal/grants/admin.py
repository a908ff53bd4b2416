"""What the operator sees of requests, and the providers of services, which only the operator names."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from geoscope.portal.grants.models import Decision, Request, ServiceProvider
from geoscope.portal.read_only_admin import ReadOnlyAdmin, ReadOnlyInline
from geoscope.portal.registry.manifests import all_manifests


class DecisionInline(ReadOnlyInline):
    """The steps of a request."""

    model = Decision


@admin.register(Request)
class RequestAdmin(ReadOnlyAdmin):
    """Requests are decided on the board's page, with a reason; here they are only read."""

    list_display = ("pk", "kind", "applicant", "holder", "holder_entity", "service", "role", "quota", "state")
    list_filter = ("state", "kind", "service")
    search_fields = ("applicant", "holder", "holder_entity__slug", "service")
    inlines = (DecisionInline,)


class ServiceProviderForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A service that is there, and who provides it."""

    service = forms.ChoiceField(
        label=_("service"), choices=lambda: [(one.id, one.title) for one in all_manifests().values()]
    )

    class Meta:
        """Both."""

        model = ServiceProvider
        fields = ("service", "entity")


@admin.register(ServiceProvider)
class ServiceProviderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Whose administrators decide on the roles and quotas of a service."""

    form = ServiceProviderForm
    list_display = ("service", "entity")
