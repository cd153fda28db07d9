"""An agent of checks: plans come in over HTTPS, outcomes go out; and the forms that both sides speak.

The server imports the forms (`plans`, `report`); the rest is the agent's program. Knows no catalog
and no store.
"""
