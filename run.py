"""`python run.py [options]` is `sse-hub serve [options]`, straight from a checkout."""

from sse_hub.commands.serve import serve

if __name__ == "__main__":
    serve()
