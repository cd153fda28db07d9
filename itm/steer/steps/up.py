"""`up`: whose checks fail is not answered. Named first, it acts last: at answer time, on the finished list.

A map that had health in it would have to be built anew for every POP that dies, and would be wrong until it
was. So no array of a build holds a state, and a POP's death needs no build: the answering process asks this
very function (`itm.routemap.mask`), and so does `why`.
"""

from __future__ import annotations

from itm.routemap.mask import serve

up = serve
