"""Sessions whose POP dies while bytes flow: how long they stall, and that nothing is lost."""
