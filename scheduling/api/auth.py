"""Tokens: a user name and a password for one, and its end. Behind the same lock-out as the sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from knox.auth import TokenAuthentication
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from scheduling.api.fields import Input, Moment


class Token(TokenAuthentication):
    """`Authorization: Token <token>`; only a digest of it is stored."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not token.isascii():
            raise AuthenticationFailed(_("This token is not known, or it has ended. Sign in again."))
        try:
            return super().authenticate_credentials(token)
        except AuthenticationFailed:
            # One answer, whether the token is wrong, too old, or its owner has left.
            raise AuthenticationFailed(
                _("This token is not known, or it has ended. Sign in again.")
            ) from None


class TokenScheme(KnoxTokenScheme):
    """How the schema tells of it."""

    target_class = "scheduling.api.auth.Token"
    name = "token"


class Nobody(BaseAuthentication):
    """Signs nobody in, and says how to: so that a refused sign-in is a 401 and not a 403."""

    def authenticate(self, request: Request) -> None:
        return None

    def authenticate_header(self, request: Request) -> str:
        return str(knox_settings.AUTH_HEADER_PREFIX)


class NobodyScheme(OpenApiAuthenticationExtension):
    """Nothing to send along."""

    target_class = "scheduling.api.auth.Nobody"
    name: list[str] = []

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [{}]


class SignInIn(Input):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class SignInOut(serializers.Serializer):
    token = serializers.CharField()
    expires_at = Moment()


class SignIn(APIView):
    """A token for twelve hours. After too many wrong tries 429, on the page too, until the lock-out ends."""

    authentication_classes = [Nobody]
    permission_classes = [AllowAny]
    metadata_class = None

    @extend_schema(request=SignInIn, responses={201: SignInOut}, tags=["auth"])
    def post(self, request: Request) -> Response:
        wish = SignInIn(data=request.data)
        wish.is_valid(raise_exception=True)
        user = authenticate(request._request, **wish.validated_data)
        if user is None:
            raise AuthenticationFailed(
                _("The user name or the password is not right."), code="SIGN_IN_REFUSED"
            )
        row, token = _new_token(user, request)
        answer = Response(SignInOut({"token": token, "expires_at": row.expiry}).data, status=201)
        answer["Cache-Control"] = "no-store"
        return answer


@transaction.atomic
def _new_token(user: User, request: Request) -> tuple[AuthToken, str]:
    """A fresh token, with the audit row of the sign-in. Past the limit the oldest tokens end."""
    tokens = AuthToken.objects.filter(user=user)
    tokens.filter(expiry__lt=timezone.now()).delete()
    newest = tokens.order_by("-created").values_list("pk", flat=True)[
        : knox_settings.TOKEN_LIMIT_PER_USER - 1
    ]
    tokens.exclude(pk__in=list(newest)).delete()
    row, token = AuthToken.objects.create(user=user)
    user_logged_in.send(sender=type(user), request=request._request, user=user)
    return row, token


class SignOut(APIView):
    """Ends the token it is called with; others of the same person stay."""

    authentication_classes = [Token]
    permission_classes = [IsAuthenticated]
    metadata_class = None

    @extend_schema(request=None, responses={204: None}, tags=["auth"])
    def post(self, request: Request) -> Response:
        with transaction.atomic():
            AuthToken.objects.filter(pk=request.auth.pk).delete()
            user_logged_out.send(sender=type(request.user), request=request._request, user=request.user)
        return Response(status=204)
