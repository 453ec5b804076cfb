"""Looking things up about an account without a person: lists, wallets, networks, shared traits.

`request` writes the work in the caller's transaction; workers take it one by one.
"""

from cases.enrichment.jobs import request, request_many, retry

__all__ = ["request", "request_many", "retry"]
