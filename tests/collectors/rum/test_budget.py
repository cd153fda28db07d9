from collections import Counter

from collectors.network import Network
from collectors.rum.budget import NETWORK, OVERALL, Budgets
from tests.collectors.observed import NOON

TOKYO = Network.of("133.11.0.1")


def test_a_network_has_an_hours_worth_and_then_its_rate():
    """Ten at once of ten an hour, then one every six minutes."""
    budgets = Budgets(per_network=10, overall=0)
    assert Counter(budgets.take(TOKYO, NOON) for _ in range(15)) == {"": 10, NETWORK: 5}
    taken = [budgets.take(TOKYO, NOON + minute * 60) for minute in range(1, 61)]
    assert taken.count("") == 10
    assert taken.index("") == 5


def test_networks_do_not_share():
    """One that is spent is no other's loss."""
    budgets = Budgets(per_network=1, overall=0)
    assert [budgets.take(TOKYO, NOON), budgets.take(TOKYO, NOON)] == ["", NETWORK]
    assert budgets.take(Network.of("133.11.1.1"), NOON) == ""


def test_all_together_have_a_rate():
    """A second's worth at once; the network whose session was not planned keeps its budget."""
    budgets = Budgets(per_network=1, overall=100)
    networks = [Network(4, unit) for unit in range(150)]
    assert Counter(budgets.take(network, NOON) for network in networks) == {"": 100, OVERALL: 50}
    assert budgets.take(networks[149], NOON + 1) == ""


def test_a_rate_below_one_in_a_second_is_one_at_a_time():
    """The bucket holds one session at least."""
    budgets = Budgets(per_network=0.5, overall=0.1)
    assert [budgets.take(TOKYO, NOON), budgets.take(TOKYO, NOON + 3600)] == ["", NETWORK]
    assert budgets.take(TOKYO, NOON + 7201) == ""


def test_no_limit_is_no_limit():
    """0 switches either off, and then nothing is kept."""
    budgets = Budgets(per_network=0, overall=0)
    assert {budgets.take(TOKYO, NOON) for _ in range(10_000)} == {""}
    assert len(budgets) == 0


def test_memory_follows_the_overall_rate():
    """Networks whose budget is whole again are forgotten, however many come by."""
    budgets = Budgets(per_network=120, overall=100)  # one session a network: whole again after 30 s
    for number in range(60_000):
        assert budgets.take(Network(4, number), NOON + number / 100) == ""
    assert len(budgets) < 8_000


def test_a_clock_that_is_set_back_refuses_nobody():
    """Budgets begin anew."""
    budgets = Budgets(per_network=10, overall=10)
    assert budgets.take(TOKYO, NOON + 1e6) == ""
    assert budgets.take(TOKYO, NOON) == ""
