"""
The stream in a terminal: what a hub sends over HTTP, in colours, and nothing that a terminal would obey.

    Follower --> rows --> record_of() --> Filter --> line_of() --> the terminal          Ctrl-C --> where to go on
"""
