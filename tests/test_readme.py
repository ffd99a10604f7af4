import re

from tools.front_door import COMMANDS
from tools.paths import ROOT

README = (ROOT / "README.md").read_text()


def test_the_readme_explains_every_setting_and_no_other():
    read = set(
        re.findall(
            r'(?:address|number|one_of|ports|switch|text|whole)\("(IVM_\w+)"',
            (ROOT / "ivmweb" / "settings.py").read_text(),
        )
    )
    rows = README.partition("### Settings")[2].partition("\n## ")[0]
    explained = {
        name for line in rows.splitlines() if line.startswith("| `") for name in re.findall(r"IVM_\w+", line)
    }
    assert len(read) > 20
    assert explained == read


def test_the_readme_names_every_command():
    assert [name for name in COMMANDS if f"`./ivm {name}" not in README] == []


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
