from django.urls import path

from geoscope.portal.explorer.views.collection import collection
from geoscope.portal.explorer.views.item import item
from geoscope.portal.explorer.views.landing import landing, services_fragment
from geoscope.portal.explorer.views.progress import progress
from geoscope.portal.explorer.views.search import search
from geoscope.portal.explorer.views.series import series

urlpatterns = [
    path("", landing, name="landing"),
    path("explore", search, name="explore"),
    path("explore/-/progress", progress, name="progress"),
    path("explore/-/services", services_fragment, name="services-fragment"),
    path("explore/collections/<str:collection_id>", collection, name="collection"),
    path("explore/collections/<str:collection_id>/items/<str:item_id>", item, name="item"),
    path("series", series, name="series"),
]
