"""The ledger: every kind of integration kept in Postgres, where staff see it."""
