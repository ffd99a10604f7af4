import os

from django.core.asgi import get_asgi_application

from ivmweb.common.bounded_body import BoundedBody

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
application = BoundedBody(get_asgi_application())
