"""The model that power is timed with: 30 variables, 7 latents, a structural part, one indirect effect."""

ITEMS = (5, 5, 4, 4, 4, 4, 4)
PATHS = ((3, 1), (3, 2), (4, 3), (5, 3), (5, 4), (6, 5), (7, 5), (7, 6))


def population(items: tuple[int, ...] = ITEMS) -> str:
    """Return standardized values: loadings .7 and .8, paths .3, exogenous correlation .3."""
    latents = range(1, len(items) + 1)
    lines = [
        f"f{k} =~ " + " + ".join(f"{0.7 + 0.1 * (j % 2):.1f}*x{k}{j}" for j in range(size))
        for k, size in zip(latents, items, strict=True)
    ]
    lines += [f"f{b} ~ .3*f{a}" for b, a in PATHS if max(a, b) <= len(items)]
    return "\n".join([*lines, "f1 ~~ .3*f2"])


def model(items: tuple[int, ...] = ITEMS) -> str:
    """Return the model that is estimated."""
    latents = range(1, len(items) + 1)
    lines = [f"f{k} =~ " + " + ".join(f"x{k}{j}" for j in range(size)) for k, size in zip(latents, items, strict=True)]
    lines += [f"f{b} ~ p{b}{a}*f{a}" for b, a in PATHS if max(a, b) <= len(items)]
    return "\n".join([*lines, "ind := p31*p43"] if len(items) >= 4 else lines)
