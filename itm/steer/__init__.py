"""Prediction and Aggregate in, RouteMap out.

    estimate -> steps (allowed, available, fastest, capacity, sticky) -> decide -> compile -> plan -> publish

Everything here runs in the builder process on numpy arrays, one row per place or measured network;
nothing of it is imported by the answering path.
"""
