"""
The stream in a terminal: what a hub sends over HTTP, coloured, without control characters.

    StreamFollower --> lines --> LineFilter --> LineFormatter --> stdout     Ctrl-C --> the position
"""
