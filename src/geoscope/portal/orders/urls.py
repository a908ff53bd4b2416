from django.urls import path

from geoscope.portal.orders import views

urlpatterns = [
    path("", views.orders, name="orders"),
    path("/new/<str:collection_id>", views.order, name="order"),
    path("/<str:order_id>/cancel", views.cancel, name="cancel-order"),
    path("/<str:order_id>/again", views.order_again, name="order-again"),
]
