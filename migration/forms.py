from collections.abc import Mapping
from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from ivmweb.pages.forms.focus import FocusOnFirst
from ivmweb.pages.forms.names import AS_TYPED, NameField
from ivmweb.pages.wording import coded, words_of
from migration.models import RemoteSystem
from migration.peer.remotes import unknown_remote


def refuse_remote(shown: str) -> str:
    return words_of(unknown_remote(shown, RemoteSystem.objects.known().order_by("name")))


class MigrateForm(FocusOnFirst, forms.Form):
    """IVM's three fields and no more."""

    about: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("remote-empty", "remote-ambiguous", "remote-none-known"), "remote_manager"),
        **dict.fromkeys(("remote-unknown", "remote-is-itself", "remote-is-system-name"), "remote_manager"),
        "remote-user-missing": "remote_user",
        **dict.fromkeys(("remote-password-missing", "peer-wrong-password"), "password"),
    }

    remote_manager = NameField(
        refuse_remote,
        label=_("Remote IVM or HMC"),
        max_length=255,
        help_text=_("Host name or IP address of the other console; not the name of its managed system."),
        widget=forms.TextInput(attrs=AS_TYPED),
    )
    remote_user = NameField(
        lambda shown: coded("user-id-wrong", user=shown),
        label=_("Remote user ID"),
        max_length=150,
        widget=forms.TextInput(attrs=AS_TYPED),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,  # after Validate its token serves; the service says when it does not
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class AddRemoteForm(FocusOnFirst, forms.Form):
    about: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("remote-name-wrong", "remote-has-own-name", "remote-name-known"), "name"),
        **dict.fromkeys(("remote-address-wrong", "remote-is-this-console", "remote-address-known"), "address"),
    }

    name = NameField(
        lambda shown: coded("remote-name-wrong", name=shown),
        label=_("Name"),
        max_length=63,
        help_text=_("The host name of the other console, as it will be typed into Remote IVM or HMC."),
        widget=forms.TextInput(attrs=AS_TYPED),
    )
    address = NameField(
        lambda shown: coded("remote-address-wrong", address=shown),
        label=_("Address"),
        max_length=255,
        help_text=_(
            "Host name or IP address and HTTPS port, for example uli14.example.com:8443; without a port, 443."
        ),
        widget=forms.TextInput(attrs=AS_TYPED),
    )
