"""The model can fail: it finds each planted bug, and says how to get there."""

import pytest

from tests.processing.model.bugs import BUGS, planted
from tests.processing.model.checker import CounterexampleError
from tests.processing.model.conftest import Visit
from tests.processing.model.scenes import SCENES


@pytest.mark.parametrize("name", BUGS)
def test_planted_bug_is_found(
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rule that the bug breaks is named, with the moves that lead there."""
    bug = BUGS[name]
    with planted(bug, monkeypatch), pytest.raises(CounterexampleError) as found:
        visit(SCENES[bug.scene])
    with capsys.disabled():
        print(f"\n{name}: {found.value}")  # noqa: T201 -- the way there is what it is about
    assert found.value.rule == bug.rule
    assert found.value.trace
