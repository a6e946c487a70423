"""The page's files as browsers get them."""
