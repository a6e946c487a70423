"""Which tokens are accepted (S10): each key has one algorithm, whatever a token claims."""

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
    return Keyring.parse(json.dumps({"keys": keys or (OCT_JWK, RSA_JWK, EDWARDS_JWK)}))


def token(kid: str | None = "hs", key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
    signer, usual = SIGNERS[kid or "hs"]
    given = {"sub": "alice", "aud": "sse-hub", "exp": time.time() + 60, "sse_hub": RIGHTS} | claims
    named = {name: value for name, value in given.items() if value is not None}
    header = {"kid": kid} if kid else None
    return jwt.encode(named, signer if key is None else key, algorithm or usual, headers=header)


def grant_of(text: str, keys: Keyring | None = None, issuer: str | None = None) -> Grant:
    return verify(text, keys or keyring(), "sse-hub", issuer)


@pytest.mark.parametrize("kid", SIGNERS)
def test_a_token_of_each_algorithm_grants_its_rights(kid: str) -> None:
    grant = grant_of(token(kid, jti="7"))

    assert (grant.subject, grant.subscribe, grant.publish, grant.token_id) == ("alice", ("shop.*",), ("log",), "7")
    assert grant.expires_at is not None
    assert 55 < grant.expires_at - time.time() <= 60


def test_a_token_without_a_key_id_is_checked_with_the_only_key() -> None:
    assert grant_of(token(None), keyring({**OCT_JWK, "kid": "other"})).subject == "alice"
    with pytest.raises(Unauthenticated):
        grant_of(token(None))


def test_a_token_without_a_rights_claim_is_refused_and_an_empty_one_grants_nothing() -> None:
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
        {"sub": "a\ud800"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"jti": 7},
        {"sse_hub": {"subscribe": "*"}},
        {"sse_hub": {"subscribe": ["a b"]}},
    ],
)
def test_a_token_with_missing_or_wrong_claims_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as caught:
        grant_of(token(**claims))

    assert str(caught.value) == "The token is not valid here."


def test_an_expired_token_is_refused_as_expired() -> None:
    for seconds in (1, 1_000_000):
        with pytest.raises(Unauthenticated, match="has expired"):
            grant_of(token(exp=time.time() - seconds))


def test_the_issuer_is_checked_if_one_is_set() -> None:
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
def test_an_unsigned_token_is_refused_whatever_it_claims(algorithm: object, kid: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(forged({"alg": algorithm, "typ": "JWT", "kid": kid}, CLAIMS))


def test_a_public_key_is_not_accepted_as_an_hmac_secret() -> None:
    """A known attack on RS256: HMAC with the text of the public RSA key, which everybody may have, as the secret."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), json.dumps(RSA_JWK).encode()):
        signing = forged({"alg": "HS256", "kid": "rs"}, CLAIMS).rpartition(".")[0]
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing.encode(), secret)
        with pytest.raises(Unauthenticated):
            grant_of(f"{signing}.{unpadded(signature)}")


def test_a_public_key_in_the_key_file_as_a_secret_verifies_nothing() -> None:
    """Everybody may have its text, and could sign with it."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signing = forged({"alg": "HS256", "kid": "pem"}, CLAIMS).rpartition(".")[0]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing.encode(), pem)

    with pytest.raises(Unauthenticated):
        grant_of(f"{signing}.{unpadded(signature)}", keyring({"kty": "oct", "kid": "pem", "k": unpadded(pem)}))


def test_a_key_verifies_only_its_own_algorithm_and_key_id() -> None:
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


def test_keys_embedded_in_a_token_are_ignored() -> None:
    other = rsa.generate_private_key(65537, 2048)
    own = RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    claims = CLAIMS | {"exp": int(time.time()) + 60}

    for extra in ({"jwk": own}, {"jku": "https://evil.example/keys"}, {"x5u": "https://evil.example"}):
        with pytest.raises(Unauthenticated):
            grant_of(jwt.encode(claims, other, "RS256", headers={"kid": "rs", **extra}))


def test_a_token_with_unknown_critical_headers_is_refused() -> None:
    """RFC 7515 section 4.1.11. PyJWT before 2.12 accepted them (CVE-2026-32597)."""
    claims = CLAIMS | {"exp": int(time.time()) + 60}
    wanting = jwt.encode(claims, SECRET, "HS256", headers={"kid": "hs", "crit": ["mfa"], "mfa": True})

    with pytest.raises(Unauthenticated):
        grant_of(wanting)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "é", "x" * 6_001, unpadded(b"[" * 3_000) + ".e30.", unpadded(b'{"alg":"HS256"}') + ".."],
)
def test_a_text_that_is_not_a_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(text)


@given(
    st.text(max_size=60)
    | st.builds(lambda parts: ".".join(map(unpadded, parts)), st.tuples(*[st.binary(max_size=40)] * 3))
)
def test_random_text_as_a_token_is_refused_and_raises_nothing_else(text: str) -> None:
    with pytest.raises(Unauthenticated):
        grant_of(text)


def test_changing_any_character_of_a_token_is_detected() -> None:
    good = token("ed")
    for at in range(0, len(good) - 1, 7):
        other = "A" if good[at] != "A" else "B"
        with pytest.raises(Unauthenticated):
            grant_of(good[:at] + other + good[at + 1 :])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be a JSON Web Key Set"),
        ("[" * 100_000, "must be a JSON Web Key Set"),
        ("[]", "must be a JSON Web Key Set"),
        ('{"keys": 1}', "a list"),
        ('{"keys": [1]}', "a list"),
        ('{"keys": []}', "it has no key for any of"),
        ('{"keys": [{"kty": "EC"}]}', "it has no key for any of"),
        ('{"keys": [{"kty": "RSA", "use": "enc"}]}', "it has no key for any of"),
        ('{"keys": [{"kty": "RSA", "alg": "RS512"}]}', "it has no key for any of"),
        ('{"keys": [{"kty": "RSA"}]}', "key 1 is invalid"),
        ('{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}', "shorter than 32 bytes"),
        (json.dumps({"keys": [OCT_JWK, OCT_JWK]}), "each must have a kid, different"),
        (json.dumps({"keys": [OCT_JWK, {**RSA_JWK, "kid": None}]}), "each must have a kid, different"),
        (json.dumps({"keys": [{**OCT_JWK, "kid": 1}]}), "must be text"),
    ],
)
def test_an_invalid_key_file_is_refused_without_quoting_it(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        Keyring.parse(text)

    assert told in str(caught.value)
    assert "c2hvcnQ" not in str(caught.value)


def test_a_short_rsa_key_is_refused() -> None:
    short = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key(), as_dict=True)

    with pytest.raises(ValueError, match="fewer than 2048 bits"):
        keyring(short)


def test_private_keys_are_not_kept_in_memory() -> None:
    private: dict[str, Any] = {**OKPAlgorithm.to_jwk(EDWARDS, as_dict=True), "kid": "ed"}
    key = keyring(private).find("ed")

    assert key is not None
    assert isinstance(key.key, ed25519.Ed25519PublicKey)
    assert grant_of(token("ed"), keyring(private)).subject == "alice"
