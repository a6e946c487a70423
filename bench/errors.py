"""The exceptions of the bench. Their messages are shown to the user."""


class BenchError(Exception):
    """A server or a program of the bench didn't do its part in a measurement."""


class BuildError(Exception):
    """The C programs can't be compiled; the message says what to do."""


class PeerUnavailable(Exception):
    """A peer can't be installed or started here; the message says why."""
