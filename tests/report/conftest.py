"""A realistic study, made from seeded numbers, for the report to be built of."""

import numpy as np
import pandas as pd
import pytest

from cbecmodel.report.results import ModelResults, PolicyChapter, SampleResults, StudyResults

CONSTRUCTS = {
    "SDI": ("Symbol digitization intensity", "符号数字化强度", ["SDM", "SDV", "SDN"]),
    "PLI": ("Platform localization interaction", "平台本地化互动", ["MLD", "ALG", "PGA"]),
    "VI": ("Value interaction", "价值互动", ["VIC", "VIS", "VIE"]),
}
OUTCOMES = {"PCI": ("Perceived cultural innovation", "文化创新感知"), "CID": ("Cultural identity", "文化认同")}
PATHS = [
    ("PCI", "SDI", 0.31, "H1"), ("PCI", "PLI", 0.22, "H2"), ("PCI", "VI", 0.18, "H3"), ("CID", "SDI", 0.05, "H4"),
    ("CID", "PLI", 0.12, "H5"), ("CID", "VI", 0.15, "H6"), ("CID", "PCI", 0.37, "H7"),
]  # fmt: skip


def parameters(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for construct, (_, _, facets) in CONSTRUCTS.items():
        rows += [(construct, "=~", facet, 0.8 + 0.1 * rng.random(), 0.04) for facet in facets]
        rows += [(facet, "=~", f"{facet}{n}", 0.7 + 0.2 * rng.random(), 0.03) for facet in facets for n in (1, 2, 3)]
    rows += [
        (outcome, "=~", f"{outcome}{n}", 0.75 + 0.1 * rng.random(), 0.03) for outcome in OUTCOMES for n in (1, 2, 3, 4)
    ]
    rows += [(lhs, "~", rhs, est, 0.045) for lhs, rhs, est, _ in PATHS]
    rows += [("PCI", "~~", "PCI", 0.68, 0.05), ("CID", "~~", "CID", 0.61, 0.05)]
    frame = pd.DataFrame(rows, columns=["lhs", "op", "rhs", "est", "se"])
    frame["label"], frame["group"] = "", 1
    frame["z"] = frame["est"] / frame["se"]
    frame["pvalue"] = np.exp(-0.717 * frame["z"] - 0.416 * frame["z"] ** 2)
    frame["ci_lower"], frame["ci_upper"] = frame["est"] - 1.96 * frame["se"], frame["est"] + 1.96 * frame["se"]
    frame["std_lv"] = frame["std_all"] = frame["est"]
    return frame


def model_results(rng: np.random.Generator, *, synthetic: bool = True) -> ModelResults:
    labels = {code: {"en": en, "zh": zh} for code, (en, zh, _) in CONSTRUCTS.items()}
    labels |= {code: {"en": en, "zh": zh} for code, (en, zh) in OUTCOMES.items()}
    labels |= {
        "SDM": {"en": "Motif digitization", "zh": "纹样数字化"},
        "MLD": {"en": "Multilingual design", "zh": "多语种设计"},
    }
    table = parameters(rng)
    effects = pd.DataFrame({
        "name": ["ind_SDI", "ind_PLI", "ind_VI"],
        "path": ["SDI → PCI → CID", "PLI → PCI → CID", "VI → PCI → CID"],
        "est": [0.115, 0.081, 0.067], "se": [0.021, 0.02, 0.019], "z": [5.5, 4.1, 3.5], "pvalue": [3e-8, 4e-5, 4e-4],
        "ci_lower": [0.074, 0.042, 0.03], "ci_upper": [0.156, 0.12, 0.104], "std_all": [0.115, 0.081, 0.067],
    })  # fmt: skip
    names = [*CONSTRUCTS, *OUTCOMES]
    reliability = pd.DataFrame(
        {"alpha": 0.8 + 0.1 * rng.random(5), "omega": 0.81 + 0.1 * rng.random(5), "omega_model_implied": 0.8,
         "composite_reliability": 0.85, "ave": 0.55 + 0.1 * rng.random(5), "n_items": [9, 9, 9, 4, 4]},
        index=pd.Index(names, name="construct"),
    )  # fmt: skip
    checked = table.loc[table["op"] == "~", ["lhs", "op", "rhs", "est"]].assign(
        other=lambda frame: frame["est"] + 2e-9, difference=2e-9, tolerance=1e-6, agrees=True
    )
    fit = {
        "npar": 96, "chisq": 812.35, "df": 612, "pvalue": 1e-7, "cfi": 0.971, "tli": 0.968, "rmsea": 0.0173,
        "rmsea_ci_lower": 0.014, "rmsea_ci_upper": 0.0203, "srmr": 0.031, "aic": 98231.4, "bic": 98711.9,
    }  # fmt: skip
    return ModelResults(
        id="M1", survey="consumer", title={"en": "Consumers' second-order model", "zh": "消费者二阶模型"},
        synthetic=synthetic, engine="semopy", estimator="ML", missing="listwise", n_obs=1041, n_dropped=51,
        parameters=table, fit_measures=pd.Series(fit), reliability=reliability, effects=effects, cross_check=checked,
        labels=labels, hypotheses={(lhs, rhs): name for lhs, rhs, _, name in PATHS},
    )  # fmt: skip


def sample_results(rng: np.random.Generator, *, synthetic: bool = True) -> SampleResults:
    flow = pd.DataFrame({
        "stage": ["read", "consent", "age", "checks", "speed"],
        "en": ["Answered", "No consent", "Under 18", "Failed two or more attention checks", "Too fast (under 2 s an item)"],
        "zh": ["已作答", "未同意参与", "未满18岁", "两项及以上注意力检测未通过", "作答过快（每题不足2秒）"],
        "n_left": [1200, 1188, 1180, 1120, 1092], "n_removed": [0, 12, 8, 60, 28],
    })  # fmt: skip
    flags = pd.DataFrame({
        "index": ["attention", "speed", "longstring"], "en": ["Attention checks failed", "Seconds per item", "Longest string"],
        "zh": ["注意力检测未通过数", "每题秒数", "最长相同作答串"], "threshold": [2, 2.0, 14],
        "n_flagged": [60, 28, 33], "share": [0.05, 0.0233, 0.0275],
    })  # fmt: skip
    codes = [(facet, f"{facet}{n}") for _, _, facets in CONSTRUCTS.values() for facet in facets for n in (1, 2, 3)]
    codes += [(outcome, f"{outcome}{n}") for outcome in OUTCOMES for n in (1, 2, 3, 4)]
    items = pd.DataFrame({
        "item": [item for _, item in codes], "construct": [construct for construct, _ in codes],
        "en": "Products on this platform combine traditional motifs with contemporary design in ways I had not seen before.",
        "zh": "这个平台上的商品把传统纹样与当代设计结合起来，方式是我以前没有见过的。",
        "n": 1092, "missing": 0.02 * rng.random(len(codes)), "mean": 4 + rng.random(len(codes)),
        "sd": 1.2 + 0.2 * rng.random(len(codes)),
        "min": 1, "max": 7,
    })  # fmt: skip
    demographics = pd.DataFrame({
        "variable": ["gender", "gender", "age", "age", "age"], "variable_en": ["Gender"] * 2 + ["Age"] * 3,
        "variable_zh": ["性别"] * 2 + ["年龄"] * 3, "category_en": ["Female", "Male", "18–29", "30–44", "45 and over"],
        "category_zh": ["女", "男", "18–29岁", "30–44岁", "45岁及以上"], "n": [571, 521, 402, 411, 279],
        "share": [0.523, 0.477, 0.368, 0.376, 0.256],
    })  # fmt: skip
    draft = {
        "en": "Draft instrument: no expert review, pilot or back-translation has been done.",
        "zh": "问卷为草案：尚未经过专家评审、预调查与回译。",
    }
    source = {"en": "The answers were drawn from a known population.", "zh": "答案由已知总体模拟生成。"}
    return SampleResults(
        "consumer", {"en": "Survey of overseas consumers", "zh": "海外消费者调查"}, source, synthetic, 1200, 1092,
        flow, flags, items, demographics, (draft,),
    )  # fmt: skip


def policy_chapter(rng: np.random.Generator, *, synthetic: bool = True) -> PolicyChapter:
    time = np.arange(-6, 9)
    effect = np.where(time < 0, rng.normal(0, 0.01, 15), 0.08 + rng.normal(0, 0.012, 15))
    error = np.full(15, 0.015)
    effect[time == -1] = error[time == -1] = 0
    events = pd.DataFrame({
        "event_time": time, "att": effect, "se": error, "ci_lower": effect - 1.96 * error, "ci_upper": effect + 1.96 * error,
    })  # fmt: skip
    cohorts = pd.DataFrame({"cohort": [0, 2015, 2016, 2018, 2019, 2020, 2022], "n_units": [120, 1, 12, 22, 24, 46, 60]})
    checked = pd.DataFrame({
        "quantity": ["att", "att_se"], "est": [0.0781, 0.0123], "other": [0.0781, 0.0123], "difference": [3e-14, 1e-15],
        "tolerance": 1e-10, "agrees": True,
    })  # fmt: skip
    return PolicyChapter(
        id="P1", panel="cities", title={"en": "Pilot zones", "zh": "跨境电商综合试验区"},
        outcome={"en": "log design patents", "zh": "外观设计专利（对数）"}, synthetic=synthetic, estimator="twfe",
        small_sample="fixest", cluster="city", n_obs=4275, n_units=285, n_times=15, n_treated=165, n_clusters=285,
        att=0.0781, att_se=0.0123, att_ci_lower=0.0539, att_ci_upper=0.1023, att_pvalue=2e-9, event_study=events,
        pre_trend=pd.Series({"statistic": 1.2, "df": 5, "df_denominator": 284, "pvalue": 0.31}),
        cohorts=cohorts.assign(n_obs=cohorts["n_units"] * 15), cross_check=checked, truth=0.08 if synthetic else None,
    )  # fmt: skip


def ledger() -> pd.DataFrame:
    said = " From simulated data: this is about the simulated population, not the world."
    rows = []
    for lhs, rhs, est, name in PATHS:
        clear = est > 0.09
        rows.append({
            "hypothesis": name, "en": f"{rhs} raises {lhs}: the more of the first, the more of the second.",
            "zh": f"{rhs} 提升 {lhs}：前者越高，后者越高。", "claims": "C1, C2", "test": f"M1: {lhs} ~ {rhs}", "expected": 1,
            "estimate": est, "standardized": est, "ci_lower": est - 0.09, "ci_upper": est + 0.09,
            "pvalue": 1e-4 if clear else 0.27, "second_engine": est, "verdict": "supported" if clear else "not_supported",
            "reason_en": f"The estimate {est:.3f} has the expected sign.{said}",
            "reason_zh": f"估计值 {est:.3f} 的符号与预期一致。来自模拟数据：仅说明模拟总体，不说明现实。", "synthetic": True,
        })  # fmt: skip
    for letter, cause, est in zip("abc", CONSTRUCTS, (0.115, 0.081, 0.067), strict=True):
        rows.append({**rows[0], "hypothesis": f"H8{letter}", "test": f"M1: {cause} -> PCI -> CID", "estimate": est})
    nothing = dict.fromkeys(["estimate", "standardized", "ci_lower", "ci_upper", "pvalue", "second_engine"], np.nan)
    rows.append({
        **rows[0], **nothing, "hypothesis": "H12", "test": "", "verdict": "not_testable",
        "en": "Platforms and firms reinforce each other over time.", "zh": "平台与企业随时间相互强化。",
        "reason_en": "Dynamic coupling is not identified by one cross-section; it needs panel waves.",
        "reason_zh": "单次横截面数据无法识别动态耦合，需要多期面板数据。",
    })  # fmt: skip
    return pd.DataFrame(rows)


def study(*, synthetic: bool = True) -> StudyResults:
    rng = np.random.default_rng(20251117)
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    provenance = {
        "study": "cbec", "commit": {"id": digest[:40], "changed": False}, "python": "3.11.7", "system": "Linux x86_64",
        "packages": {"cbecmodel": "0.1.0", "numpy": "2.4.6", "semopy": "2.3.11"}, "seed": 20251117,
        "seeds": {"draw:consumer": 1234567}, "inputs": {"analysis/study.yaml": digest, "surveys/consumer.yaml": digest[::-1]},
        "paper": {
            "en": "Zhang San (2020). A Paper of Ours. Journal of Tests, 1(2), 3–4. https://doi.org/10.1/x",
            "zh": "张三（2020）。我们的论文。《检验学报》，1(2)，3–4。https://doi.org/10.1/x",
        },
        "instruments": {"consumer": {"id": "consumer", "version": "0.1.0", "content": digest}},
    }  # fmt: skip
    return StudyResults(
        id="cbec",
        title={"en": "How cross-border e-commerce drives cultural innovation", "zh": "跨境电商如何驱动文化创新"},
        abstract={
            "en": "The study asks whether digitized symbols, localized platforms and value interaction go with perceived "
            "cultural innovation and identity among overseas consumers, and whether pilot zones raise cultural output.",
            "zh": "本研究考察文化符号数字化、平台本地化与价值互动是否与海外消费者的文化创新感知及文化认同相关，"
            "以及综合试验区是否提升文化产出。",
        },
        languages=("en", "zh"), synthetic=synthetic, samples=(sample_results(rng, synthetic=synthetic),),
        models=(model_results(rng, synthetic=synthetic),), policies=(policy_chapter(rng, synthetic=synthetic),),
        hypotheses=ledger(), provenance=provenance,
    )  # fmt: skip


@pytest.fixture(scope="session")
def results() -> StudyResults:
    return study()
