"""The recorder: what passed the gateway becomes one row in Helicone, whatever is down meanwhile.

It runs in a container on every edge host, on a plain Python image: standard library only. Data flows
one way: `taking` reads what Envoy leaves in files and counts what never came, `spool` keeps it on disk,
`delivery` hands it to jawn, `confirmation` reads it back from ClickHouse.
"""
