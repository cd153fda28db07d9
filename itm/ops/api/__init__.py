"""The handlers of the ops API, one file per noun; `itm.ops.app` has their table."""
