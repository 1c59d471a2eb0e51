"""Rules of the services that Elasticsearch's endpoints may name, one module a service."""
