"""What the API must remember so that a repeated request does its work once."""

from django.db import models


class IdempotentAnswer(models.Model):
    """The final answer to a person's request with an `Idempotency-Key`.

    Written by `cases.api.idempotency` in the transaction of the change itself, so that there is
    an answer exactly when there is a change. Kept for a day at least.
    """

    user = models.ForeignKey("cases.User", models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    made_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_idempotency_key")
        ]
