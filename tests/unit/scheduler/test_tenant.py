"""Turns that are owed for leases that were longer than usual."""

from pglane.scheduler.tenant import FINE_TURNS_MAX, Tenant


def test_a_tenant_is_idle_when_nobody_belongs_to_it() -> None:
    tenant = Tenant("web", None)
    assert tenant.is_idle()
    tenant.members = 1
    assert not tenant.is_idle()
    tenant.members, tenant.busy = 0, 1
    assert not tenant.is_idle()
    tenant.busy, tenant.waiting = 0, 1
    assert not tenant.is_idle()


def test_an_ordinary_lease_costs_nothing_more() -> None:
    tenant = Tenant("web", None)
    assert not tenant.fine(0.01, 0.01, 5.0)
    assert not tenant.fine(0.001, 0.01, 5.0)
    assert tenant.key == 0.0


def test_a_longer_one_costs_as_many_turns_as_it_took() -> None:
    tenant = Tenant("web", None)
    assert tenant.fine(0.03, 0.01, 5.0)
    assert round(tenant.key, 9) == 7.0
    assert tenant.fine(0.02, 0.01, 5.0)
    assert round(tenant.key, 9) == 8.0


def test_a_debt_is_limited() -> None:
    tenant = Tenant("web", None)
    assert tenant.fine(9.0, 0.01, 5.0)
    assert tenant.key == 5.0 + FINE_TURNS_MAX
    assert tenant.fine(9.0, 0.01, 5.0)
    assert tenant.key == 6.0 + FINE_TURNS_MAX
    assert not tenant.fine(9.0, 0.01, 5.0)


def test_waits_are_counted_with_the_longest() -> None:
    tenant = Tenant("web", None)
    tenant.waited(2.0, 21)
    tenant.waited(1.0, 20)
    tenant.waited(1.5, 21)
    assert (tenant.waits[20], tenant.waits[21], sum(tenant.waits)) == (1, 2, 3)
    assert (tenant.wait_s, tenant.wait_s_max) == (4.5, 2.0)
