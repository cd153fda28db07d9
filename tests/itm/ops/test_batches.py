"""Names of feeds that are remembered."""

from itm.ops.batches import KEPT, Batches


def test_a_name_is_one_batch() -> None:
    """As long as it is among the latest; no name is no batch twice."""
    batches = Batches()
    first = batches.of("a")
    assert batches.of("a") is first
    assert batches.of("") is not batches.of("")
    for number in range(KEPT - 1):
        batches.of(str(number))
    assert batches.of("a") is first
    for number in range(KEPT):
        batches.of(str(number))
    assert batches.of("a") is not first
