from celery import shared_task

from ivmweb.system.inventory import take_inventory
from ivmweb.system.utilization import take_sample_if_due
from ivmweb.system.volumes import watch


@shared_task(name="ivmweb.system.tasks.inventory")
def inventory() -> None:
    take_inventory()


@shared_task(name="ivmweb.system.tasks.utilization")
def utilization() -> None:
    take_sample_if_due()


@shared_task(name="ivmweb.system.tasks.luns")
def luns() -> None:
    watch()
