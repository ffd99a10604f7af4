from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ivmweb.pages.forms.focus import FocusOnFirst
from ivmweb.pages.forms.names import NameField
from ivmweb.pages.wording import coded


class LoginForm(FocusOnFirst, AuthenticationForm):
    username = NameField(
        lambda _shown: coded("login-refused"),
        label=_("User ID"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def full_clean(self) -> None:
        super().full_clean()
        if self.non_field_errors():
            self.mark("password")  # typed again in any case

    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError(coded("login-refused"), code="invalid_login")
