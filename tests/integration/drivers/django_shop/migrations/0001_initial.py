"""The shop's tables, then data and an index, as grown projects have them."""

import django.db.models.deletion
from django.db import migrations, models


def add_first_seller(apps, schema_editor) -> None:
    seller = apps.get_model("django_shop", "Seller")
    seller.objects.using(schema_editor.connection.alias).create(name="first")


class Migration(migrations.Migration):
    initial = True
    operations = (
        migrations.CreateModel(
            "Seller",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=100, unique=True)),
            ],
        ),
        migrations.CreateModel(
            "Product",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=100)),
                ("price", models.DecimalField(max_digits=10, decimal_places=2)),
                ("tags", models.JSONField(default=list)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "seller",
                    models.ForeignKey(
                        "django_shop.Seller", django.db.models.deletion.CASCADE, "products"
                    ),
                ),
            ],
        ),
        migrations.RunPython(add_first_seller, migrations.RunPython.noop),
    )
