"""What the operator decides, as data: YAML and zone files in, one frozen `Catalog` out.

Knows nothing of databases, measurements or answers. `types` stands alone, so that the answering path may
import it without the YAML library.
"""
