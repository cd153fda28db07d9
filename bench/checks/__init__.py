"""What health checks cost."""
