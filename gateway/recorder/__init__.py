"""The recorder: what passed the gateway becomes one row in Helicone, whatever is down meanwhile.

It runs in a container on every edge host, on a plain Python image: standard library only. Data flows
one way: `intake` reads what Envoy mirrors, `spool` keeps it on disk, `delivery` hands it to jawn,
`confirmation` reads it back from ClickHouse, `gaps` counts what never came.
"""
