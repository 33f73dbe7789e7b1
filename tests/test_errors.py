import pytest

from graft.errors import many


@pytest.mark.parametrize(("count", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1234, "1,234 images")])
def test_a_number_of_things_is_said_as_one_says_it(count, said):
    assert many(count, "image") == said
