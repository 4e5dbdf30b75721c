"""Where clients' leases belong, before and after another plan."""

from pglane.scheduler import placing
from pglane.scheduler.lane import Lane
from pglane.scheduler.lanes import LaneQueue
from pglane.scheduler.matching import LaneMatching, LaneRule, Origin, WishRefused
from pglane.scheduler.placing import LanePlacing
from pglane.scheduler.policy import LanePolicy
from pglane.scheduler.request import Request

OTP = LanePolicy("otp", reserve=1, rank=9)
BULK = LanePolicy("bulk", rank=1)
ANNA = Origin("transaction", "anna", "shop", "web")
BERTA = Origin("transaction", "berta")


def placed(*lanes: LanePolicy) -> tuple[LaneQueue, LanePlacing]:
    queue = LaneQueue(4, lanes)
    rules = [LaneRule("otp", user="otto")] if lanes else []
    allow = {"otp": lambda origin: origin.user == "anna"}
    return queue, LanePlacing(queue, LaneMatching(lanes, rules, (), allow))


def new(places: LanePlacing, origin: Origin) -> Request:
    request = Request(None, None, origin.user, None, object())
    assert places.enter(request, origin) is None
    return request


def lane_of(request: Request) -> Lane:
    assert isinstance(request.lane, Lane)
    return request.lane


def test_without_a_plan_a_user_has_a_lane_and_an_application_is_a_tenant() -> None:
    queue, places = placed()
    first, second = new(places, ANNA), new(places, ANNA)
    assert lane_of(first).name == "transaction:anna"
    assert second.lane is first.lane is queue.lanes["transaction:anna"]
    assert second.tenant is first.tenant
    assert (first.tenant.name, first.tenant.members) == ("web", 2)  # type: ignore[attr-defined]
    places.part(first)
    assert first.tenant.members == 1  # type: ignore[attr-defined]


def test_a_rule_and_a_wish_lead_to_lanes_of_the_plan() -> None:
    queue, places = placed(OTP, BULK)
    assert new(places, Origin("transaction", "otto")).lane is queue.lanes["otp"]
    request = new(places, ANNA)
    own = request.tenant
    assert places.enter(request, ANNA, "otp") is None
    assert request.lane is queue.lanes["otp"]
    assert own.members == 0  # type: ignore[attr-defined]
    berta = new(places, BERTA)
    assert places.enter(berta, BERTA, "otp") is WishRefused.NOT_ALLOWED
    assert lane_of(berta).name == "transaction:berta"
    assert places.enter(berta, BERTA, "none") is WishRefused.UNKNOWN


def test_a_place_is_good_for_all_that_come_from_there() -> None:
    _, places = placed(OTP)
    place = places.place(ANNA)
    assert places.place(ANNA) is place
    assert place.matching is places.matching
    first, second = new(places, ANNA), Request(None, None, "anna", None, object())
    places.join(second, place)
    assert second.tenant is first.tenant
    assert place.refused is None
    assert places.place(BERTA, "otp").refused is WishRefused.NOT_ALLOWED
    places.join(second, places.place(ANNA, "otp"))
    assert lane_of(second).name == "otp"
    assert first.tenant.members == 1  # type: ignore[attr-defined]


def test_another_plan_moves_the_next_leases_and_keeps_what_waits() -> None:
    queue, places = placed(OTP, BULK)
    otto = Origin("transaction", "otto")
    request, waiting = new(places, otto), new(places, otto)
    queue.arrive(waiting, 1.0)
    queue.configure(4, (BULK,), (), 2.0)
    places.adopt(LaneMatching([BULK]))
    places.enter(request, otto)
    assert lane_of(request).name == "transaction:otto"
    assert lane_of(waiting).name == "otp"
    assert queue.choose(None, None, 2.0, True) is waiting


def test_what_is_remembered_has_a_limit(monkeypatch) -> None:
    monkeypatch.setattr(placing, "PLACES_MAX", 2)
    _, places = placed()
    lanes = [new(places, Origin("transaction", user)).lane for user in "abcab"]
    assert lanes[3] is lanes[0]
    assert lanes[4] is lanes[1]


def test_wishes_for_what_does_not_exist_are_not_remembered(monkeypatch) -> None:
    """Each of them another long text of a stranger."""
    _, places = placed(OTP, BULK)
    asked = LaneMatching.wish
    wishes: list[str] = []

    def wish(self, origin, own, lane):
        wishes.append(lane)
        return asked(self, origin, own, lane)

    monkeypatch.setattr(LaneMatching, "wish", wish)
    for number in range(20):
        assert places.place(ANNA, f"{number}" * 1000).refused is WishRefused.UNKNOWN
    assert len(wishes) == 1
    assert len(wishes[0]) < 10
    assert places.place(ANNA, "transaction:anna").refused is None
    assert places.place(ANNA, "transaction:berta").refused is WishRefused.UNKNOWN
    assert places.place(ANNA, "bulk").refused is None
