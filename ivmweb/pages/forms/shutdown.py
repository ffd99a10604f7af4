from django import forms
from django.utils.translation import gettext_lazy as _

from ivmweb.hypervisor.base import ShutdownKind


class ShutdownForm(forms.Form):
    type = forms.ChoiceField(
        label=_("Shutdown type"),
        choices=[
            (ShutdownKind.OS.value, _("Operating System (recommended)")),
            (ShutdownKind.DELAYED.value, _("Delayed")),
            (ShutdownKind.IMMEDIATE.value, _("Immediate")),
        ],
        initial=ShutdownKind.OS.value,
        widget=forms.RadioSelect,
    )
    restart = forms.BooleanField(label=_("Restart after shutdown completes"), required=False)

    @property
    def kind(self) -> ShutdownKind:
        return ShutdownKind(self.cleaned_data["type"])
