"""Django's settings for the tests; the tests add the databases."""

SECRET_KEY = "not a secret: only tests use it"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "tests.integration.drivers.django_shop",
]
DATABASES: dict[str, dict[str, str]] = {"default": {"ENGINE": "django.db.backends.dummy"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
