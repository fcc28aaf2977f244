# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The study in one sitting · 一次走完整项研究
#
# From the questionnaire to the effect of a policy, in the order in which a study is done. Every cell can be run as it stands;
# the answers and the city panel are **simulated** and say so.
#
# 按研究的顺序，从问卷走到政策效应。每个单元格都可以直接运行；其中的作答与城市面板均为**模拟数据**，并处处标明。

# %%
import cbecmodel as cbec

# %% [markdown]
# ## 1. The theory · 理论
# The paper has no data and states no hypotheses. Each hypothesis below is our reading of a quoted claim, with what would refute it.
#
# 论文没有数据，也没有提出假设。以下每条假设都是我们对一处原文论断的操作化，并写明什么结果会否定它。

# %%
theory = cbec.load_theory()
theory

# %% [markdown]
# ## 2. The questionnaire · 问卷
# It is a draft: no expert review, pilot or back-translation has been done yet.
#
# 问卷仍是草案：尚未经过专家评审、预调查和回译。

# %%
consumer = cbec.load_instrument("consumer")
consumer

# %% [markdown]
# ## 3. Answers · 作答
# To use your own answers, replace the next cell by `answers = cbec.read_responses("answers.xlsx", consumer)`.
#
# 若使用自己的数据，把下一个单元格换成 `answers = cbec.read_responses("answers.xlsx", consumer)` 即可。

# %%
import yaml

from cbecmodel.content import content_folder

study = yaml.safe_load((content_folder("analysis") / "study.yaml").read_text(encoding="utf-8"))
population = study["surveys"]["consumer"]["population"]
answers = cbec.simulate_responses(consumer, population=population, n=population.get("n", 1200), seed=study["seed"])
answers

# %% [markdown]
# ## 4. Screening · 筛查
# Nothing is deleted: a respondent is flagged, counted, and left out of the analysis under rules fixed beforehand.
#
# 不删除任何数据：按事先确定的规则标记、计数，并在分析时排除。

# %%
screening = answers.screen()
screening

# %% [markdown]
# ## 5. The model · 模型
# M1: three interactions → perceived cultural innovation (PCI) and identification with Chinese culture (CID). The syntax is lavaan's.
#
# M1：三种互动 → 感知文化创新（PCI）与文化认同（CID）。语法与 lavaan 相同。

# %%
model = theory.models["M1"]
print(model.syntax)

# %%
fit = cbec.sem(model.syntax, screening.kept, engine="semopy")
fit

# %% [markdown]
# The seven paths and the three indirect effects of H8, and the same paths by a second, independent estimator:
#
# 七条路径、H8 的三个间接效应，以及由另一个独立估计器得到的同样路径：

# %%
parameters = fit.parameters
parameters[parameters["op"].isin(["~", ":="])].round(3)

# %%
fit.cross_check()

# %%
cbec.reliability(fit).round(3)

# %%
fit.plot()

# %% [markdown]
# ## 6. A policy · 政策
# 181 pilot zones in eight batches, 2015–2025. The panel is simulated on the real rollout with a known effect of .08 log points.
#
# 2015–2025 年分八批设立的 181 个综试区。面板按真实设立时间模拟，已知效应为 0.08 个对数点。

# %%
zones = cbec.pilot_zones()
zones

# %%
panel = cbec.simulate_panel(effect=0.08, seed=study["seed"])
panel

# %%
effect = cbec.policy_effect(panel, outcome="log_design_patents")
effect

# %%
effect.plot()

# %% [markdown]
# ## 7. The report · 报告
# `cbecmodel run analysis/study.yaml` does all of this and writes the report in both languages; a second run does only what has changed.
#
# `cbecmodel run analysis/study.yaml` 会完成以上全部步骤，并生成中英文报告；再次运行时只重做有变化的部分。
