"""What a POP costs, and what its other sessions feel, while many clients stall or never finish to arrive."""
