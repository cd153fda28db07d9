"""The launcher: a launch file in, one local byte stream out, which survives the death of the POP it rides.

It knows the launch file, the POP's resumable hello and the paths to alternate POPs. It knows no users,
brokers or VDAs.
"""
