"""What stands where in the demo, and the command line of each of its processes. No I/O.

One port on loopback addresses of its own (127.20.1.0/24), the broker's signals on the one above: nothing of
it can be reached from another machine, and no address of the machine is taken.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.address import join_address
from gateway.errors import ConfigError

PORT: Final = 9443
POPS: Final = {"pop-a": "127.20.1.1", "pop-b": "127.20.1.2"}
BROKER: Final = "127.20.1.3"
VDA: Final = "127.20.1.4"
LOCATION: Final = "office"
USER: Final = "demo"
RESOURCE: Final = "echo"
DRAIN_SECONDS: Final = "1"
"""A session of the demo ends with it: nobody waits for its drain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A demo in one directory, at one port. Raises `ConfigError` for a port that leaves no room above."""

    state: Path
    port: int = PORT

    def __post_init__(self) -> None:
        if not 0 < self.port < 65535:
            raise ConfigError(f"--port: expected 1 to 65534, not {self.port}")

    @property
    def gateway(self) -> str:
        """What launch files name: the first POP; the second is known to sessions as an alternate."""
        return self.at(next(iter(POPS.values())))

    @property
    def vda(self) -> str:
        """The echo VDA."""
        return self.at(VDA)

    @property
    def broker_url(self) -> str:
        """The broker's HTTPS."""
        return f"https://{self.at(BROKER)}"

    @property
    def broker_state(self) -> Path:
        """What the broker's commands are given as `--state`."""
        return self.state / "broker"

    @property
    def password_file(self) -> Path:
        """Where the user's password stands."""
        return self.state / "password"

    def at(self, host: str) -> str:
        """Return the demo's port on one of its addresses."""
        return join_address(host, self.port)

    def listening(self) -> tuple[tuple[str, int], ...]:
        """Return every address that is taken."""
        return (*((host, self.port) for host in (*POPS.values(), BROKER, VDA)), (BROKER, self.port + 1))

    def broker_settings(self) -> Mapping[str, str]:
        """Return the broker's settings that are not its defaults."""
        return {
            "state": str(self.broker_state),
            "listen": self.at(BROKER),
            "signal": join_address(BROKER, self.port + 1),
            "names": BROKER,
            "gateway": self.gateway,
        }

    def commands(self) -> dict[str, tuple[str, ...]]:
        """Return the command line of each process by its name; no process needs another to be there first."""
        gateway = (sys.executable, "-m", "gateway")
        known = [word for host in POPS.values() for word in ("--pop", self.at(host))]
        return {
            "broker": (*gateway, "broker", "--state", str(self.broker_state)),
            "echo-vda": (*gateway, "echo-vda", "--listen", self.vda),
            **{name: (*gateway, *self._pop(name)) for name in POPS},
            "connector": (
                *(*gateway, "connector", "--state", str(self.state / "connector")),
                *("--allow", self.vda, "--drain-seconds", DRAIN_SECONDS, *known),
            ),
        }

    def _pop(self, name: str) -> tuple[str, ...]:
        host = self.gateway.rpartition(":")[0]
        alternates = [
            word for address in POPS.values() for word in ("--alternate", f"{host}@{self.at(address)}")
        ]
        return (
            *("pop", "--state", str(self.state / name), "--listen", self.at(POPS[name])),
            *("--drain-seconds", DRAIN_SECONDS, *alternates),
        )
