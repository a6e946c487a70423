"""
Where alerts are sent: each kind of destination is a module with a class that sends one alert.

    [destinations.ops] of the rule file --> settings --> webhook, apprise      channel: the alerts as lines

None of them repeats anything: `destination_queue` decides when an alert is tried again.
"""
