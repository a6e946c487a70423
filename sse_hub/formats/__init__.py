"""
The log formats that the hub understands, as data: `table.json`, which the page's reader in `web/js/normalise` and this
package's own read alike.

docs/formats.md describes the columns of the table and the steps of a reader.
"""
