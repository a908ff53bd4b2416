from allauth.idp.oidc import views as allauth_views
from django.urls import include, path, re_path

from geoscope.portal.identity import client_views, endpoints, keycloak

_REALM = [
    path(".well-known/openid-configuration", keycloak.configuration),
    path("login-actions/authenticate", keycloak.authenticate),
    path("protocol/openid-connect/auth", keycloak.authorize),
    path("protocol/openid-connect/auth/device", keycloak.device_code),
    path("protocol/openid-connect/token", keycloak.token),
    path("protocol/openid-connect/token/introspect", keycloak.introspect),
    path("protocol/openid-connect/certs", keycloak.certs),
    path("protocol/openid-connect/userinfo", keycloak.userinfo),
    path("protocol/openid-connect/revoke", keycloak.revoke),
    path("protocol/openid-connect/logout", keycloak.logout),
]

urlpatterns = [
    path("account/programs", client_views.clients, name="account-clients"),
    path("account/programs/disconnect", client_views.disconnect, name="account-client-disconnect"),
    path("account/programs/remove", client_views.remove_key, name="account-client-remove"),
    path("identity/o/authorize", endpoints.authorize),
    path("identity/o/device", endpoints.device),
    path("identity/o/api/token", endpoints.token),
    path("identity/o/api/revoke", endpoints.revoke),
    path("identity/o/api/introspect", endpoints.introspect),
    # Names of addresses, and all that needs no guard.
    path("", include("allauth.idp.urls")),
    path(".well-known/oauth-authorization-server", allauth_views.configuration),
    # Some clients write `//realms`.
    re_path(r"^/?(?:auth/)?realms/(?P<realm>[a-z]+)/", include(_REALM)),
]
