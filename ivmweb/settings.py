"""Settings of one console. Each value comes from the environment; README.md has the table.

A secret may also come from a file: set NAME_FILE to its path. A bad value stops the start with its name.
"""

from pathlib import Path

from ivmweb import database
from ivmweb.environment import address, number, one_of, ports, switch, text, whole

BASE_DIR = Path(__file__).resolve().parent.parent


CONSOLE = text("IVM_CONSOLE", "ivm")  # host name of this console; names its cookies and notices
SYSTEM = text("IVM_SYSTEM", "")  # type-model*serial of the managed system; read when the console is set up
STATE_DIR = Path(text("IVM_STATE_DIR", str(BASE_DIR / "var" / "console")))
SECRET_KEY = text("IVM_SECRET_KEY", None)
DEBUG = switch("IVM_DEBUG")

# Where the web process listens. Plain HTTP is for a browser on the same machine, or for a proxy; "" leaves it out.
HTTPS_BIND = address("IVM_HTTPS_BIND", "127.0.0.1:8443")
HTTP_BIND = address("IVM_HTTP_BIND", "")
SSH_BIND = address("IVM_SSH_BIND", "")  # the command line
IMPORT_DIR = Path(text("IVM_IMPORT_DIR", str(STATE_DIR / "import")))  # of ISO images for virtual optical media
SSH_HOST_KEY = Path(text("IVM_SSH_HOST_KEY", str(STATE_DIR / "ssh_host_key")))

# Where other consoles reach this one (HTTPS), and where movers do.
PUBLIC_ADDRESS = address("IVM_PUBLIC_ADDRESS", "127.0.0.1:8443")
ALLOWED_HOSTS = [
    *text("IVM_ALLOWED_HOSTS", "localhost,127.0.0.1").split(","),  # what a browser may call this console, and
    PUBLIC_ADDRESS.rpartition(":")[0],  # what other consoles do
]
CERTIFICATE = Path(text("IVM_CERTIFICATE", str(STATE_DIR / "console.crt")))
CERTIFICATE_KEY = Path(text("IVM_CERTIFICATE_KEY", str(STATE_DIR / "console.key")))
INCARNATION_FILE = Path(text("IVM_INCARNATION_FILE", str(STATE_DIR / "incarnation")))  # never in a backup
SIGNING_KEY = STATE_DIR / "signing.key"  # of hand-over records; made when it is needed first
MOVER_HOST = text("IVM_MOVER_HOST", "127.0.0.1")  # address told to the other mover
MOVER_BIND = text("IVM_MOVER_BIND", "127.0.0.1")
MOVER_PORTS = ports("IVM_MOVER_PORTS", "0")  # "0": any free port; "30100-30107": a range to publish
MOVER_SLOTS = whole("IVM_MOVER_SLOTS", 4, low=1)  # migrations at once, in each direction

HYPERVISOR = one_of("IVM_HYPERVISOR", "simulated", ("simulated", "qemu"))
HYPERVISOR_SOCKET = Path(text("IVM_HYPERVISOR_SOCKET", str(STATE_DIR / "hypervisor.sock")))

# A worker that says nothing for this long has lost its migration; the schedule takes over after the grace.
LEASE_S = number("IVM_LEASE_S", 5, low=0.1)
RECOVERY_GRACE_S = number("IVM_RECOVERY_GRACE_S", 10)
PEER_TIMEOUT_S = number("IVM_PEER_TIMEOUT_S", 10, low=0.1)
SCHEDULE_S = number("IVM_SCHEDULE_S", 2, low=0.1)
TOKEN_LIFE_S = number("IVM_TOKEN_LIFE_S", 15 * 60)
API_TOKEN_LIFE_S = number("IVM_API_TOKEN_LIFE_S", 12 * 60 * 60)  # also ends by inactivity, as a log-in does
LAB = switch("IVM_LAB")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "template_partials",
    "ivmweb.system",
    "ivmweb.monitor",
    "ivmweb.pages",
    "ivmweb.api",
    "ivmweb.cli",
    "migration",
    *(["ivmweb.lab"] if LAB else []),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ivmweb.pages.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "ivmweb.pages.methods.MethodsMiddleware",
]
ROOT_URLCONF = "ivmweb.urls"
ASGI_APPLICATION = "ivmweb.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ivmweb.pages.context.console",
            ],
        },
    }
]

DATABASES = {
    "default": database.configuration(text("IVM_DATABASE_URL", f"sqlite:///{STATE_DIR / 'console.sqlite3'}"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "ivmweb.system.hashers.PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [  # of passwords that people choose; the lab's first ones are given by its set-up
    {"NAME": name}
    for name in (
        "ivmweb.system.passwords.NotTheUserIdValidator",
        "django.contrib.auth.password_validation.MinimumLengthValidator",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
        "django.contrib.auth.password_validation.NumericPasswordValidator",
        "ivmweb.system.passwords.SomethingToSeeValidator",
    )
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.1  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_VERBOSE = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "partitions"
LOGOUT_REDIRECT_URL = "login"

# Browsers ignore ports in cookies: two consoles on one address need cookies of different names.
_cookie = "".join(c if c.isalnum() else "_" for c in CONSOLE)
SESSION_COOKIE_NAME = f"ivm_{_cookie}_session"
CSRF_COOKIE_NAME = f"ivm_{_cookie}_csrf"
LANGUAGE_COOKIE_NAME = f"ivm_{_cookie}_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_AGE = whole("IVM_SESSION_S", 30 * 60, low=1)
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "ivmweb.pages.views.errors.form_refused"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = switch("IVM_HTTPS_ONLY")
CSRF_TRUSTED_ORIGINS = [origin for origin in text("IVM_TRUSTED_ORIGINS", "").split(",") if origin]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]  # each in its own words
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # stored and logged; pages name the zone

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

REDIS_URL = text("IVM_REDIS_URL", f"redis+socket://{STATE_DIR / 'valkey.sock'}")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # the database owns a migration; a message is only a doorbell
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 86400,
    "socket_connect_timeout": 2,
    # Whoever rings while the broker is away goes on at once: by default a bell is tried for six seconds.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False  # a lost doorbell is rung again by the schedule
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ROUTES = {
    "migration.tasks.send_state": {"queue": "mover-out"},
    "migration.tasks.receive_state": {"queue": "mover-in"},
}
LOOK_FOR_SAMPLE_S = 10.0
LOOK_FOR_LUNS_S = 30.0
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "migration.tasks.sweep",
        "schedule": SCHEDULE_S,
        "options": {"expires": SCHEDULE_S * 2},
    },
    "inventory": {
        "task": "ivmweb.system.tasks.inventory",
        "schedule": SCHEDULE_S,
        "options": {"expires": SCHEDULE_S * 2},
    },
    "utilization": {  # looks whether a sample is due; how often one is, chlparutil says
        "task": "ivmweb.system.tasks.utilization",
        "schedule": LOOK_FOR_SAMPLE_S,
        "options": {"expires": LOOK_FOR_SAMPLE_S},
    },
    "luns": {
        "task": "ivmweb.system.tasks.luns",
        "schedule": LOOK_FOR_LUNS_S,
        "options": {"expires": LOOK_FOR_LUNS_S},
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": one_of("IVM_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    },
    "loggers": {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "celery", "kombu", "asyncio", "axes")},
}
