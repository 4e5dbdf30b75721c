"""One tenant has many clients, the others have one."""

from pglane.lab.scenarios import tenants


def test_one_is_greedy() -> None:
    (variant,) = tenants.ONE_GREEDY_TENANT.variants
    clients = [stream.clients for stream in variant.streams]
    assert clients == [100] + [1] * 20
    assert len({stream.work_s for stream in variant.streams}) == 1
