"""Floods: who floods, and who must get through."""

from pglane.lab.scenarios import flood


def test_visitors_flood_and_one_time_passwords_come_from_outside() -> None:
    for clients, variant in zip((24, 60, 200), flood.OTP_UNDER_FLOOD.variants, strict=True):
        browse, otp = variant.streams
        assert (browse.clients, browse.rate_per_s) == (clients, 0.0)
        assert (otp.clients, otp.rate_per_s) == (0, 5.0)
        assert variant.critical == {"otp"}
