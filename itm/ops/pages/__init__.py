"""What browsers load from the public listener: the measuring script, and a page that shows a visitor theirs.

Files as written, without a build step, and the routes that serve them. Knows no measurement and no POP.
"""
