"""Control data that must survive: catalog versions, overrides, tokens, the map pin, the audit trail.

Functions over SQLAlchemy Core tables; frozen values go in and out, never a row. Each change and its audit
entry are one transaction. Nothing is written here per query or per beacon.
"""
