"""Figures as JSON, for whoever compares runs."""

import json
import platform
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "results"


def write_results(name: str, figures: dict[str, Any]) -> Path:
    """Write the figures of the benchmark `name`, with when and where; return the file."""
    FOLDER.mkdir(exist_ok=True)
    about = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": cpu_count(),
        "python": platform.python_version(),
    }
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps(about | figures, indent=1) + "\n")
    return file
