"""What the resumable stream costs beside a plain splice over the same hops."""
