import itertools

from migration.curve import MOST_POINTS, Point, with_point


def drawn(times, points=None):
    points = points or []
    for seconds in times:
        points = with_point(points, Point(seconds, 1000 - int(seconds) % 1000, int(seconds)))
    return points


def test_a_short_transfer_keeps_every_report():
    assert [point.seconds for point in drawn([0.5, 1.0, 1.5])] == [0.5, 1.0, 1.5]


def test_reports_that_follow_at_once_take_each_others_place():
    assert [point.seconds for point in drawn([0.5, 0.6, 0.7, 1.5])] == [0.5, 1.5]


def test_an_hour_of_reports_stays_few_points_over_all_of_it():
    points = drawn(number / 2 for number in range(7200))
    gaps = [later.seconds - earlier.seconds for earlier, later in itertools.pairwise(points)]
    assert MOST_POINTS // 3 < len(points) <= MOST_POINTS
    assert points[0].seconds == 0
    assert points[-1].seconds == 3599.5
    assert max(gaps) < 4 * 3600 / len(points)
