"""Asynchronous jobs: submitted in one request, run by the service, fetched later."""
