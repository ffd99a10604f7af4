from django.urls import path

from migration import recover_views, remote_views, report_views, restored_views, views

urlpatterns = [
    path("partitions/<int:lpar_id>/migrate/", views.migrate, name="migrate"),
    path("partitions/<int:lpar_id>/status/", views.partition_status, name="partition-status"),
    path("remote-systems/", remote_views.remote_list, name="remote-systems"),
    path("remote-systems/add/", remote_views.add, name="remote-add"),
    path("remote-systems/confirm/", remote_views.confirm, name="remote-confirm"),
    path("remote-systems/<int:remote_id>/remove/", remote_views.remove, name="remote-remove"),
    path("migrations/<uuid:migration_id>/", views.status, name="migration"),
    path("migrations/<uuid:migration_id>/hand-over.json", views.hand_over, name="hand-over"),
    path("migrations/<uuid:migration_id>/stop/", views.stop, name="migration-stop"),
    path("migrations/<uuid:migration_id>/recover/", recover_views.recover, name="migration-recover"),
    path("restored-database/", restored_views.restored_database, name="restored-database"),
    path("restored-database/confirm/", restored_views.confirm, name="restored-confirm"),
    path("restored-database/ask/", restored_views.ask_again, name="restored-ask"),
    path("restored-database/<uuid:partition_uuid>/take/", restored_views.take, name="restored-take"),
    path("restored-database/<uuid:partition_uuid>/end/", restored_views.end, name="restored-end"),
    path("restored-database/<uuid:partition_uuid>/remove/", restored_views.remove, name="restored-remove"),
    path("migrations/<uuid:migration_id>/force/", recover_views.force, name="migration-force"),
    path("reports/<uuid:report_id>/", report_views.report, name="report"),
    path("reports/<uuid:report_id>/again/", report_views.again, name="report-again"),
]
