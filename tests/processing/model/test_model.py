"""Whatever happens in whatever order: nothing is lost, nothing is done twice, all comes to an end.

`MODEL_SIZE=large` visits the larger scenes instead of the small ones, which takes many minutes.
"""

import os

import pytest

from tests.processing.model.conftest import Visit
from tests.processing.model.scenes import LARGE, SCENES

IS_LARGE = os.environ.get("MODEL_SIZE") == "large"


@pytest.mark.timeout(7200 if IS_LARGE else 120)
@pytest.mark.parametrize("scene", LARGE if IS_LARGE else SCENES)
def test_no_order_of_moves_breaks_a_rule(
    visit: Visit, scene: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every state that can be reached keeps the rules, and from each all comes to an end."""
    visited = visit((LARGE if IS_LARGE else SCENES)[scene])
    with capsys.disabled():
        print(f"\n  {scene}: {visited} ", end="")  # noqa: T201 -- how much was looked at
    assert visited.states > visited.endings > 0
