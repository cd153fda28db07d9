import pytest

from collectors.rum.nel import MAX_WEIGHT
from gateway.pop import nel
from itm.errors import ConfigError
from itm.ops import nelpolicy

URL = "https://collector.example.net/rum/v1/nel"


def test_a_probe_target_has_the_policy_of_a_pop() -> None:
    """Browsers cannot tell them apart."""
    for share in (0, 0.1, 1):
        assert nelpolicy.policy(URL, share) == nel.policy(URL, share) != ()
    assert nelpolicy.policy("", 2) == ()


def test_the_thinnest_sample_is_what_the_collector_can_weigh() -> None:
    """Below it, successes would count less than they stand for."""
    assert MAX_WEIGHT * nelpolicy.LEAST_FRACTION == 1


def test_what_is_wrong_names_the_option() -> None:
    """Before anything is served."""
    with pytest.raises(ConfigError, match=r"^--report-to: "):
        nelpolicy.policy("http://collector.example.net/", 0.1)
    with pytest.raises(ConfigError, match=r"^--success-fraction: "):
        nelpolicy.policy(URL, 0.01)
