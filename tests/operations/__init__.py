"""What people do with what is stored."""
