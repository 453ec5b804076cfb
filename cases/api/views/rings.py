from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import ring_rows
from cases.api.base import ListView, PersonView
from cases.api.filters import RingFilter
from cases.api.serializers.rings import RingOut
from cases.models import Ring


@extend_schema(tags=["rings"])
class RingList(ListView):
    """Rings with their members, links and offered joins. Ask `?account=REF` for the ring of one."""

    serializer_class = RingOut
    filterset_class = RingFilter
    max_page_size = 25
    orderings = {
        "newest": ("-id",),
        "oldest": ("id",),
        "largest": ("-size", "-id"),
        "changed": ("-changed_at", "-id"),
    }

    def get_queryset(self) -> QuerySet[Ring]:
        return Ring.objects.visible_to(self.request.user).filter(dissolved_at=None)

    def prepare(self, rows: list[Ring]) -> None:
        ring_rows.fill(rows, self.request.user)


@extend_schema(tags=["rings"])
class RingDetail(PersonView):
    """One ring, also when it has dissolved."""

    serializer_class = RingOut

    def get(self, request: Request, pk: int) -> Response:
        ring = get_object_or_404(Ring.objects.visible_to(request.user), pk=pk)
        ring_rows.fill([ring], request.user)
        return Response(self.shown(RingOut, ring))
