"""The Workspace page: a user logs in, sees what is theirs, and takes a launch file, in any browser.

Handlers on the broker's HTTPS listener; pages are HTML and one style sheet of our own, without script.
Who may open what is the broker's (`gateway.broker`); of it only the composition root knows this package.
"""
