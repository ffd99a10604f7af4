import pytest

from migration.validation.system_level import Level, level_of

OLD, GOOD, UNTOLD = Level(is_supported=False), Level(is_supported=True), Level(is_supported=True, is_told=False)


@pytest.mark.parametrize(
    ("os_version", "level"),
    [
        ("AIX 5.2 5200-10", OLD),
        ("AIX 5.3 5300-06-01", OLD),
        ("AIX 5.3 5300-07", GOOD),
        ("AIX 5.3", UNTOLD),
        ("AIX 6.1 6100-02-02-0943", GOOD),
        ("AIX 7.1", GOOD),
        ("AIX", UNTOLD),
        ("Linux", UNTOLD),
        ("Linux 2.6.9-42.EL", OLD),
        ("Linux 2.6.16.60-0.21-ppc64", GOOD),
        ("Linux 2.6.18-8.el5", GOOD),
        ("Linux 6.1.0", GOOD),
        ("VIOS 1.5.2.0", None),
        ("", None),
        ("OS/400", None),
    ],
)
def test_levels_as_operating_systems_tell_them(os_version, level):
    assert level_of(os_version) == level
