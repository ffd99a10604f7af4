from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("ivmweb.pages.urls")),
    path("", include("migration.urls")),
    path("", include("ivmweb.api.urls")),
]

handler400 = "ivmweb.pages.views.errors.bad_request"
handler403 = "ivmweb.pages.views.errors.permission_denied"
handler404 = "ivmweb.pages.views.errors.page_not_found"
handler500 = "ivmweb.pages.views.errors.server_error"
