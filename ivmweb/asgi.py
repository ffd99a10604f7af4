import os

from django.core.asgi import get_asgi_application

import ivmweb.celery  # noqa: F401 (without it doorbells go to Celery's own default broker)
from ivmweb.common.bounded_body import BoundedBody

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
application = BoundedBody(get_asgi_application())
