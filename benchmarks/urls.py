"""The product's addresses, and the two baselines that it is measured against."""

from django.urls import include, path

from benchmarks.baselines import insert_only, store_nothing

urlpatterns = [
    path("baseline/nothing/", store_nothing),
    path("baseline/insert/", insert_only),
    path("", include("config.urls")),
]
