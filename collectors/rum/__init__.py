"""Real-user measurements: beacon bytes and connection facts in, `Measurement`s out.

Sans-I/O. Knows no HTTP server, no journal, no window: the edge hands in bytes and writes down what comes out.
"""
