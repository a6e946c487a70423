"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# No example fails for the time that it takes: that says how busy the machine is.
settings.register_profile("sse-hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sse-hub")
