"""What every implementation of a contract must pass; subclassed by each one's own tests."""

import pytest

# The suites are no test modules by name, and their asserts should explain themselves all the same.
pytest.register_assert_rewrite(
    "tests.contracts.backend_contract",
    "tests.contracts.kind_contracts",
    "tests.contracts.vendor_contract",
)
