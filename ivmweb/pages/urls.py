from django.urls import path
from django.views.i18n import set_language

from ivmweb.pages.views import (
    events,
    health,
    help,
    login,
    partition_properties,
    partitions,
    power,
    reference_codes,
    system_properties,
    tasks,
    users,
)

urlpatterns = [
    path("", partitions.partition_list, name="partitions"),
    path("partitions/activate/", power.activate, name="activate"),
    path("partitions/shutdown/", power.shutdown, name="shutdown"),
    path("partitions/<int:lpar_id>/properties/", partition_properties.properties, name="partition-properties"),
    path(
        "partitions/<int:lpar_id>/properties/<slug:tab>/",
        partition_properties.properties,
        name="partition-properties",
    ),
    path(
        "partitions/<int:lpar_id>/capabilities/",
        partition_properties.retrieve_capabilities,
        name="retrieve-capabilities",
    ),
    path("partitions/<int:lpar_id>/reference-codes/", reference_codes.reference_codes, name="reference-codes"),
    path("system/", system_properties.properties, name="system-properties"),
    path("system/<slug:tab>/", system_properties.properties, name="system-properties"),
    path("tasks/", tasks.task_list, name="tasks"),
    path("tasks/<int:task_id>/", tasks.task_properties, name="task"),
    path("profile/", users.profile, name="profile"),
    path("users/", users.user_list, name="users"),
    path("users/create/", users.create, name="user-create"),
    path("users/<int:user_id>/password/", users.password, name="user-password"),
    path("users/<int:user_id>/remove/", users.remove, name="user-remove"),
    path("help/", help.help_page, name="help"),
    path("login/", login.LoginView.as_view(), name="login"),
    path("logout/", login.LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="language"),
    path("stay/", login.stay, name="stay"),
    path("events/", events.events, name="events"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
