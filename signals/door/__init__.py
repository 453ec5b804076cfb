"""The door: what detectors and the platform post, checked, stored once, and answered.

`views` speaks HTTP, `access` asks who knocks, `bodies` reads what they brought, `accept` decides
on each item with `findings` (signals) or `facts` (activity), `storage` writes.
"""
