"""Page through what only grows: newest first, from where the last page ended."""

import re
from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

# Bounded, so that what is read as a number fits into Postgres's bigint.
PAGE_SIZE = re.compile(r"[1-9][0-9]{0,8}")
KEY = re.compile(r"[0-9]{1,18}")


class NewestFirst(CursorPagination):
    """Pages in the order in which rows were inserted, the last one first; nothing is counted."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    page_size_query_description = "How many results a page has: 50 unless given, 200 at most."
    cursor_query_description = "Where the page begins, as in an earlier page's `next`."

    def get_page_size(self, request: Request) -> int:
        """Return how many rows a page has. Raises ValidationError for what is not a number."""
        given = request.query_params.get(self.page_size_query_param)
        if not given:
            return self.page_size
        if not PAGE_SIZE.fullmatch(given):
            raise ValidationError({self.page_size_query_param: ["Enter a whole number above 0."]})
        return min(int(given), self.max_page_size)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page as OpenAPI 3.1 does; REST framework's own words are 3.0's."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "properties": {"next": link, "previous": link, "results": schema},
            "required": ["next", "previous", "results"],
        }

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor that an earlier page gave, or None for the first page.

        Raises ValidationError for any other text: REST framework would hand over to the query
        whatever stands in the key's place.
        """
        invalid = ValidationError({self.cursor_query_param: ["Take it from an earlier page."]})
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise invalid from None
        position: str | int | None = cursor.position if cursor else None
        if isinstance(position, str) and not KEY.fullmatch(position):
            raise invalid
        return cursor
