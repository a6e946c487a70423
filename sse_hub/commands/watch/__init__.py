"""
The stream in a terminal: what a hub sends over HTTP, coloured, without control characters.

    StreamFollower --> lines --> parse_record() --> LineFilter --> LineFormatter --> stdout     Ctrl-C --> the position
"""
