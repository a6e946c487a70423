"""`python run.py [options]` is `sse-hub serve [options]`, straight from a checkout."""

from sse_hub.launch import serve

if __name__ == "__main__":
    serve()
