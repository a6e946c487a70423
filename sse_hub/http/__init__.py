"""Requests and answers; `app` is the one place where all parts are wired together."""
