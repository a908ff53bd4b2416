from django.urls import path

from geoscope.portal.storage import views

urlpatterns = [
    path("", views.storage, name="account-storage"),
    path("/revoke", views.revoke, name="account-storage-revoke"),
]
