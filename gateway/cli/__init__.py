"""The commands of `itm-gateway`: one module per noun or program; each has `configure` and `run`."""
