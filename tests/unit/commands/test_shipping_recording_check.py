"""F12: a shipper says within a second that no hub records in its database."""

import pytest

from sse_hub.commands.shipping.recording_check import LOOK_SECONDS, RecordingCheck


@pytest.mark.parametrize(
    ("watermarks", "told_at"),
    [
        ([None, None, None], 1),
        ([b"1", b"2"], None),
        ([b"1", b"1", b"2", b"2"], None),
        # Left by a hub that is gone.
        ([b"1", b"1", b"1", b"1", b"1"], 3),
    ],
)
def test_f12_nobody_records_if_there_is_no_watermark_or_it_does_not_move(
    watermarks: list[bytes | None], told_at: int | None
) -> None:
    now = 0.0
    check = RecordingCheck(clock=lambda: now)
    told = []
    for second, watermark in enumerate(watermarks):
        now = second * LOOK_SECONDS
        if check.note(watermark):
            told.append(second)

    assert told == ([] if told_at is None else [told_at])
    assert check.seconds_left is None
