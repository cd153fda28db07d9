"""The second journey: client -> POP -> connector -> VDA.

Four programs (`itm-gateway broker | pop | connector | launch`) that meet the rest of the product only through
DNS and HTTP: nothing here imports `itm`, `models` or `collectors`. `gateway.protocol` holds every byte on the
wire.
"""
