"""What taking beacons costs, beside a bare handler that answers 204."""
