"""This POP's link to ITM, if it has one: reports go out, orders come in. ITM away changes nothing here."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.channel import Channel
from gateway.errors import ConfigError
from gateway.pop.config import ItmConfig
from gateway.pop.counters import Counters
from gateway.pop.http import Headers, HttpPeer
from gateway.pop.orders import Orders
from gateway.pop.report import Reporter
from gateway.pop.samples import Samples
from gateway.pop.sessions import REACH, Record
from gateway.protocol.codes import CloseCode
from gateway.protocol.control import Load


class ItmLink:
    """The parts that speak to ITM. `name` is the POP's enrolled name, `host` tells its hosts apart."""

    def __init__(
        self,
        config: ItmConfig,
        *,
        name: str,
        host: str,
        load: Callable[[], Load],
        obey: Callable[[bool], None],
        counters: Counters,
        clock: Callable[[], float],
        ticks: Callable[[], float],
    ) -> None:
        context = _context(config)
        pop = config.pop or name
        self._config = config
        self._headers()  # a token that cannot be read is an error at the start
        # One peer each: a question that waits must not hold the reports' connection.
        self._peers = [
            HttpPeer(config.url, lambda: context, setting="pop.itm", headers=self._headers) for _ in range(2)
        ]
        self._reporter = Reporter(self._peers[0], pop, host, load, counters, clock)
        self._samples = Samples(self._reporter.measured, ticks)
        self._orders = Orders(self._peers[1], pop, obey)

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """Return what must run while the POP does."""
        return [self._reporter.run(), self._samples.run(), self._orders.run()]

    def carried(self, record: Record, client: Channel) -> None:
        """A session's wire is carried from now on."""
        if record.mode != REACH:
            self._samples.begin(record.network, client)

    def launched(self, network: str, code: CloseCode | None) -> None:
        """A launch came to its end: None opened."""
        self._reporter.launch(network, code)

    @property
    def waiting_rows(self) -> int:
        """Rows that ITM has not got yet."""
        return len(self._reporter)

    def close(self) -> None:
        """Close the connections."""
        for peer in self._peers:
            peer.close()

    def _headers(self) -> Headers:
        """Return the token as it stands in its file now: it may be replaced while the POP runs."""
        path = self._config.token_file
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise ConfigError(f"pop.itm_token_file: {path}: {error.strerror or error}") from error
        if not token or not token.isascii() or any(c.isspace() for c in token):
            raise ConfigError(f"pop.itm_token_file: {path}: expected one token")
        return [("Authorization", f"Bearer {token}")]


def _context(config: ItmConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca)
    except OSError as error:
        raise ConfigError(f"pop.itm_ca: {config.ca}: {error}") from error
