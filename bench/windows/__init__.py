"""How much a million (network, POP) cells take: memory, reading all quartiles, checkpoints."""
