"""How long it takes to assign networks to POPs within their rooms, and what merging and greed lose."""
