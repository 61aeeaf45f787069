"""What holds for all tests."""

import os
from collections.abc import Generator, Iterator

import hypothesis
import pytest
from xdist.remote import Producer

from tests.databases import database_template, own_database  # noqa: F401 -- fixtures
from tests.side_by_side import Chains

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

CI = os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Chains:
    """Share the tests out in our own way; pytest-xdist calls this where it spreads them."""
    return Chains(config, log)


@pytest.fixture(autouse=True)
def ended_publisher() -> Iterator[None]:
    """End the thread of a test that has handed events over: its database is about to go.

    It would try again every few seconds for as long as the process lives, beside others' tests.
    """
    yield
    from webhooks.processing import dispatch  # noqa: PLC0415 -- after Django's setup

    dispatch.publisher.close(timeout=5)
    dispatch.reset_publisher()


@pytest.fixture(autouse=True)
def forgotten_acknowledgements() -> Iterator[None]:
    """Keep what a test measures from the counts that another one reads."""
    from webhooks.statistics import acknowledgements as measured  # noqa: PLC0415 -- as above

    measured.acknowledgements = measured.Acknowledgements(interval=3600)
    yield
    measured.acknowledgements._slots.clear()  # noqa: SLF001 -- what nobody but a test wants
    measured.acknowledgements.close(timeout=5)
    measured.reset_acknowledgements()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where `CI` is set: there, nothing may be left out."""
    report = yield
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not accept: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same to a module that skips itself as a whole."""
    report = yield
    if CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = (
            f"{collector.nodeid} was skipped, which CI does not accept: {report.longrepr}"
        )
    return report
