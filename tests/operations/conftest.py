"""What these tests share."""

from tests.operations.receivers import receiver  # noqa: F401 -- a fixture
