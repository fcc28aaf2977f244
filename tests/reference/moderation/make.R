# semTools' simple slopes and the limits of the Johnson-Neyman regions by root finding: Rscript make.R
suppressPackageStartupMessages({library(lavaan); library(semTools); library(jsonlite)})
here <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])))
source_folder <- file.path(here, "..", "sem")
data <- read.csv(file.path(source_folder, "data", "interaction.csv"))
made <- indProd(data, paste0("x", 1:3), paste0("m", 1:3))
model <- "X =~ x1 + x2 + x3
M =~ m1 + m2 + m3
Y =~ y1 + y2 + y3
XM =~ x1.m1 + x2.m2 + x3.m3
Y ~ X + M + XM
x1 ~ 0*1; m1 ~ 0*1; y1 ~ 0*1; x1.m1 ~ 0*1
X ~ NA*1; M ~ NA*1; Y ~ NA*1; XM ~ NA*1"
tight <- list(rel.tol = 1e-12, iter.max = 50000L, eval.max = 50000L)
fit <- sem(model, made, meanstructure = TRUE, estimator = "MLR", control = tight, optim.force.converged = TRUE)
values <- c(2.5, 4, 5.5)
probe <- probe2WayMC(fit, nameX = c("X", "M", "XM"), nameY = "Y", modVar = "M", valProbe = values)
b <- coef(fit)[c("Y~X", "Y~XM")]; v <- vcov(fit)[names(b), names(b)]
gap <- function(m) abs(b[1] + b[2] * m) - qnorm(.975) * sqrt(v[1, 1] + 2 * m * v[1, 2] + m^2 * v[2, 2])
grid <- seq(-40, 40, 0.01); change <- which(diff(sign(gap(grid))) != 0)
bounds <- sapply(change, function(k) uniroot(gap, grid[k + 0:1], tol = 1e-14)$root)
plain <- function(d) lapply(as.list(as.data.frame(unclass(d))), as.numeric)
out <- list(software = list(lavaan = as.character(packageVersion("lavaan")), semTools = as.character(packageVersion("semTools"))),
            model = model, values = values, slopes = plain(probe$SimpleSlope), intercepts = plain(probe$SimpleIntcept), bounds = bounds)
writeLines(toJSON(out, digits = I(15), auto_unbox = TRUE), file.path(here, "numbers.json"))
