"""Trusted certificates, and messages for those that are not trusted."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

from ragbridge.errors import ConfigurationError
from ragbridge.transport.libraries import library as preferred_library

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons for an answer that is not TLS, such as plain HTTP."""
_ANOTHER_NAME = frozenset({62, 64})
"""OpenSSL's codes for a certificate of another host name or address (``X509_V_ERR_HOSTNAME_MISMATCH``, ``..._IP_...``)."""


def trust(
    authorities: str | os.PathLike[str] | None, verify: bool | ssl.SSLContext = True
) -> ssl.SSLContext | None:
    """The SSL context for the caller's settings; None for the default.

    Args:
        authorities: A file of certificates (PEM), or a folder of them as OpenSSL names them; None for httpx's own.
        verify: False to accept any certificate: anyone on the way can then read what is sent, keys included. Or an SSL
            context.

    Raises:
        ConfigurationError: There are no certificates at that place.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if not verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if authorities is None:
        return None
    place = Path(authorities)
    try:
        if place.is_dir():
            return ssl.create_default_context(capath=place)
        return ssl.create_default_context(cafile=place)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"ca_certs={str(authorities)!r} holds no certificates that can be read ({error}); pass the PEM file of the "
            "authority, such as Elasticsearch's config/certs/http_ca.crt"
        ) from None


def distrust(error: BaseException) -> str | None:
    """Why the TLS handshake failed: an untrusted certificate, or a server without TLS. None for other errors."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None)):
        cause = (
            getattr(cause, "certificate_error", None)
            or cause.__cause__
            or cause.__context__
            or _reason(cause)
        )
    if not isinstance(cause, ssl.SSLError):
        return None
    if cause.reason in _NO_TLS:
        return "the server does not speak TLS there: its address begins with http://, or has another port"
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return None
    way = (
        "use the name that it was made for"
        if cause.verify_code in _ANOTHER_NAME
        else "name its authority: ca_certs= of Elastic, or the environment's SSL_CERT_FILE"
    )
    return f"the server's certificate is not trusted ({cause.verify_message}); {way}"


def _reason(error: BaseException) -> BaseException | None:
    """What an error was made of that is no cause of it."""
    reason = getattr(error, "reason", None) or next(iter(error.args[-1:]), None)
    return reason if isinstance(reason, BaseException) else None


def certificates(library: Any = None) -> ssl.SSLContext:
    """The certificates that an HTTP library trusts: its own list, or those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    httpx has a list of its own, httpx2 takes the system's. Where a system has none, as small containers, httpx2 gets the
    list of httpx.

    Args:
        library: httpx or httpx2; None for the one that is preferred.

    Raises:
        ConfigurationError: There are none at that place.
    """
    library = library or preferred_library()
    # httpx reads the folder where no file is named, and takes one that does not exist for an empty one.
    folder = "" if os.environ.get("SSL_CERT_FILE") else os.environ.get("SSL_CERT_DIR", "")
    try:
        if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):
            raise FileNotFoundError(2, os.strerror(2))
        context: ssl.SSLContext = library.create_ssl_context()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        name = "SSL_CERT_DIR" if folder else "SSL_CERT_FILE"
        if not os.environ.get(name):
            raise
        raise ConfigurationError(
            f"{name}={os.environ[name]!r} holds no certificates that can be read ({error}); name a "
            f"{'folder' if folder else 'file'} of certificates (PEM), or leave the variable unset"
        ) from None
    named = folder or os.environ.get("SSL_CERT_FILE")
    if not named and type(context) is ssl.SSLContext and not context.cert_store_stats()["x509_ca"]:
        import certifi  # httpx needs it

        context.load_verify_locations(certifi.where())
    return context
