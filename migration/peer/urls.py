"""Everything below /api/v1/, with its description for machines at /api/v1/openapi.json."""

from django.urls import path, re_path
from ninja import NinjaAPI

from migration.peer.refusals import add_error_handlers, no_such_call
from migration.peer.views import router

api = NinjaAPI(title="ivmweb", version="1", urls_namespace="api", docs_url=None, openapi_url="openapi.json")
add_error_handlers(api)
api.add_router("peer/", router)

urlpatterns = [
    path("api/v1/", no_such_call),  # before the library's own root, which answers with a page
    path("api/v1/", api.urls),
    re_path("^api/", no_such_call),
]
