"""Vectors of RFC 7677; exchanges of both sides with each other and with `scramp`."""

import hmac
import json
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
import scramp
from hypothesis import given, settings, strategies as st

from pglane.wire.key_recipe import KeyRecipe, KeysLacking
from pglane.wire.scram import (
    ITERATIONS_MAX,
    ScramClient,
    ScramKeys,
    ScramServer,
    Verifier,
    salt_of,
    scram_server,
)
from pglane.wire.scram_failure import ScramFailure, ScramReason

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
RFC_VERIFIER = Verifier.of_password(b"pencil", SALT, 4096)
RFC_CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
RFC_SERVER_NONCE = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
RFC_SERVER_FIRST = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
RFC_WITHOUT_PROOF = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
RFC_CLIENT_FINAL = RFC_WITHOUT_PROOF + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
RFC_SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
FEW = 2
"""Iterations in tests that are not about them."""


def reason_of(failing: pytest.ExceptionInfo[ScramFailure]) -> ScramReason:
    return failing.value.reason


def exchange(client: ScramClient, server: ScramServer) -> None:
    client.verify(server.final(client.final(server.first(client.first()))))


def rfc_server() -> ScramServer:
    server = ScramServer(RFC_VERIFIER, RFC_SERVER_NONCE)
    assert server.first(RFC_CLIENT_FIRST) == RFC_SERVER_FIRST
    return server


def test_the_server_speaks_the_vector_of_rfc_7677() -> None:
    server = rfc_server()
    assert server.final(RFC_CLIENT_FINAL) == RFC_SERVER_FINAL


def test_the_client_speaks_the_vector_of_rfc_7677() -> None:
    client = ScramClient(b"pencil", b"rOprNGfwEbeRWgbNEkqO", user=b"user")
    assert client.first() == RFC_CLIENT_FIRST
    assert client.final(RFC_SERVER_FIRST) == RFC_CLIENT_FINAL
    assert not client.verified
    client.verify(RFC_SERVER_FINAL)
    assert client.verified


def test_a_user_name_is_escaped() -> None:
    assert ScramClient(b"", b"x", user=b"a=b,c").first() == b"n,,n=a=3Db=2Cc,r=x"


def test_the_verifier_is_written_as_postgresql_does() -> None:
    text = (
        b"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        b"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert RFC_VERIFIER.format() == text
    assert Verifier.parse(text) == RFC_VERIFIER


@given(
    iterations=st.integers(1, 2**31 - 1),
    salt=st.binary(min_size=1, max_size=40),
    keys=st.binary(min_size=64, max_size=64),
)
def test_verifiers_are_read_as_they_are_written(iterations: int, salt: bytes, keys: bytes) -> None:
    verifier = Verifier(iterations, salt, keys[:32], keys[32:])
    assert Verifier.parse(verifier.format()) == verifier


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"SCRAM-SHA-256", b"SCRAM-SHA-1"),
        (b"$4096:", b"$0:"),
        (b"$4096:", b"$+1:"),
        (b"$4096:", b"$4_0:"),
        (b"$4096:", b"$2147483648:"),
        (b"$4096:", b"$99999999999:"),
        (b"$4096:", b"$"),
        (b"W22ZaJ0SNY7soEsUEjb6gQ==", b""),
        (b"W22ZaJ0SNY7soEsUEjb6gQ==", b"W22Z!"),
        (b"$WG5d", b"$"),
        (b"$WG5d", b":WG5d"),
        (b":wfPL", b":"),
    ],
)
def test_what_is_no_verifier_is_refused(old: bytes, new: bytes) -> None:
    text = RFC_VERIFIER.format()
    assert old in text
    with pytest.raises(ValueError, match="a SCRAM verifier looks like"):
        Verifier.parse(text.replace(old, new))


@settings(max_examples=30)
@given(password=st.text(max_size=20), salt=st.binary(min_size=1, max_size=20))
def test_both_sides_agree_on_any_password(password: str, salt: bytes) -> None:
    verifier = Verifier.of_password(password.encode("utf-8", "replace"), salt, FEW)
    client = ScramClient(password.encode("utf-8", "replace"), b"client")
    server = ScramServer(verifier, b"server")
    exchange(client, server)
    assert server.keys == client.keys


def test_a_key_from_one_login_serves_for_another_without_iterations() -> None:
    server = ScramServer(RFC_VERIFIER, b"server")
    exchange(ScramClient(b"pencil", b"client"), server)
    assert server.keys is not None
    again = ScramClient(server.keys, b"other")
    exchange(again, ScramServer(RFC_VERIFIER, b"nonce"))
    assert again.keys == server.keys


def test_keys_are_good_for_one_salt_only() -> None:
    keys = ScramKeys.of_password(b"pencil", SALT, FEW)
    client = ScramClient(keys, b"client")
    server = ScramServer(Verifier.of_password(b"pencil", b"other", FEW), b"server")
    with pytest.raises(ScramFailure, match="not those of the keys") as failing:
        exchange(client, server)
    assert reason_of(failing) is ScramReason.OTHER_VERIFIER


def test_an_extension_in_the_last_message_is_taken() -> None:
    keys = ScramKeys.of_password(b"pencil", SALT, 4096)
    without_proof = RFC_WITHOUT_PROOF + b",x=ext"
    signed = b",".join((RFC_CLIENT_FIRST[3:], RFC_SERVER_FIRST, without_proof))
    signature = hmac.digest(sha256(keys.client_key).digest(), signed, "sha256")
    proof = bytes(left ^ right for left, right in zip(keys.client_key, signature, strict=True))
    server = rfc_server()
    assert server.final(without_proof + b",p=" + b64encode(proof)).startswith(b"v=")
    assert server.keys == keys


def test_a_wrong_password_is_found_by_the_server() -> None:
    server = ScramServer(RFC_VERIFIER, b"server")
    with pytest.raises(ScramFailure) as failing:
        exchange(ScramClient(b"pencil ", b"client"), server)
    assert reason_of(failing) is ScramReason.WRONG_PASSWORD
    assert server.keys is None


def test_a_server_without_the_verifier_is_found_by_the_client() -> None:
    impostor = Verifier(4096, SALT, RFC_VERIFIER.stored_key, b"\0" * 32)
    client = ScramClient(b"pencil", b"client")
    with pytest.raises(ScramFailure) as failing:
        exchange(client, ScramServer(impostor, b"server"))
    assert reason_of(failing) is ScramReason.IMPOSTOR
    assert not client.verified


def test_an_unknown_user_gets_the_same_exchange_and_never_in() -> None:
    mock = Verifier.mock(b"nobody", b"secret")
    assert mock == Verifier.mock(b"nobody", b"secret")
    assert mock.salt != Verifier.mock(b"other", b"secret").salt
    assert (len(mock.salt), mock.iterations) == (16, 4096)
    with pytest.raises(ScramFailure) as failing:
        exchange(ScramClient(b"", b"client"), ScramServer(mock, b"server"))
    assert reason_of(failing) is ScramReason.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", ScramReason.MALFORMED),
        (b"n,,", ScramReason.MALFORMED),
        (b"n,,n=user", ScramReason.MALFORMED),
        (b"n,,r=abc,n=user", ScramReason.MALFORMED),
        (b"n,,n=user,r=", ScramReason.MALFORMED),
        (b"n,,n=user,r=a b", ScramReason.MALFORMED),
        (b"n,,n=user,r=\xff", ScramReason.MALFORMED),
        (b"n,,nuser,r=abc", ScramReason.MALFORMED),
        (b"n,,=x,r=abc", ScramReason.MALFORMED),
        (b"x,,n=user,r=abc", ScramReason.MALFORMED),
        (b"n,,n=,r=" + b"x" * 4096, ScramReason.MALFORMED),
        (b"n,a=admin,n=user,r=abc", ScramReason.UNSUPPORTED),
        (b"p=tls-server-end-point,,n=user,r=abc", ScramReason.UNSUPPORTED),
        (b"n,,m=ext,n=user,r=abc", ScramReason.UNSUPPORTED),
    ],
)
def test_a_bad_first_message_is_told(message: bytes, reason: ScramReason) -> None:
    with pytest.raises(ScramFailure) as failing:
        ScramServer(RFC_VERIFIER, b"server").first(message)
    assert reason_of(failing) is reason


@pytest.mark.parametrize("message", [b"n,,n=,r=a", b"y,,n=u=2Cx,r=a", b"n,,n=u,r=a,x=ext"])
def test_first_messages_of_drivers_are_taken(message: bytes) -> None:
    assert ScramServer(RFC_VERIFIER, b"S").first(message).startswith(b"r=aS,s=")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (b"c=biws", b"c=eSws", "channel binding"),
        (b"c=biws", b"c=bi!!", "not base64"),
        (b"c=biws,", b"", "expected c= as part 1"),
        (b"r=rOpr", b"r=xOpr", "nonce"),
        (b",p=", b",q=", "no proof"),
        (b"p=dHzb", b"p=", "a proof has 32 bytes, this one has 29"),
        (b"p=dHzb", b"p=d!zb", "not base64"),
        (b"c=biws", b"c=biws,r=x", "nonce"),
    ],
)
def test_a_bad_final_message_is_told(old: bytes, new: bytes, text: str) -> None:
    assert old in RFC_CLIENT_FINAL
    with pytest.raises(ScramFailure, match=text) as failing:
        rfc_server().final(RFC_CLIENT_FINAL.replace(old, new))
    assert reason_of(failing) is ScramReason.MALFORMED


def test_a_changed_proof_is_a_wrong_password() -> None:
    with pytest.raises(ScramFailure) as failing:
        rfc_server().final(RFC_CLIENT_FINAL.replace(b"p=dHzb", b"p=eHzb"))
    assert reason_of(failing) is ScramReason.WRONG_PASSWORD


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"r=clientX,s=QQ==,i=0", ScramReason.MALFORMED),
        (b"r=clientX,s=QQ==,i=-1", ScramReason.MALFORMED),
        (b"r=clientX,s=QQ==", ScramReason.MALFORMED),
        (b"r=clientX,s=,i=1", ScramReason.MALFORMED),
        (b"r=clientX,s=" + b64encode(b"x" * 1025) + b",i=1", ScramReason.MALFORMED),
        (b"r=client,s=QQ==,i=1", ScramReason.MALFORMED),
        (b"r=klientX,s=QQ==,i=1", ScramReason.MALFORMED),
        (b"r=clientX,s=Q,i=1", ScramReason.MALFORMED),
        (b"", ScramReason.MALFORMED),
        (b"m=ext,r=clientX,s=QQ==,i=1", ScramReason.UNSUPPORTED),
        (b"r=clientX,s=QQ==,i=%d" % (ITERATIONS_MAX + 1), ScramReason.UNSUPPORTED),
    ],
)
def test_a_bad_challenge_is_told(message: bytes, reason: ScramReason) -> None:
    with pytest.raises(ScramFailure) as failing:
        ScramClient(b"pencil", b"client").final(message)
    assert reason_of(failing) is reason


def test_as_many_iterations_as_allowed_are_computed() -> None:
    client = ScramClient(b"pencil", b"client", iterations_max=3)
    assert client.final(b"r=clientX,s=QQ==,i=3")
    with pytest.raises(ScramFailure, match="wants 4 iterations, allowed are 3"):
        client.final(b"r=clientX,s=QQ==,i=4")


def test_more_than_is_allowed_inline_is_lacked() -> None:
    client = ScramClient(b"pencil", b"client", inline_max=3)
    assert client.final(b"r=clientX,s=QQ==,i=3")
    with pytest.raises(KeysLacking, match="keys of 4 iterations") as lacking:
        client.final(b"r=clientX,s=QQ==,i=4")
    recipe = lacking.value.recipe
    assert recipe == KeyRecipe(b"pencil", b"A", 4)
    assert "pencil" not in repr(recipe) + str(lacking.value)
    again = ScramClient(ScramKeys.of_recipe(recipe), b"client", inline_max=3)
    expected = ScramClient(b"pencil", b"client").final(b"r=clientX,s=QQ==,i=4")
    assert again.final(b"r=clientX,s=QQ==,i=4") == expected


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"e=invalid-proof", ScramReason.REFUSED),
        (b"v=QQ==", ScramReason.IMPOSTOR),
        (b"v=Q", ScramReason.MALFORMED),
        (b"x=QQ==", ScramReason.MALFORMED),
        (b"", ScramReason.MALFORMED),
    ],
)
def test_a_bad_last_word_is_told(message: bytes, reason: ScramReason) -> None:
    client = ScramClient(b"pencil", b"client")
    client.final(b"r=clientX,s=QQ==,i=1")
    with pytest.raises(ScramFailure) as failing:
        client.verify(message)
    assert reason_of(failing) is reason


def test_steps_out_of_order_are_misuse() -> None:
    with pytest.raises(RuntimeError, match="final comes behind first"):
        ScramServer(RFC_VERIFIER, b"server").final(RFC_CLIENT_FINAL)
    with pytest.raises(RuntimeError, match="verify comes behind final"):
        ScramClient(b"pencil", b"client").verify(RFC_SERVER_FINAL)
    with pytest.raises(ValueError, match="printable ASCII"):
        ScramServer(RFC_VERIFIER, b"a,b")


def test_secrets_are_not_shown() -> None:
    keys = ScramKeys.of_password(b"pencil", SALT, FEW)
    for value in (RFC_VERIFIER, keys):
        assert "key" not in repr(value)


MECHANISM = scramp.ScramMechanism("SCRAM-SHA-256")


def test_the_client_gets_in_at_scramp() -> None:
    information = MECHANISM.make_auth_info("pass\u00adword", iteration_count=4096)
    server = MECHANISM.make_server(lambda _user: information)
    client = ScramClient("pass\u00adword".encode(), b"client", user=b"user")
    server.set_client_first(client.first().decode())
    final = client.final(server.get_server_first().encode())
    server.set_client_final(final.decode())
    client.verify(server.get_server_final().encode())


def test_scramp_gets_in_at_the_server() -> None:
    client = scramp.ScramClient(["SCRAM-SHA-256"], "user", "\u2168")
    server = ScramServer(Verifier.of_password(b"IX", SALT, 4096), b"server")
    client.set_server_first(server.first(client.get_client_first().encode()).decode())
    client.set_server_final(server.final(client.get_client_final().encode()).decode())


def test_one_of_which_nothing_is_computed_is_the_same_verifier() -> None:
    verifier = Verifier.of_password(b"pw", b"salt", 1)
    prepared = verifier.prepared()
    assert verifier.unprepared() == verifier
    assert verifier.unprepared().prepared() is not prepared


def test_salts_belong_to_users_and_tell_nothing_of_them() -> None:
    salt = salt_of(b"anna", b"secret")
    assert salt == Verifier.mock(b"anna", b"secret").salt == salt_of(b"anna", b"secret")
    assert len(salt) == 16
    assert salt not in (salt_of(b"berta", b"secret"), salt_of(b"anna", b"other"))


def test_keys_are_told_to_another_process() -> None:
    keys = ScramKeys.of_password(b"pencil", SALT, FEW)
    assert ScramKeys.of_told(json.loads(json.dumps(keys.told()))) == keys
    with pytest.raises(LookupError):
        ScramKeys.of_told({"salt": ""})
    with pytest.raises(ValueError, match="hexadecimal"):
        ScramKeys.of_told(keys.told() | {"client": "x"})


def test_keys_fit_the_verifier_of_their_password() -> None:
    verifier = Verifier.of_password(b"secret", b"salt", 4)
    assert ScramKeys.of_password(b"secret", b"salt", 4).fit(verifier)
    assert not ScramKeys.of_password(b"wrong", b"salt", 4).fit(verifier)


BINDING = b"h" * 32


def bound_first(header: bytes) -> ScramFailure:
    server = ScramServer(VERIFIER_FEW, b"servernonce", BINDING, bound=True)
    with pytest.raises(ScramFailure) as caught:
        server.first(header + b"n=,r=clientnonce")
    return caught.value


def test_a_login_that_is_bound_to_its_channel() -> None:
    client = ScramClient(b"secret", b"clientnonce", binding=BINDING, bound=True)
    server = ScramServer(VERIFIER_FEW, b"servernonce", BINDING, bound=True)
    assert client.first().startswith(b"p=tls-server-end-point,,")
    client.verify(server.final(client.final(server.first(client.first()))))
    assert client.verified
    assert server.keys is not None


def test_it_is_worth_nothing_on_another_channel() -> None:
    client = ScramClient(b"secret", b"clientnonce", binding=b"o" * 32, bound=True)
    server = ScramServer(VERIFIER_FEW, b"servernonce", BINDING, bound=True)
    with pytest.raises(ScramFailure) as caught:
        server.final(client.final(server.first(client.first())))
    assert caught.value.reason is ScramReason.OTHER_CHANNEL
    assert server.keys is None


def test_who_was_not_shown_the_offer_is_refused() -> None:
    client = ScramClient(b"secret", b"clientnonce", binding=BINDING)
    assert client.first().startswith(b"y,,")
    with pytest.raises(ScramFailure) as caught:
        ScramServer(VERIFIER_FEW, b"servernonce", BINDING).first(client.first())
    assert caught.value.reason is ScramReason.DOWNGRADED
    ScramServer(VERIFIER_FEW, b"servernonce").first(client.first())


def test_who_does_not_care_comes_in_unbound() -> None:
    client = ScramClient(b"secret", b"clientnonce")
    server = ScramServer(VERIFIER_FEW, b"servernonce", BINDING)
    server.final(client.final(server.first(client.first())))
    assert server.keys is not None


@pytest.mark.parametrize("header", [b"n,,", b"y,,", b"x", b""])
def test_who_chose_to_be_bound_says_to_what(header: bytes) -> None:
    assert bound_first(header).reason is ScramReason.MALFORMED


def test_other_bindings_are_not_known() -> None:
    failure = bound_first(b"p=tls-unique,,")
    assert failure.reason is ScramReason.UNSUPPORTED
    assert "tls-unique" in str(failure)


def test_nobody_acts_for_somebody_else_bound() -> None:
    assert bound_first(b"p=tls-server-end-point,a=other,").reason is ScramReason.UNSUPPORTED


VERIFIER_FEW = Verifier.of_password(b"secret", b"salt", 4)


def test_one_that_no_class_was_called_for_is_the_same() -> None:
    made = scram_server(RFC_VERIFIER.prepared(), RFC_SERVER_NONCE, b"", False)
    assert made.first(RFC_CLIENT_FIRST) == RFC_SERVER_FIRST
    assert made.final(RFC_CLIENT_FINAL) == RFC_SERVER_FINAL


@pytest.mark.parametrize("first", [b"n,,n=,r=nonce", b"n,,n=u,r=nonce", b"n,,n=,r=nonce,x=more"])
def test_all_first_messages_get_an_answer(first: bytes) -> None:
    answer = ScramServer(RFC_VERIFIER, RFC_SERVER_NONCE).first(first)
    assert answer.startswith(b"r=nonce" + RFC_SERVER_NONCE + b",s=")


@pytest.mark.parametrize("first", [b"n,,n=,r=", b"n,,n=,r=no nonce", b"n,,n=,r=\x7f", b"n,,n=,r"])
def test_some_get_none(first: bytes) -> None:
    with pytest.raises(ScramFailure) as failing:
        ScramServer(RFC_VERIFIER, RFC_SERVER_NONCE).first(first)
    assert reason_of(failing) is ScramReason.MALFORMED


def test_a_proof_as_long_as_one_may_say_too_little() -> None:
    server = ScramServer(RFC_VERIFIER, RFC_SERVER_NONCE)
    server.first(RFC_CLIENT_FIRST)
    short = b64encode(bytes(31))
    with pytest.raises(ScramFailure, match="a proof has 32 bytes, this one has 31"):
        server.final(RFC_WITHOUT_PROOF + b",p=" + short)
