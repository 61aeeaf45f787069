"""How the tests are shared out where several processes run them (`pytest -n`)."""

from xdist.scheduler import LoadScopeScheduling

CHAINS = {
    "tests/vendors/": "the product in full",
    "tests/test_end_to_end.py": "the product in full",
    "tests/config/test_run.py": "make run",
    "tests/browser/": "make run",
}
"""By the beginning of their names: tests that start all of the product's processes.

Those of a chain run one after another, since a dozen processes that start at once are a load of
their own; and chains begin first, since single tests fill up what is left at the end.
"""


class Chains(LoadScopeScheduling):  # type: ignore[misc] # its module says nothing of its types
    """Gives each test to the first process that is free, but for those of the chains."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what must stay together with the test: its chain, or itself alone."""
        for beginning, chain in CHAINS.items():
            if nodeid.startswith(beginning):
                return chain
        return nodeid
