"""Draw ``docs/figures/power.svg`` from ``measured/power.json``."""

import json
from pathlib import Path

from cbecmodel.display.canvas import BLUE, figure_bytes, look, new_figure
from cbecmodel.files import write_atomic

HERE = Path(__file__).parent


def main() -> None:
    """Draw time against replicates, n and variables."""
    found = json.loads((HERE / "measured" / "power.json").read_text(encoding="utf-8"))
    figure, first = new_figure(8.4, 2.6)
    figure.delaxes(first)
    panels = (("by_replicates", "replicates"), ("by_n", "sample size n"), ("by_variables", "observed variables"))
    with look():
        for place, (key, label) in enumerate(panels):
            axes = figure.add_subplot(1, 3, place + 1)
            sizes = [int(size) for size in found[key]]
            axes.loglog(sizes, list(found[key].values()), "o-", color=BLUE, markersize=4)
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axes.set_xticks([], minor=True)
            axes.set_xlabel(label)
            axes.set_ylim(0.05, 10)
            axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
            if place == 0:
                axes.set_ylabel("CPU seconds, one thread")
    write_atomic(HERE.parent / "docs" / "figures" / "power.svg", figure_bytes(figure, "svg"))


if __name__ == "__main__":
    main()
