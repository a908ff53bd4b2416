from django.urls import path

from geoscope.portal.grants import board_views, views

urlpatterns = [
    path("account/services", views.services, name="own-services"),
    path("account/services/<slug:service>/use", views.use, name="use"),
    path("account/requests", views.requests, name="requests"),
    path("account/requests/new", views.new_request, name="new-request"),
    path("account/requests/<int:number>", views.one_request, name="request"),
    path("account/requests/<int:number>/step", views.step, name="step"),
    path("board", board_views.board, name="board"),
    path("board/allot", board_views.new_allotment, name="allot"),
    path("board/audit", board_views.audit, name="audit"),
]
