"""Page through what only grows: newest first, from where the last page ended."""

import re
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

PAGE_SIZE = re.compile(r"[1-9][0-9]*")


class NewestFirst(CursorPagination):
    """Pages in the order in which rows were inserted, the last one first; nothing is counted."""

    ordering = "-id"
    key = "[0-9]{1,18}"
    """What the ordering's values look like; bounded, so that a number fits into a bigint."""
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    page_size_query_description = (
        "How many results a page has: 50 unless given, and never more than 200."
    )
    cursor_query_description = "Where the page begins, as in another page's `next` or `previous`."

    def get_page_size(self, request: Request) -> int:
        """Return how many rows a page has. Raises ValidationError for what is not a number."""
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not PAGE_SIZE.fullmatch(given):
            raise ValidationError({self.page_size_query_param: ["Enter a whole number above 0."]})
        # What has more digits is more, too, and Python reads no number of thousands of digits.
        return min(int(given[:4]), self.max_page_size)

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the address of the page at `cursor`, which always names a row: keys are unique."""
        direction = "previous" if cursor.reverse else "next"
        return replace_query_param(
            str(self.base_url),
            self.cursor_query_param,
            f"{direction}-{cursor.position}",
        )

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor that another page gave, or None for the first page.

        Raises ValidationError for any other text.
        """
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        found = re.fullmatch(f"(next|previous)-({self.key})", given)
        if not found:
            raise ValidationError({self.cursor_query_param: ["Take it from another page."]})
        return Cursor(offset=0, reverse=found[1] == "previous", position=found[2])  # type: ignore[arg-type] # a text, as REST framework's own

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe both parameters just as they are read."""
        cursor, page_size = super().get_schema_operation_parameters(view)
        cursor["schema"] |= {"pattern": f"^(next|previous)-{self.key}$"}
        page_size["schema"] |= {"minimum": 1}
        return [cursor, page_size]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page as OpenAPI 3.1 does; REST framework's own words are 3.0's."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "properties": {"next": link, "previous": link, "results": schema},
            "required": ["next", "previous", "results"],
        }


class ByAlias(NewestFirst):
    """Pages through the integrations, of which there are a handful."""

    ordering = "alias"
    key = "[a-z]{1,10}"
