"""How the web server runs: threads that share connections, and workers that may be killed.

Used by `script/demo` and fit for deployments: `gunicorn -c tsportal/gunicorn.py tsportal.wsgi`.
"""

import os
from typing import Any

from django.db import connections
from prometheus_client import multiprocess

bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_PROCESSES", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_class = "gthread"
# Loaded once and forked: memory is shared, and a worker that died is back in milliseconds. New
# code therefore needs a restart; a HUP alone starts workers of the old code.
preload_app = True
keepalive = 30
timeout = 60
graceful_timeout = 20
# Memory that leaks anywhere is given back now and then; not all workers at once.
max_requests = 50_000
max_requests_jitter = 10_000
# The heartbeat's file belongs in memory: on a busy disk it makes healthy workers look dead.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
errorlog = "-"
loglevel = "warning"
proc_name = "portal-web"
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    """A worker never speaks over a connection that was opened before the fork."""
    for connection in connections.all(initialized_only=True):
        connection.connection = None


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that is gone; its counters stay in the sum."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
