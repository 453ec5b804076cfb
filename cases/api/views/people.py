from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases import permissions
from cases.api.base import PersonView
from cases.api.serializers.people import MeOut


@extend_schema(tags=["me"])
class Me(PersonView):
    """Who the token or session belongs to, and what they may do."""

    serializer_class = MeOut
    needs = None

    def get(self, request: Request) -> Response:
        user = request.user
        return Response(
            {
                "username": user.username,
                "display_name": str(user),
                "time_zone": user.time_zone,
                "roles": permissions.roles_of(user),
                "permissions": sorted(user.get_all_permissions()),
            }
        )
