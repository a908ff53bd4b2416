from django.urls import path

from geoscope.portal.publishing import views

urlpatterns = [
    path("", views.publish, name="publish"),
    path("/jobs/<str:job_id>", views.publication, name="publication"),
    path("/jobs/<str:job_id>/publish", views.publish_previewed, name="publish-previewed"),
    path("/jobs/<str:job_id>/stop", views.stop, name="stop-publication"),
    path("/collections/<str:collection_id>/sharing", views.share, name="share-collection"),
    path("/collections/<str:collection_id>/remove", views.remove, name="remove-collection"),
]
