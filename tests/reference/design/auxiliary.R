# Auxiliary variables by semTools: Rscript auxiliary.R writes auxiliary.csv.
suppressPackageStartupMessages({library(lavaan); library(semTools)})
file_arg <- grep("^--file=", commandArgs(FALSE), value = TRUE)[1]
here <- dirname(normalizePath(sub("^--file=", "", file_arg)))
gaps <- read.csv(file.path(here, "..", "sem", "data", "pupils_gaps.csv"))
fit <- cfa.auxiliary("f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6", data = gaps, aux = c("a1", "a2"))
p <- parameterEstimates(fit)
p <- p[p$op == "=~" & p$se > 0, ]
m <- fitMeasures(fit, c("chisq", "df", "logl", "baseline.chisq", "baseline.df", "cfi", "tli", "rmsea"),
                 baseline.model = fit@external$baseline.model)
out <- data.frame(name = c(paste0(p$rhs, ".est"), paste0(p$rhs, ".se"), names(m)), value = c(p$est, p$se, unclass(m)))
write.csv(format(out, digits = 15, trim = TRUE), file.path(here, "auxiliary.csv"), row.names = FALSE, quote = FALSE)
