"""Find rows: the search box, and lists with filters, counts, views and pages."""
