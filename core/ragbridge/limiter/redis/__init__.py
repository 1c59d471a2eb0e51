"""``RedisQuotas``: one quota for any number of processes and machines."""

from ragbridge.limiter.redis.quotas import RedisQuotas

__all__ = ["RedisQuotas"]
