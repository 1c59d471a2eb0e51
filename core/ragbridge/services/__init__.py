"""The services: each builds requests and reads responses, without I/O."""
