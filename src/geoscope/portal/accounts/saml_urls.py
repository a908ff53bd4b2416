"""Where people sign in through SAML: these stand before allauth's own at the same addresses."""

from django.urls import path

from geoscope.portal.accounts import saml_views

urlpatterns = [
    path("<str:organization_slug>/login/", saml_views.login),
    path("<str:organization_slug>/acs/", saml_views.receive),
    path("<str:organization_slug>/acs/finish/", saml_views.finish),
    path("<str:organization_slug>/metadata/", saml_views.metadata),
    path("<str:organization_slug>/sls/", saml_views.no_sign_out),
]
