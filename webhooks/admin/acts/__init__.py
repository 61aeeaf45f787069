"""Put right: ask first, have it done in the background, and follow it."""
