"""The systems downstream: one folder per kind, one module per vendor, one shape for all."""
