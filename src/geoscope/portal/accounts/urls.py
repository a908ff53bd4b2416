from django.urls import path

from geoscope.portal.accounts import verify, views

urlpatterns = [
    path("", views.account, name="account"),
    path("/login/<str:token>", views.login_link, name="login-link"),
    path("/sign-out", views.sign_out, name="sign-out"),
    path("/verify", verify.verify, name="verify"),
    path("/visitor", verify.visitor, name="visitor"),
]
