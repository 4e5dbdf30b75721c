"""Django's ORM with its defaults: migrations by the direct door, work by every door."""

import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import django
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import Count, Sum

from tests.support.gateway import Gateway
from tests.support.target import Target

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integration.drivers.django_shop.settings")
django.setup()

from tests.integration.drivers.django_shop.models import Product, Seller  # noqa: E402

pytestmark = pytest.mark.one_server


def _settings(target: Target) -> dict[str, Any]:
    """The least that a project writes."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": target.host,
        "PORT": str(target.port),
        "NAME": target.database,
        "USER": target.user,
        "PASSWORD": target.password,
    }


def _add(alias: str, target: Target, **further: object) -> None:
    connections.settings[alias] = {**_settings(target), **further}
    connections.settings = connections.configure_settings(connections.settings)


def _forget(alias: str) -> None:
    connections[alias].close()
    del connections[alias]
    del connections.settings[alias]


@pytest.fixture
def shop(target: Target, direct_door: Target) -> Iterator[str]:
    """The alias of a database whose tables are new."""
    _add("migrations", direct_door)
    _add("shop", target)
    call_command("migrate", database="migrations", verbosity=0, interactive=False)
    yield "shop"
    call_command("migrate", "django_shop", "zero", database="migrations", verbosity=0)
    _forget("shop")
    _forget("migrations")


def test_queries_after_migrations(shop: str) -> None:
    assert list(Seller.objects.using(shop).values_list("name", flat=True)) == ["first"]
    seller = Seller.objects.using(shop).create(name="Ada")
    Product.objects.using(shop).bulk_create(
        [
            Product(title=f"p{number}", price=Decimal(number), tags=[number], seller=seller)
            for number in range(500)
        ]
    )
    found = Seller.objects.using(shop).annotate(made=Count("products")).get(name="Ada")
    assert found.made == 500
    total = Product.objects.using(shop).aggregate(total=Sum("price"))["total"]
    assert total == sum(range(500))
    assert Product.objects.using(shop).get(tags__contains=[7]).title == "p7"
    assert Product.objects.using(shop).filter(price__lt=10).delete()[0] == 10
    with transaction.atomic(using=shop):
        titles = [one.title for one in Product.objects.using(shop).order_by("id").iterator(50)]
    assert titles[0] == "p10"
    assert len(titles) == 490


def test_atomic_blocks(shop: str) -> None:
    with transaction.atomic(using=shop):
        Seller.objects.using(shop).create(name="kept")
        with pytest.raises(IntegrityError), transaction.atomic(using=shop):
            Seller.objects.using(shop).create(name="kept")
        assert Seller.objects.using(shop).select_for_update().get(name="kept").pk
    with pytest.raises(ZeroDivisionError), transaction.atomic(using=shop):
        _create_and_fail(shop)
    names = set(Seller.objects.using(shop).values_list("name", flat=True))
    assert names == {"first", "kept"}


def _create_and_fail(alias: str) -> None:
    Seller.objects.using(alias).create(name="gone")
    raise ZeroDivisionError


def test_get_or_create_and_update(shop: str) -> None:
    for expected in (True, False):
        _, made = Seller.objects.using(shop).get_or_create(name="same")
        assert made is expected
    assert Seller.objects.using(shop).filter(name="same").update(name="other") == 1
    assert Seller.objects.using(shop).filter(name="other").exists()


@pytest.mark.gateway
def test_an_iterator_outside_a_transaction(gateway: Gateway) -> None:
    """docs/explanation/which-door.md: it needs Django's setting for doors like this one."""
    _add("migrations", gateway.target("direct"))
    _add("refused", gateway.target("transaction"))
    _add("shop", gateway.target("transaction"), DISABLE_SERVER_SIDE_CURSORS=True)
    call_command("migrate", database="migrations", verbosity=0, interactive=False)
    try:
        Seller.objects.using("migrations").bulk_create(Seller(name=f"s{n}") for n in range(300))
        rows = Seller.objects.using("refused").order_by("pk")
        with pytest.raises(DatabaseError) as refused:
            list(rows.iterator(100))
        assert "PGL0403" in str(refused.value)
        assert f":{gateway.ports['session']}" in str(refused.value), "the session door's address"
        assert rows.count() == 301, "the connection lives on"
        with transaction.atomic(using="refused"):
            assert len(list(rows.iterator(100))) == 301
        assert len(list(rows.using("shop").iterator(100))) == 301
    finally:
        call_command("migrate", "django_shop", "zero", database="migrations", verbosity=0)
        for alias in ("shop", "refused", "migrations"):
            _forget(alias)
