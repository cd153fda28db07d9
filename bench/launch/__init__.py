"""From a ticket to the first byte of the VDA, beside a bare TLS accept."""
