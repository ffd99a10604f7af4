from django.apps import AppConfig


class MonitorConfig(AppConfig):
    name = "ivmweb.monitor"
    label = "monitor"
