"""Connections of the web processes' pool, which are looked at before each request at no cost."""

import select
from typing import Any

import psycopg


class PooledConnection(psycopg.Connection[Any]):
    """Answers the pool's question "are you alive?" from the socket alone.

    The pool asks with an empty statement, which is a round trip for every request. A server that
    ended has closed the socket, or said so on it, and both can be seen here. What cannot be seen
    here (a cable that was pulled) would not be seen a millisecond later either: the next
    statement then fails, and its connection is thrown away.
    """

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> psycopg.Cursor[Any]:
        if query != "":
            return super().execute(query, *args, **kwargs)
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")
        waiting = select.poll()
        waiting.register(self.fileno(), select.POLLIN | select.POLLPRI)
        if waiting.poll(0):
            # Nothing was asked, so this is either a notice or the end.
            self.pgconn.consume_input()
            if self.pgconn.status != psycopg.pq.ConnStatus.OK:
                self.close()
                raise psycopg.OperationalError("the server has closed the connection")
        return self.cursor()
