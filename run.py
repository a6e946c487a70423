"""`python run.py [options]` is `sse-hub serve [options]`, straight from a checkout."""

from sse_hub.standard_streams import open_standard_streams

if __name__ == "__main__":
    open_standard_streams()
    from sse_hub.commands.serve import serve

    serve()
