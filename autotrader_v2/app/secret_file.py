"""The cipher of the encrypted file of secrets: AES-256-GCM under a key that scrypt makes of a passphrase.

What stands beside the secrets in clear is bound to them: whoever changes it breaks the seal.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

# 128 MiB and about half a second for each guess. Fixed here: a file does not choose how hard it is to guess.
_N, _R, _P = 2**17, 8, 1
_SCRYPT_MEMORY = 192 * 1024 * 1024
_SALT, _NONCE, _KEY, _PROOF = 16, 12, 32, 16


class WrongPassphrase(Exception):
    """It is not the one this was sealed with."""


class Tampered(Exception):
    """The passphrase is right, and the content is not what was sealed."""


def seal(content: Mapping[str, str], beside: bytes, passphrase: str) -> dict[str, str]:
    """Encrypt; a new salt and nonce each time."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    key, proof = _derived(passphrase, salt)
    sealed = AESGCM(key).encrypt(nonce, json.dumps(dict(content)).encode(), beside)
    parts = {"salt": salt, "proof": proof, "nonce": nonce, "sealed": sealed}
    return {name: base64.b64encode(part).decode() for name, part in parts.items()}


def unseal(parts: Mapping[str, object], beside: bytes, passphrase: str) -> dict[str, str]:
    """Decrypt. Errors: `WrongPassphrase`, `Tampered`."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        salt, proof, nonce, sealed = (
            base64.b64decode(str(parts[name]), validate=True) for name in ("salt", "proof", "nonce", "sealed")
        )
    except (KeyError, ValueError):
        raise Tampered from None
    if len(salt) != _SALT or len(nonce) != _NONCE:
        raise Tampered
    key, expected = _derived(passphrase, salt)
    if not hmac.compare_digest(proof, expected):
        raise WrongPassphrase
    try:
        content: dict[str, str] = json.loads(AESGCM(key).decrypt(nonce, sealed, beside))
    except InvalidTag:
        raise Tampered from None
    return content


def _derived(passphrase: str, salt: bytes) -> tuple[bytes, bytes]:
    """(key of the cipher, what tells a wrong passphrase from a changed file); neither tells the other."""
    made = hashlib.scrypt(
        passphrase.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=_N,
        r=_R,
        p=_P,
        maxmem=_SCRYPT_MEMORY,
        dklen=_KEY + _PROOF,
    )
    return made[:_KEY], made[_KEY:]
