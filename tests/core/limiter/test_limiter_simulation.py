import re
import subprocess
import sys
from pathlib import Path

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "limiter_simulation.py"


def test_simulated_servers_are_used_and_not_overrun():
    """Estimates off by 10 %: no refusal and 97 % of the quota on logs, minutes and buckets; small bursts are learnt."""
    ran = subprocess.run(
        [sys.executable, SIMULATION, "--minutes", "7", "--seeds", "1", "--pacing", "auto"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    alone = [line for line in ran.stdout.splitlines() if "| auto | 0% |" in line]
    assert len(alone) == 2
    for line in alone:
        cells = [(float(share), int(refused)) for share, refused in re.findall(r"([\d.]+)% \((\d+)\)", line)]
        assert len(cells) == 4
        assert all(refused == 0 for _, refused in cells[:3])
        assert all(share >= 97 for share, _ in cells)
        assert cells[3][1] <= 32
