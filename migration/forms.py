from django import forms
from django.utils.translation import gettext_lazy as _


class MigrateForm(forms.Form):
    """IVM's three fields and no more."""

    remote_manager = forms.CharField(
        label=_("Remote IVM or HMC"),
        max_length=255,
        help_text=_("Host name or IP address of the other console; not the name of its managed system."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    remote_user = forms.CharField(
        label=_("Remote user ID"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,  # after Validate its token serves; the service says when it does not
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )


class AddRemoteForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=63,
        help_text=_("The host name of the other console, as it will be typed into Remote IVM or HMC."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=255,
        help_text=_("Host name or IP address and HTTPS port, for example uli14.example.com:8443."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
