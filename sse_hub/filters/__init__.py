"""
The filter language of the page, for the hub and the command line: docs/page.md has its grammar.

    "level>=warn user=u7" --> parse --> compile_filter() --> Filter.matches(FilteredLine(payload, channel, …))
                                              └──► Filter.may_match(payload): a first look at the bytes alone

The page's engine is `web/js/query`. Both are tested with the same cases, `tests/fixtures/filters.json`.
"""
