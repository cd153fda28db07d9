"""How long a build takes: every place decided, the measured ones again, the map written."""
