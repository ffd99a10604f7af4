"""A user without a browser: signs in and submits the pages' own forms, as without JavaScript."""

import html
import re
from uuid import UUID

import httpx

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    def __init__(self, address: str, user: str = "padmin", password: str = "") -> None:
        self.http = httpx.Client(base_url=address, timeout=40, follow_redirects=True, trust_env=False)
        self.post("/login/", {"username": user, "password": password or user})

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, fields: dict[str, str], *, page: str = "") -> httpx.Response:
        """Open the page that has the form, then send it with that page's CSRF token."""
        token = TOKEN.search(self.get(page or path).text)
        data = {**fields, "csrfmiddlewaretoken": token.group(1) if token else ""}
        return self.http.post(path, data=data, headers={"Origin": str(self.http.base_url).rstrip("/")})

    def validate(self, lpar_id: int, remote: str, **fields: str) -> str:
        return self._migrate_page(lpar_id, "validate", remote, **fields).text

    def migrate(self, lpar_id: int, remote: str, **fields: str) -> UUID:
        """Press Migrate; the id of the migration whose Status page it leads to."""
        response = self._migrate_page(lpar_id, "migrate", remote, **fields)
        found = re.search(r"/migrations/([0-9a-f-]{36})/", str(response.url))
        assert found, f"Migrate did not lead to Status: {errors_in(response.text)}"
        return UUID(found.group(1))

    def refused(self, lpar_id: int, remote: str, **fields: str) -> str:
        """Press Migrate; the text of the page that came instead of Status."""
        response = self._migrate_page(lpar_id, "migrate", remote, **fields)
        assert "/migrations/" not in str(response.url)
        return html.unescape(response.text)

    def _migrate_page(
        self, lpar_id: int, button: str, remote: str, *, user: str = "padmin", password: str = "padmin"
    ) -> httpx.Response:
        fields = {"remote_manager": remote, "remote_user": user, "password": password, button: "1"}
        return self.post(f"/partitions/{lpar_id}/migrate/", fields)

    def stop(self, migration: UUID) -> httpx.Response:
        return self.post(f"/migrations/{migration}/stop/", {}, page="/help/")

    def recover(self, migration: UUID) -> httpx.Response:
        return self.post(f"/migrations/{migration}/recover/", {}, page="/help/")


def errors_in(page: str) -> list[str]:
    return re.findall(r"\[VIOS[EIW][^<]*", html.unescape(page))
