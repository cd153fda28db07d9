import struct

from itm.ops.objects import PIXEL


def test_the_pixel_is_a_whole_gif_of_43_bytes() -> None:
    """One transparent pixel: the size the measurement plan counts on."""
    assert len(PIXEL) == 43
    assert (PIXEL[:6], PIXEL[-1:]) == (b"GIF89a", b";")
    assert struct.unpack("<HH", PIXEL[6:10]) == (1, 1)
