"""`make conform`: what other people's testers say of us, beside four servers that everybody trusts."""
