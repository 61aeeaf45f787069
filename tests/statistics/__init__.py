"""What is counted, against the rows that it counts."""
