"""Which tokens are believed (S10): one algorithm a key, whatever a token says of itself."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from sse_hub.auth.grant import Grant
from sse_hub.auth.keyring import Keyring
from sse_hub.auth.token import verify
from sse_hub.errors import Unauthenticated

SECRET = b"a secret of thirty-two bytes, or more"
RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
RIGHTS = {"subscribe": ["shop.*"], "publish": ["log"]}


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


OCT_JWK = {"kty": "oct", "kid": "hs", "k": unpadded(SECRET)}
RSA_JWK: dict[str, Any] = {**RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "rs"}
EDWARDS_JWK: dict[str, Any] = {**OKPAlgorithm.to_jwk(EDWARDS.public_key(), as_dict=True), "kid": "ed"}
SIGNERS: dict[str, tuple[Any, str]] = {"hs": (SECRET, "HS256"), "rs": (RSA, "RS256"), "ed": (EDWARDS, "EdDSA")}


def keyring(*keys: dict[str, Any]) -> Keyring:
    return Keyring.read(json.dumps({"keys": keys or (OCT_JWK, RSA_JWK, EDWARDS_JWK)}))


def token(kid: str | None = "hs", key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
    signer, usual = SIGNERS[kid or "hs"]
    given = {"sub": "alice", "aud": "sse-hub", "exp": time.time() + 60, "sse_hub": RIGHTS} | claims
    named = {name: value for name, value in given.items() if value is not None}
    header = {"kid": kid} if kid else None
    return jwt.encode(named, signer if key is None else key, algorithm or usual, headers=header)


def grant_of(text: str, keys: Keyring | None = None, issuer: str | None = None) -> Grant:
    return verify(text, keys or keyring(), "sse-hub", issuer)


@pytest.mark.parametrize("kid", SIGNERS)
def test_a_token_of_each_algorithm_gives_its_rights(kid: str) -> None:
    grant = grant_of(token(kid, jti="7"))

    assert (grant.subject, grant.subscribe, grant.publish, grant.token_id) == ("alice", ("shop.*",), ("log",), "7")
    assert grant.until is not None
    assert 55 < grant.until - time.time() <= 60


def test_one_without_a_key_id_means_the_only_key() -> None:
    assert grant_of(token(None), keyring({**OCT_JWK, "kid": "other"})).subject == "alice"
    with pytest.raises(Unauthenticated):
        grant_of(token(None))


def test_one_without_rights_is_refused_and_one_with_none_may_nothing() -> None:
    with pytest.raises(Unauthenticated):
        grant_of(token(sse_hub=None))
    assert grant_of(token(sse_hub={})).subscribe == ()


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": None},
        {"exp": 1e300},
        {"exp": "soon"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"jti": 7},
        {"sse_hub": {"subscribe": "*"}},
        {"sse_hub": {"subscribe": ["a b"]}},
    ],
)
def test_claims_that_are_missing_or_wrong_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as caught:
        grant_of(token(**claims))

    assert str(caught.value) == "The token is not valid here."


def test_one_that_has_expired_is_told_so() -> None:
    for seconds in (1, 1_000_000):
        with pytest.raises(Unauthenticated, match="has expired"):
            grant_of(token(exp=time.time() - seconds))


def test_the_issuer_counts_where_one_is_set() -> None:
    assert grant_of(token(iss="https://login.example"), issuer="https://login.example").subject == "alice"
    for issuer in (None, "https://evil.example", "https://login.example.evil.example"):
        with pytest.raises(Unauthenticated):
            grant_of(token(iss=issuer), issuer="https://login.example")


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [unpadded(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, unpadded(signature)])


CLAIMS = {"sub": "alice", "aud": "sse-hub", "exp": 4_000_000_000, "sse_hub": RIGHTS}


@pytest.mark.parametrize("algorithm", ["none", "nOnE", "NONE", "", None, "HS256", "HS384", "ES256", ["HS256"]])
@pytest.mark.parametrize("kid", ["hs", "rs", "ed", "unknown"])
def test_nothing_unsigned_is_believed_whatever_it_says(algorithm: object, kid: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(forged({"alg": algorithm, "typ": "JWT", "kid": kid}, CLAIMS))


def test_a_public_key_is_no_secret() -> None:
    """HMAC with the text of an RSA key, which everybody may have, is how RS256 checkers have been fooled."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), json.dumps(RSA_JWK).encode()):
        signing = forged({"alg": "HS256", "kid": "rs"}, CLAIMS).rpartition(".")[0]
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing.encode(), secret)
        with pytest.raises(Unauthenticated):
            grant_of(f"{signing}.{unpadded(signature)}")


def test_a_key_is_for_its_own_algorithm_and_its_own_id() -> None:
    for bad in (
        token("rs", key=SECRET, algorithm="HS256"),
        token("hs", key=RSA, algorithm="RS256"),
        token("hs", algorithm="HS512", key=SECRET * 2),
        token("rs", algorithm="RS512"),
        token("rs", algorithm="PS256"),
        token("hs", key=b"another secret of thirty-two bytes"),
    ):
        with pytest.raises(Unauthenticated):
            grant_of(bad)


def test_keys_that_a_token_brings_along_do_not_count() -> None:
    other = rsa.generate_private_key(65537, 2048)
    own = RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    claims = CLAIMS | {"exp": int(time.time()) + 60}

    for extra in ({"jwk": own}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example"}):
        with pytest.raises(Unauthenticated):
            grant_of(jwt.encode(claims, other, "RS256", headers={"kid": "rs", **extra}))


def test_one_that_wants_more_of_its_reader_than_we_know_is_refused() -> None:
    """RFC 7515 section 4.1.11. PyJWT before 2.12 took them (CVE-2026-32597)."""
    claims = CLAIMS | {"exp": int(time.time()) + 60}
    wanting = jwt.encode(claims, SECRET, "HS256", headers={"kid": "hs", "crit": ["mfa"], "mfa": True})

    with pytest.raises(Unauthenticated):
        grant_of(wanting)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "é", "x" * 6_001, unpadded(b"[" * 3_000) + ".e30.", unpadded(b'{"alg":"HS256"}') + ".."],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(text)


@given(
    st.text(max_size=60)
    | st.builds(lambda parts: ".".join(map(unpadded, parts)), st.tuples(*[st.binary(max_size=40)] * 3))
)
def test_whatever_comes_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(text)


def test_one_changed_character_anywhere_is_noticed() -> None:
    good = token("ed")
    for at in range(0, len(good) - 1, 7):
        other = "A" if good[at] != "A" else "B"
        with pytest.raises(Unauthenticated):
            grant_of(good[:at] + other + good[at + 1 :])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a JSON Web Key Set is wanted"),
        ("[" * 100_000, "a JSON Web Key Set is wanted"),
        ("[]", "a JSON Web Key Set is wanted"),
        ('{"keys": 1}', "a list"),
        ('{"keys": [1]}', "a list"),
        ('{"keys": []}', "no key in it is for"),
        ('{"keys": [{"kty": "EC"}]}', "no key in it is for"),
        ('{"keys": [{"kty": "RSA", "use": "enc"}]}', "no key in it is for"),
        ('{"keys": [{"kty": "RSA", "alg": "RS512"}]}', "no key in it is for"),
        ('{"keys": [{"kty": "RSA"}]}', "key 1 is broken"),
        ('{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}', "shorter than 32 bytes"),
        (json.dumps({"keys": [OCT_JWK, OCT_JWK]}), "a kid of its own"),
        (json.dumps({"keys": [OCT_JWK, {**RSA_JWK, "kid": None}]}), "a kid of its own"),
        (json.dumps({"keys": [{**OCT_JWK, "kid": 1}]}), "is not text"),
    ],
)
def test_a_key_file_that_can_t_be_used_is_told_without_quoting_it(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        Keyring.read(text)

    assert told in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)


def test_a_short_rsa_key_is_refused() -> None:
    short = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)

    with pytest.raises(ValueError, match="fewer than 2048 bits"):
        keyring(short)


def test_private_keys_are_not_kept() -> None:
    private: dict[str, Any] = {**OKPAlgorithm.to_jwk(EDWARDS, as_dict=True), "kid": "ed"}
    key = keyring(private).key("ed")

    assert key is not None
    assert isinstance(key.material, ed25519.Ed25519PublicKey)
    assert grant_of(token("ed"), keyring(private)).subject == "alice"
