from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's second set of parameters (19 MiB, 2 passes, 1 lane).

    Django's own take 100 MiB and a fifth of a second of all cores for each log-in, and other consoles log in here for
    each Validate: fifty at once are five gigabytes, and most of them give up waiting.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
