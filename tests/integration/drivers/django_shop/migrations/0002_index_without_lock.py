"""An index made outside a transaction."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = (("django_shop", "0001_initial"),)
    operations = (
        AddIndexConcurrently("product", models.Index(fields=["title"], name="product_title")),
    )
