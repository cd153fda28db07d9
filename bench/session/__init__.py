"""What a session and its tokens cost the edge."""
