from django.urls import path

from ivmweb.pages.views import events, health, help, login, partitions, power, tasks

urlpatterns = [
    path("", partitions.partition_list, name="partitions"),
    path("partitions/activate/", power.activate, name="activate"),
    path("partitions/shutdown/", power.shutdown, name="shutdown"),
    path("tasks/", tasks.task_list, name="tasks"),
    path("tasks/<int:task_id>/", tasks.task_properties, name="task"),
    path("help/", help.help_page, name="help"),
    path("login/", login.LoginView.as_view(), name="login"),
    path("logout/", login.LogoutView.as_view(), name="logout"),
    path("events/", events.events, name="events"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
