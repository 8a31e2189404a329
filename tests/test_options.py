"""Whatever is given for an option: what is wrong with it is said in one short line."""

from __future__ import annotations

from functools import partial
from itertools import islice, product

import numpy as np
import pytest

from rtvc.errors import RTVCError, quoted
from rtvc.options import OPTIONS, checked, checked_enhance, checked_size

CHECKS = {name: partial(checked, name) for name in OPTIONS} | {"enhance": checked_enhance, "batch_size": checked_size}
TAKEN = "batch_size", "a number of 5000 digits"  # as much as there is
ODD = {
    "a number of 5000 digits": 10**5000,
    "many lines": "fast\n" * 1000,
    "an array": np.arange(9000.0),
    "a list": [None] * 9000,
    "a complex number": -0.5j,
    "what terminals obey": "\x1b[2J",
}


@pytest.mark.parametrize(("name", "value"), sorted(set(product(CHECKS, ODD)) - {TAKEN}))
def test_a_message_is_one_line(name, value):
    with pytest.raises(RTVCError, match=name) as caught:
        CHECKS[name](ODD[value])
    assert len(str(caught.value)) < 120
    assert str(caught.value).isprintable()
    assert len(quoted(ODD[value], 40)) <= 42


def test_a_batch_of_any_size_is_all_there_is():
    assert list(islice("abc", checked_size(10**5000))) == ["a", "b", "c"]


@pytest.mark.parametrize("enhance", [True, False, 1, 0, np.True_, np.int8(0), "auto"])
def test_truth_of_any_kind(enhance):
    assert checked_enhance(enhance) == enhance
    assert isinstance(checked_enhance(enhance), bool | str)
