"""What holds for all tests."""

import signal

from hypothesis import HealthCheck, settings

# No example fails for the time that it takes: that says how busy the machine is.
settings.register_profile("sse-hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sse-hub")

# A script makes what it starts in the background deaf to Ctrl-C, and so would be all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
