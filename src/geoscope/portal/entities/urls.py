from django.urls import path

from geoscope.portal.entities import views
from geoscope.portal.registry.health import portal_health

urlpatterns = [
    path("", views.entities, name="entities"),
    path("/health", portal_health),
    path("/new", views.new_entity, name="new-entity"),
    path("/join", views.join, name="join-entity"),
    path("/<slug:slug>", views.entity, name="entity"),
    path("/<slug:slug>/describe", views.describe, name="describe-entity"),
    path("/<slug:slug>/invite", views.invite, name="invite"),
    path("/<slug:slug>/invitations/<int:number>/take-back", views.take_back, name="take-back-invitation"),
    path("/<slug:slug>/members/<str:name>", views.change_member, name="change-member"),
    path("/<slug:slug>/close", views.close, name="close-entity"),
]
