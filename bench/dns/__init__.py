"""What an answer costs: the real UDP loop beside a bare Python echo, and under a rebuild."""
