from django.urls import path

from geoscope.portal.accounts import data_views, verify, views
from geoscope.portal.registry.health import portal_health

urlpatterns = [
    path("", views.profile, name="account"),
    path("/health", portal_health),
    path("/terms", views.terms, name="terms"),
    path("/data", data_views.data, name="account-data"),
    path("/data/download", data_views.download, name="account-download"),
    path("/data/delete", data_views.delete, name="account-delete"),
    path("/login/<str:token>", views.login_link, name="login-link"),
    path("/sign-out", views.sign_out, name="sign-out"),
    path("/verify", verify.verify, name="verify"),
    path("/visitor", verify.visitor, name="visitor"),
]
