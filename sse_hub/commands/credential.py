"""
What our own programs sign in to a hub with. Pure.

    --token, SSE_HUB_TOKEN --> bearer() --> the header of each request
"""


def bearer_headers(token: str | None) -> dict[str, str]:
    """The headers of a program that has `token`; none without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}
