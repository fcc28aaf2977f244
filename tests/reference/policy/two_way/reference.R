# Numbers for tests/policy/test_policy_reference.py: two-way fixed effects by plm, and by lm with a dummy for every level.
# The data come with linearmodels; write them out first, then run this script in the same folder:
#   python -c "from linearmodels.datasets import wage_panel as w, jobtraining as j; w.load().to_csv('wage_panel.csv', index=False); j.load().to_csv('jobtraining.csv', index=False)"
#   Rscript reference.R > reference.json
suppressMessages({library(plm); library(sandwich); library(jsonlite)})
pick <- function(est, cov, names) list(coef = as.list(est[names]), se = as.list(sqrt(diag(cov))[names]))

wage <- read.csv("wage_panel.csv")
slopes <- c("union", "married", "hours")
within <- plm(lwage ~ union + married + hours, data = wage, index = c("nr", "year"), model = "within", effect = "twoways")
arellano <- function(type) vcovHC(within, method = "arellano", type = type, cluster = "group")

jobs <- read.csv("jobtraining.csv")
first <- tapply(ifelse(jobs$grant == 1, jobs$year, NA), jobs$fcode, function(x) if (all(is.na(x))) 0 else min(x, na.rm = TRUE))
jobs$cohort <- first[as.character(jobs$fcode)]
jobs <- jobs[!is.na(jobs$lscrap), ]
jobs$treated <- as.numeric(jobs$cohort > 0 & jobs$year >= jobs$cohort)
since <- ifelse(jobs$cohort == 0, NA, jobs$year - jobs$cohort)
for (time in c(-2, 0, 1)) jobs[[paste0("t", time + 2)]] <- as.numeric(!is.na(since) & since == time)
clustered <- function(model) vcovCL(model, cluster = jobs$fcode, type = "HC0", cadjust = FALSE)
static <- lm(lscrap ~ treated + factor(fcode) + factor(year), data = jobs)
event <- lm(lscrap ~ t0 + t2 + t3 + factor(fcode) + factor(year), data = jobs)
robust <- function(type) vcovHC(static, type = type)

cat(toJSON(list(
  made_with = c(R.version.string, paste("plm", packageVersion("plm")), paste("sandwich", packageVersion("sandwich"))),
  wage_panel = list(n = nobs(within), HC0 = pick(coef(within), arellano("HC0"), slopes), sss = pick(coef(within), arellano("sss"), slopes),
                    iid = pick(coef(within), vcov(within), slopes)),
  jobtraining = list(n = nrow(jobs), firms = length(unique(jobs$fcode)),
                     static = pick(coef(static), clustered(static), "treated"), static_hc1 = pick(coef(static), robust("HC1"), "treated"),
                     event = pick(coef(event), clustered(event), c("t0", "t2", "t3")))
), digits = NA, auto_unbox = TRUE, pretty = TRUE), "\n")
