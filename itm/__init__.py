"""ITM: Prediction in, DNS Answer out; the only package that knows the other two."""
