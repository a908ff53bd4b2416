from django.urls import path

from geoscope.portal.registry import views

urlpatterns = [
    path("", views.services, name="services"),
    path("/<str:service_id>", views.service, name="service"),
    path("/<str:service_id>/health", views.service_health, name="service-health"),
]
