"""What was said: masked until somebody with the permission asks, and then written down."""
