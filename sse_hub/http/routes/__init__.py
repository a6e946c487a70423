"""One module for each group of routes, each with a blueprint; `http/app.py` joins them."""
