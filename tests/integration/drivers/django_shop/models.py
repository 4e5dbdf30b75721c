"""The shop's two tables."""

from django.db import models


class Seller(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        app_label = "django_shop"


class Product(models.Model):
    title = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    tags = models.JSONField(default=list)
    made_at = models.DateTimeField(auto_now_add=True)
    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="products")

    class Meta:
        app_label = "django_shop"
