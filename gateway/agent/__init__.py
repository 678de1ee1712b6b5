"""The program that works on a host: standard library only, sent over SSH, gone when it is done.

It is packed by `gateway.transport.bundle` and started by one exec; `session` reads requests from
standard input and answers with JSON lines. Nothing here imports from outside this folder.
"""
