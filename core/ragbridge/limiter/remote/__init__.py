"""A limiter whose quota is kept outside of this process: tickets here, a ledger elsewhere, one thread between them.

Tickets never block and do no I/O: what they say goes into an inbox, from any thread and from destructors as well. A
thread (the clerk) takes it out, asks the ledger, and wakes who may go. It alone has state, so nothing is locked.
"""
