"""Settings: `base` reads the environment, the others say what differs in one place of use."""
