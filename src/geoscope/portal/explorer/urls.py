from django.urls import path

from geoscope.portal.explorer.views.collection import collection
from geoscope.portal.explorer.views.datasets import datasets
from geoscope.portal.explorer.views.item import item
from geoscope.portal.explorer.views.landing import landing, services_fragment
from geoscope.portal.explorer.views.products import products
from geoscope.portal.explorer.views.progress import progress
from geoscope.portal.explorer.views.series import series
from geoscope.portal.explorer.views.status import status

urlpatterns = [
    path("", landing, name="landing"),
    path("explore", datasets, name="explore"),
    path("explore/products", products, name="products"),
    path("explore/-/progress", progress, name="progress"),
    path("explore/-/services", services_fragment, name="services-fragment"),
    path("explore/collections/<str:collection_id>", collection, name="collection"),
    path("explore/collections/<str:collection_id>/items/<str:item_id>", item, name="item"),
    path("series", series, name="series"),
    path("status", status, name="status"),
]
