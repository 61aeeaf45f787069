"""Times to the second, by the 24-hour clock: that is what people compare with logs."""

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = "j M Y H:i:s"
