from celery import shared_task

from ivmweb.system.inventory import take_inventory


@shared_task(name="ivmweb.system.tasks.inventory")
def inventory() -> None:
    take_inventory()
