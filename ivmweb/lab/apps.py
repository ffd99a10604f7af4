from django.apps import AppConfig


class LabConfig(AppConfig):
    """The laboratory of two servers on one machine; installed only with IVM_LAB."""

    name = "ivmweb.lab"
    label = "lab"
