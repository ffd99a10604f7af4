from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from ivmweb.pages.forms.focus import FocusOnFirst
from ivmweb.pages.forms.names import AS_TYPED, NameField
from ivmweb.pages.wording import coded
from ivmweb.system.rights import GIVEN_ROLES


def password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, strip=False, max_length=1024, help_text=help_text, widget=widget)


class NewPasswordForm(FocusOnFirst, forms.Form):
    about: ClassVar[Mapping[str, str]] = {
        "password-old-wrong": "old_password",
        **dict.fromkeys(("password-same", "password-refused"), "new_password"),
        "passwords-differ": "new_password_again",
        **dict.fromkeys(("user-id-wrong", "user-exists", "user-exists-in-other-case"), "name"),
        "role-not-given": "role",
    }

    new_password = password_field(
        _("New password"),
        "new-password",
        _("At least 8 characters, not only digits or spaces, no common password and nothing like the user ID."),
    )
    new_password_again = password_field(_("New password again"), "new-password")


class ProfileForm(NewPasswordForm):
    old_password = password_field(_("Old password"), "current-password")
    field_order = ["old_password", "new_password", "new_password_again"]


class CreateUserForm(NewPasswordForm):
    name = NameField(
        lambda shown: coded("user-id-wrong", user=shown),
        label=_("User ID"),
        max_length=32,
        help_text=_("A letter, then letters, digits, dots, hyphens or underscores. At log-in it is case-sensitive."),
        widget=forms.TextInput(attrs=AS_TYPED),
    )
    role = forms.ChoiceField(label=_("Role"), choices=[(role, _(role)) for role in GIVEN_ROLES])
    field_order = ["name", "new_password", "new_password_again", "role"]
