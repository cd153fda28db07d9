"""The broker: who may open what, and proof of it.

Keeps tenants, Resource Locations, resources, users, connectors, POPs and tickets; hands out short-lived
certificates and one-time tickets; carries a POP's signal to a connector at another POP. Session bytes
never pass here. Only this package of the gateway knows SQLAlchemy and aiohttp.
"""
