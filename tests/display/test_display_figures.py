"""Figures are the same on every run, need no font of the machine, and cover nothing."""

import itertools
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch

from cbecmodel.display.canvas import Picture, new_figure
from cbecmodel.display.figures import coefficient_figure, event_study_figure, figure_bytes, flow_figure, rollout_figure
from cbecmodel.display.layered_graph import Node, heights, layers, overlap
from cbecmodel.display.path_arcs import arc_courses, label_point
from cbecmodel.display.paths import lay_out, path_diagram

PATHS = pd.DataFrame(
    [("PCI", "SDI", 0.31, 1e-5, "H1"), ("PCI", "PLI", 0.22, 1e-4, "H2"), ("PCI", "VI", 0.18, 0.003, "H3"),
     ("CID", "SDI", 0.05, 0.3, "H4"), ("CID", "PLI", 0.12, 0.04, "H5"), ("CID", "VI", -0.15, 0.02, "H6"),
     ("CID", "PCI", 0.37, 1e-8, "H7")],
    columns=["lhs", "rhs", "est", "pvalue", "label"],
)  # fmt: skip
CHAIN = pd.DataFrame(
    [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("e", "a"), ("d", "a"), ("x", "b"), ("e", "x"), ("a", "e")],
    columns=["lhs", "rhs"],
).assign(est=0.3, pvalue=0.01)
FACETS = pd.DataFrame({"lhs": ["SDI"] * 3 + ["PCI"] * 4 + ["CID"] * 2, "rhs": [f"v{n}" for n in range(9)]})
CORRELATIONS = pd.DataFrame({"lhs": ["SDI", "SDI", "PLI"], "rhs": ["PLI", "VI", "VI"], "est": [0.44, 0.41, -0.38]})
NAMES = {
    "SDI": "符号数字化强度",
    "PLI": "Platform localization interaction",
    "PCI": "文化创新感知",
    "CID": "Cultural identity",
}


@pytest.fixture
def events():
    time = np.arange(-5, 6)
    effect, error = np.where(time < 0, 0.0, 0.08), np.where(time == -1, 0.0, 0.02)
    return pd.DataFrame(
        {"event_time": time, "att": effect, "se": error, "ci_lower": effect - 2 * error, "ci_upper": effect + 2 * error}
    )


@pytest.fixture
def flow():
    return pd.DataFrame(
        {"en": ["Read", "Too fast"], "zh": ["读入", "作答过快"], "n_left": [1200, 1100], "n_removed": [0, 100]}
    )


def words_of(figure):
    return [note.get_text() for axes in figure.axes for note in axes.texts if note.get_text()]


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_figures_are_the_same_on_every_run(events, flow, kind):
    def drawn():
        return [
            figure_bytes(event_study_figure(events, truth=0.08), kind),
            figure_bytes(flow_figure(flow, "zh"), kind),
            figure_bytes(path_diagram(PATHS, latents=set(NAMES), labels=NAMES, lang="zh"), kind),
        ]

    assert drawn() == drawn()


def test_an_svg_holds_no_text_font_or_date(flow):
    drawing = figure_bytes(flow_figure(flow, "zh"), "svg").decode()
    assert "<text" not in drawing
    assert "font-family" not in drawing
    assert not re.search(r"20\d\d-\d\d-\d\d|Matplotlib", drawing)


def test_settings_of_the_user_are_neither_used_nor_changed(events):
    plain = figure_bytes(event_study_figure(events), "svg")
    mine = {"font.size": 30, "svg.hashsalt": "mine", "text.color": "red", "axes.facecolor": "red", "axes.grid": True}
    with mpl.rc_context(mine):
        assert figure_bytes(event_study_figure(events), "svg") == plain
        assert {name: mpl.rcParams[name] for name in mine} == mine


def test_pyplot_is_not_touched():
    import subprocess
    import sys

    code = (
        "import sys, cbecmodel.display.figures, cbecmodel.display.paths; sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_picture_shows_itself():
    figure, _ = new_figure(2, 2)
    assert isinstance(figure, Picture)
    assert "<svg" in figure._repr_svg_()


def test_event_study_marks_base_period_and_names_the_truth(events):
    figure = event_study_figure(events, truth=0.08, lang="zh")
    names = [entry.get_text() for entry in figure.axes[0].get_legend().get_texts()]
    assert "真实效应（合成数据）" in names
    assert "基期" in names
    assert len(event_study_figure(events).axes[0].get_legend().get_texts()) == 2
    banded = events.assign(band_lower=events.ci_lower - 0.01, band_upper=events.ci_upper + 0.01)
    names = [
        entry.get_text()
        for entry in event_study_figure(banded, truth={0: 0.1, 1: 0.2}).axes[0].get_legend().get_texts()
    ]
    assert "Simultaneous 95% band" in names


def test_the_base_period_is_hollow_and_has_no_interval(events):
    axes = event_study_figure(events.sample(frac=1, random_state=1)).axes[0]
    ((points, _, (bars,)),) = axes.containers
    assert points.get_xdata().tolist() == [time for time in range(-5, 6) if time != -1]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()][-1] == pytest.approx([0.04, 0.12])
    (base,) = [line for line in axes.lines if line.get_label() == "Base period"]
    assert (base.get_xdata().tolist(), base.get_markerfacecolor()) == ([-1.0], "#ffffff")


def test_flow_counts_come_from_the_frame(flow):
    assert words_of(flow_figure(flow)) == ["Read\nn = 1,200", "Too fast  (n = 100)", "Analysed\nn = 1,100"]


def test_coefficients_and_rollout():
    frame = pd.DataFrame(
        {"label": ["a", "文化" * 40], "est": [0.2, -0.1], "ci_lower": [0.1, -0.3], "ci_upper": [0.3, 0.1]}
    )
    assert words_of(coefficient_figure(frame)) == ["0.20  [0.10, 0.30]", "−0.10  [−0.30, 0.10]"]
    axes = coefficient_figure(frame).axes[0]
    assert axes.get_yticklabels()[0].get_text() == "a"
    assert axes.get_yticks().tolist() == [1, 0]  # the first row on top
    filled = axes.collections[-1].get_facecolors()
    assert (filled[0] != filled[1]).any()  # an interval that holds zero has a hollow point
    assert filled[1].tolist() == [1, 1, 1, 1]
    never = pd.DataFrame({"cohort": [0], "n_units": [5]})
    assert [tick.get_text() for tick in rollout_figure(never, "zh").axes[0].get_xticklabels()] == ["从未受处理"]


def test_columns_follow_the_longest_path_and_survive_cycles():
    found = layers(list("abcdex"), list(zip(CHAIN["rhs"], CHAIN["lhs"], strict=True)))
    assert found == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "x": 2}


@pytest.mark.parametrize("indicators", [None, FACETS])
@pytest.mark.parametrize("paths", [PATHS, CHAIN])
def test_nothing_in_a_path_diagram_overlaps(paths, indicators):
    plan = lay_out(
        paths,
        latents=set(NAMES),
        labels=NAMES,
        indicators=indicators,
        covariances=CORRELATIONS,
        r_squared={"PCI": 0.3, "CID": 0.4},
    )
    solid = [*plan.boxes.values(), *(box for *_, box in plan.small)]
    for one, two in itertools.combinations([*solid, *plan.label_boxes], 2):
        assert overlap(one, two) == 0
    for box, (effect, cause) in itertools.product(plan.boxes.items(), zip(paths["lhs"], paths["rhs"], strict=True)):
        name, (left, bottom, right, top) = box
        course = plan.curves[[*zip(paths["lhs"], paths["rhs"], strict=True)].index((effect, cause))]
        inside = (course[:, 0] > left) & (course[:, 0] < right) & (course[:, 1] > bottom) & (course[:, 1] < top)
        if name not in (effect, cause):
            assert not inside.any(), (name, cause, effect)
    for arc, (name, (left, bottom, right, top)) in itertools.product(plan.arcs, plan.boxes.items()):
        across, up = (
            (arc[:, 0] - (left + right) / 2) / (right - left),
            (arc[:, 1] - (bottom + top) / 2) / (top - bottom),
        )
        assert (across**2 + up**2 > 0.25).all(), name  # outside the ellipse
    for arc, (*_, (left, bottom, right, top)) in itertools.product(plan.arcs, plan.small):
        assert not ((arc[:, 0] > left) & (arc[:, 0] < right) & (arc[:, 1] > bottom) & (arc[:, 1] < top)).any()
    assert len(plan.arcs) == (3 if paths is PATHS else 0)  # variables that are not in the diagram have none


def test_a_diagram_says_every_number_once():
    figure = path_diagram(PATHS, latents=set(NAMES), labels=NAMES, r_squared={"PCI": 0.32}, lang="zh")
    said = words_of(figure)
    assert [text for text in said if text.startswith("H")] == [
        f"{r.label}  {r.est:.2f}".replace("-", "−") for r in PATHS.itertuples()
    ]
    assert "R² = 0.32" in said
    assert len(figure.axes[0].get_legend().get_texts()) == 4


def test_correlations_are_said_and_point_both_ways():
    figure = path_diagram(PATHS, latents=set(NAMES), labels=NAMES, covariances=CORRELATIONS)
    assert {"0.44", "0.41", "−0.38"} <= set(words_of(figure))
    plain = path_diagram(PATHS, latents=set(NAMES), labels=NAMES)
    heads = [sum(isinstance(patch, FancyArrowPatch) for patch in f.axes[0].patches) for f in (figure, plain)]
    assert heads[0] - heads[1] == 2 * len(CORRELATIONS)


def test_a_correlation_bows_around_the_construct_between_and_its_number_clears_it():
    boxes = {"a": (0, 4, 1, 5), "b": (-0.2, 2, 1.2, 3), "c": (0, 0, 1, 1), "far": (3, 0, 4, 5)}
    (bow,) = arc_courses([("a", "c")], boxes)
    beside = bow[(bow[:, 1] > 2) & (bow[:, 1] < 3)]
    assert (beside[:, 0] < -0.25).all()
    x, y = label_point(bow, boxes)
    assert 3.2 < y < 3.8 or 1.2 < y < 1.8
    assert label_point(*[arc_courses([("a", "b")], boxes)[0]], boxes) == pytest.approx((0.5, 3.5), abs=0.05)
    assert x < 0.2


def test_a_diagram_fits_the_page():
    plan = lay_out(PATHS, latents=set(NAMES), labels=NAMES, indicators=FACETS)
    left, _, right, _ = plan.extent
    assert right - left < 6.9


def test_weak_and_negative_paths_look_different():
    shown = PATHS.assign(pvalue=[0.001, 0.001, 0.001, 0.3, 0.001, 0.001, 0.001])
    lines = path_diagram(shown, latents=set(NAMES), labels=NAMES).axes[0].lines
    looks = [(line.get_color(), line.get_linestyle()) for line in lines[: len(PATHS)]]
    assert len(set(looks)) == 3
    assert looks[3][1] == "--"
    assert looks[5][0] not in {looks[0][0], looks[3][0]}
    assert [look for place, look in enumerate(looks) if place not in (3, 5)] == [looks[0]] * 5


def test_outcomes_of_one_cause_do_not_lie_on_one_another():
    box = Node(1, 0.5, 0.8)
    found = heights(dict.fromkeys("abc", box), {"a": 0, "b": 1, "c": 1}, [0, 3], [("a", "b"), ("a", "c")])
    assert abs(found["b"] - found["c"]) >= 0.8


def test_large_diagrams_are_placed_in_reasonable_time():
    many = pd.DataFrame(
        [(f"m{k}", f"x{j}") for j in range(6) for k in range(5)] + [("y", f"m{k}") for k in range(5)],
        columns=["lhs", "rhs"],
    )
    plan = lay_out(many.assign(est=0.1, pvalue=0.5), latents=set(), labels={})
    assert all(overlap(a, b) == 0 for a, b in itertools.combinations(plan.boxes.values(), 2))


def test_heights_keep_the_reading_order_of_causes():
    box = Node(1, 0.5, 0.8)
    found = heights(dict.fromkeys("abcd", box), {"a": 0, "b": 0, "c": 0, "d": 1}, [0, 3], [(k, "d") for k in "abc"])
    assert found["a"] > found["b"] > found["c"]
    assert found["d"] == found["b"]


def test_a_measurement_model_is_drawn_without_paths():
    none = pd.DataFrame({"lhs": [], "rhs": [], "est": [], "pvalue": []})
    loadings = pd.DataFrame({"lhs": ["A", "A", "B"], "rhs": ["a1", "a2", "b1"], "est": 0.7, "pvalue": 0.0})
    plan = lay_out(none, latents={"A", "B"}, labels={}, indicators=loadings)
    assert list(plan.boxes) == ["A", "B"]
    assert sorted((owner, *lines) for owner, lines, _ in plan.small) == [("A", "a1"), ("A", "a2"), ("B", "b1")]
