# One image for every process of a console; docker-compose.yml says which one a container runs.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    DJANGO_SETTINGS_MODULE=ivmweb.settings

# The state folders get their owner here: a new volume takes it over.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin ivm \
    && install -d -o ivm -g ivm -m 0700 /var/lib/ivm /var/lib/ivm-hypervisor /var/lib/ivm-san /run/ivm

WORKDIR /srv/ivmweb
COPY requirements/runtime.lock requirements/
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r requirements/runtime.lock
COPY . .
RUN python -m compileall -q ivmweb migration

USER ivm
CMD ["python", "-m", "ivmweb.serve"]
