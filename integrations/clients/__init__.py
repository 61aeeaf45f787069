"""What the backends of one vendor share across kinds."""
