"""What Django's own validators of new passwords let pass."""

from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

FEW = 3  # characters beside the user ID that still make no password


class NotTheUserIdValidator(UserAttributeSimilarityValidator):
    """Refuses the user ID several times over as well, which is not similar to it by its length."""

    def validate(self, password: str, user: User | None = None) -> None:
        super().validate(password, user)
        name = user.get_username().lower() if user else ""
        if name and name in password.lower() and len(password.lower().replace(name, "")) <= FEW:
            raise ValidationError(_("The password is too similar to the username."), code="password_too_similar")


class SomethingToSeeValidator:
    """Refuses white space only: a bar of spaces is no secret, and nobody sees how many there are."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if not password.strip():
            raise ValidationError(_("This password is nothing but white space."), code="password_blank")

    def get_help_text(self) -> str:
        return _("Your password can't be nothing but white space.")
