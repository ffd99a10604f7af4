"""What Django's own validators of new passwords let pass."""

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class SomethingToSeeValidator:
    """Refuses white space only: a bar of spaces is no secret, and nobody sees how many there are."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if not password.strip():
            raise ValidationError(_("This password is nothing but white space."), code="password_blank")

    def get_help_text(self) -> str:
        return _("Your password can't be nothing but white space.")
