"""The official SDK as this adapter uses it: it names endpoints, builds and sends requests; reading answers is ours.

Differences from the SDK as it comes, each through a method made to be overridden:
- the time in signatures is the exchange's, not this machine's;
- an error answer is read here, because the SDK stumbles over bodies that are not JSON objects;
- a good answer is handed on as text: the SDK's models refuse values they do not know (after the order was placed!),
  turn numbers into text, and cost a millisecond per ten rows.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from autotrader_v2.infrastructure.gate.answers import TlsFailed, error_answer
from autotrader_v2.infrastructure.gate.connections import POOLS, begin_request
from autotrader_v2.infrastructure.gate.signing import Signer

# The SDK ignores a timeout that is not an int or a pair of ints, and then waits for ever.
Timeout = tuple[int, int]
_ELSEWHERE = "held by the signer"


def open_client(host: str, signer: Signer, now_ms: Callable[[], int], *, pool_size: int) -> Any:
    """A client of the SDK: one pool of kept-alive connections, no retries, no redirects."""
    import gate_api  # noqa: PLC0415 - a quarter of a second, and paper mode never needs it

    # The SDK only asks whether there are a key and a secret; the true ones stay with the signer.
    configuration = gate_api.Configuration(host=host, key=_ELSEWHERE, secret=_ELSEWHERE)
    configuration.retries = False
    configuration.connection_pool_maxsize = pool_size
    client = _client_class()(configuration)
    client.signer, client.now_ms = signer, now_ms
    client.rest_client.pool_manager.pool_classes_by_scheme = POOLS
    return client


@cache
def _client_class() -> Any:
    import gate_api  # noqa: PLC0415

    class Client(gate_api.ApiClient):  # type: ignore[misc] # the SDK ships no types
        """See the module. Thread-safe: `last_response` of the parent is never read."""

        signer: Signer
        now_ms: Callable[[], int]

        def gen_sign(
            self, method: str, url: str, query_string: str | None = None, body: object = None
        ) -> dict[str, str]:
            """Sign with the exchange's time."""
            text = body if body is None or isinstance(body, str) else json.dumps(body)
            return self.signer.rest(method, url, query_string or "", text, f"{self.now_ms() / 1000:.3f}")

        def request(self, *args: Any, **kwargs: Any) -> Any:
            """Send. Errors: `ErrorAnswer`, or what urllib3 raises."""
            begin_request()
            try:
                return super().request(*args, **kwargs)
            except gate_api.ApiException as error:
                status, reason = error.status, str(error.reason)
                body, headers = error.body or b"", error.headers or {}
            # Raised out here, so that the SDK's error, which quotes the whole answer, is not even its context.
            if not status:
                raise TlsFailed(reason)
            raise error_answer(status, body, headers, self.signer.hidden)

        def deserialize(self, response: Any, response_type: object) -> str:
            """Hand the text on."""
            return str(response.data)

    return Client
