"""
The stream in a terminal: what a hub sends over HTTP, coloured, without control characters.

    filter_text() --> StreamFollower --> lines --> LineFormatter --> stdout     Ctrl-C --> the position
"""
